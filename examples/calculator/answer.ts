/** What a call is answered with; `server.ts` adds the length. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An error document of RFC 9457. Without a type of its own the title is the status's phrase. */
export function problem(
  status: number,
  title: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
  type = "about:blank",
): Answer {
  const body = `${JSON.stringify({ type, title, status, detail })}\n`;
  return { status, headers: { "content-type": "application/problem+json", ...headers }, body };
}

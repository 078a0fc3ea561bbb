import { deepEqual } from "node:assert/strict";
import type { Check } from "./check.ts";
import { type Arrival, answerOk } from "./destination.ts";
import type { Header } from "./message.ts";

export interface RequestSpec {
  readonly line: string;
  /** Lines besides Host. */
  readonly headers?: readonly string[];
  /** False: no Host. */
  readonly host?: boolean;
  readonly body?: string;
  /** The body as it is on the wire, when that is not `body` itself; then `headers` say how it is framed. */
  readonly wire?: string;
  /** What arrives, where it is not simply what was sent. Names in lower case. */
  readonly arrives?: Partial<Arrived>;
}

/** What must be the same whatever the framing of the hop. Names in lower case, in order. */
export interface Arrived {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body: string;
  readonly trailers: readonly Header[];
}

export const host = "Host: calc.example";

export function requestText({ line, headers = [], host: withHost = true, body, wire }: RequestSpec): string {
  const lines = [line, ...(withHost ? [host] : []), ...headers];
  if (body !== undefined && wire === undefined) lines.push(`Content-Length: ${body.length}`);
  return `${lines.join("\r\n")}\r\n\r\n${wire ?? body ?? ""}`;
}

/** The request arrives as it was sent, once, and its answer comes back. */
export function passes(name: string, spec: RequestSpec): Omit<Check, "group"> {
  return {
    name,
    async run(way) {
      way.destination.begin(answerOk);
      const client = await way.connect();
      client.send(requestText(spec));
      const { status, body } = await client.response(methodOf(spec));
      deepEqual({ status, body }, { status: 200, body: methodOf(spec) === "HEAD" ? "" : "ok" });
      deepEqual(way.destination.arrivals.map(arrived), [{ ...sent(spec), ...spec.arrives }]);
      return undefined;
    },
  };
}

export function arrived({ method, target, headers, body, trailers }: Arrival): Arrived {
  const path = target.replace(/^https?:\/\/[^/?]*/, "");
  return { method, target: path, headers: endToEnd(headers), body, trailers: lowered(trailers) };
}

function sent(spec: RequestSpec): Arrived {
  const [method = "", target = ""] = spec.line.split(" ");
  const headers = (spec.headers ?? []).map(parse);
  return { method, target, headers: endToEnd(headers), body: spec.body ?? "", trailers: [] };
}

function methodOf({ line }: RequestSpec): string {
  return line.split(" ")[0] ?? "";
}

export function parse(line: string): Header {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, "")];
}

/** Without what a hop says for itself: its framing, its connection, where the call came from. */
export function endToEnd(headers: readonly Header[]): Header[] {
  return lowered(headers).filter(([name]) => !ofHop.has(name));
}

export function lowered(headers: readonly Header[]): Header[] {
  return headers.map(([name, value]) => [name.toLowerCase(), value]);
}

const ofHop = new Set([
  "connection",
  "content-length",
  "forwarded",
  "host",
  "keep-alive",
  "transfer-encoding",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

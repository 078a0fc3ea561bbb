import { deepEqual } from "node:assert/strict";
import type { Check } from "./check.ts";
import type { Response } from "./client.ts";
import type { Header } from "./message.ts";
import { lowered, parse, requestText } from "./request-check.ts";

export interface ResponseSpec {
  /** "200 OK" */
  readonly status: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  /** The body as it is on the wire, when that is not `body` itself; then `headers` say how it is framed. */
  readonly wire?: string;
  /** The destination closes the connection afterwards. */
  readonly closes?: boolean;
  readonly version?: string;
  readonly method?: string;
  /** Lines of the request besides Host. */
  readonly asks?: readonly string[];
  /** What comes back, where it is not simply what was sent. Names in lower case. */
  readonly comes?: Partial<Came>;
}

/** Names in lower case, in order. */
export interface Came {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
  readonly body: string;
  readonly trailers: readonly Header[];
}

export function responseText({ version = "1.1", status, headers = [], body, wire }: ResponseSpec): string {
  const lines = [`HTTP/${version} ${status}`, ...headers];
  if (body !== undefined && wire === undefined) lines.push(`Content-Length: ${body.length}`);
  return `${lines.join("\r\n")}\r\n\r\n${wire ?? body ?? ""}`;
}

/** The response comes back as the destination sent it. */
export function comesBack(name: string, spec: ResponseSpec): Omit<Check, "group"> {
  return {
    name,
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send(responseText(spec));
        if (spec.closes) arrival.close();
      });
      const client = await way.connect();
      const method = spec.method ?? "GET";
      client.send(requestText({ line: `${method} /response HTTP/1.1`, headers: spec.asks ?? [] }));
      deepEqual(came(await client.response(method)), { ...said(spec), ...spec.comes });
      return undefined;
    },
  };
}

export function came({ status, reason, headers, body, trailers }: Response): Came {
  return { status, reason, headers: endToEnd(headers), body, trailers: lowered(trailers) };
}

function said(spec: ResponseSpec): Came {
  const [status = ""] = spec.status.split(" ", 1);
  const headers = (spec.headers ?? []).map(parse);
  if (spec.body !== undefined && spec.wire === undefined) headers.push(["Content-Length", String(spec.body.length)]);
  const reason = spec.status.slice(status.length + 1);
  return { status: Number(status), reason, headers: endToEnd(headers), body: spec.body ?? "", trailers: [] };
}

function endToEnd(headers: readonly Header[]): Header[] {
  return lowered(headers).filter(([name]) => !ofHop.has(name));
}

const ofHop = new Set(["connection", "keep-alive", "transfer-encoding"]);

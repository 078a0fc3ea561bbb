import { STATUS_CODES } from "node:http";
import { TunnelError } from "@sallyport/proto/error";

/** What is answered to bytes that are no request: there is no exchange yet, so the answer is written by hand. */
export interface Refusal {
  /** 0: broken off without an answer. */
  readonly status: 0 | 400 | 408 | 413 | 431 | 501;
  readonly detail: string;
}

/** The refusal for an error of node's parser. Undefined: the connection itself failed, and nobody reads an answer. */
export function refusalOf(error: NodeJS.ErrnoException): Refusal | undefined {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return { status: 431, detail: "the request's headers are larger than this listener takes" };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { status: 413, detail: "the extensions of a chunk are larger than this listener takes" };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, detail: "the request's headers did not arrive in time" };
    case "HPE_INVALID_EOF_STATE":
      return { status: 400, detail: "the request ends before it is whole" };
    case "HPE_PAUSED_H2_UPGRADE":
      return { status: 400, detail: "this listener speaks HTTP/1.1 and HTTP/1.0, not HTTP/2" };
  }
  if (!error.code?.startsWith("HPE_")) return undefined;
  return { status: 400, detail: `the request is malformed: ${reasonOf(error)}` };
}

/** The same, for an exchange whose head was read and whose body then broke. */
export function faultOf(error: NodeJS.ErrnoException): TunnelError {
  const refusal = refusalOf(error);
  if (refusal === undefined || error.code === "HPE_INVALID_EOF_STATE") {
    return new TunnelError("CANCELLED", "the client broke off before its request was whole", error);
  }
  return new TunnelError(refusal.status === 413 ? "PAYLOAD_TOO_LARGE" : "BAD_REQUEST", refusal.detail, error);
}

/** The whole response, with `Connection: close`. */
export function refusalBytes(refusal: Refusal, now: Date): Buffer {
  const title = STATUS_CODES[refusal.status];
  const body = JSON.stringify({ type: "about:blank", title, status: refusal.status, detail: refusal.detail });
  const head =
    `HTTP/1.1 ${refusal.status} ${title}\r\nDate: ${now.toUTCString()}\r\nConnection: close\r\n` +
    `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(head + body);
}

/** "Parse Error: Duplicate Content-Length" → "Duplicate Content-Length". */
function reasonOf(error: Error): string {
  return error.message.replace(/^Parse Error(?:: )?/, "") || "it cannot be parsed";
}

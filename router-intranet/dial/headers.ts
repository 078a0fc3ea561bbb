import { TunnelError } from "@sallyport/proto/error";
import { headBytesMax } from "@sallyport/proto/frame";
import { unknownLength } from "./destination.ts";

/**
 * What of a head goes on. Names, case, order and duplicates are kept; what belongs to one connection is taken out
 * (RFC 9110, 7.6.1), in both directions and although the peer has done it: nothing rests on the peer's word.
 */
export type Forwarded<T> = ({ readonly t: "forwarded" } & T) | { readonly t: "malformed"; readonly error: TunnelError };

type Headers = { readonly headers: readonly string[] };

/**
 * A request's headers from an OPEN, with the length of the body that follows. `Transfer-Encoding: chunked` is R1's sign
 * of a body of unknown length. With no `Host`, as HTTP/1.0 allows, the destination's own goes in.
 */
export function forwardRequest(
  raw: readonly string[],
  origin: string,
): Forwarded<Headers & { readonly bodyBytes: number }> {
  const scan = scanHeaders(raw);
  const chunked = scan.codings.length === 1 && scan.codings[0] === "chunked";
  if (scan.hosts > 1) return malformed("BAD_REQUEST", "the request has more than one Host header");
  if (scan.codings.length > 0 && !chunked) {
    return malformed("BAD_REQUEST", `the request's Transfer-Encoding is not "chunked"`);
  }
  if (scan.lengths.length > (chunked ? 0 : 1)) {
    return malformed("BAD_REQUEST", "the request says more than once how long its body is");
  }
  const bodyBytes = chunked ? unknownLength : parseLength(scan.lengths[0] ?? "0");
  if (Number.isNaN(bodyBytes)) return malformed("BAD_REQUEST", "the request's Content-Length is not a number");
  if (scan.hosts === 0) scan.headers.unshift("Host", new URL(origin).host);
  return { t: "forwarded", headers: scan.headers, bodyBytes };
}

/** A response's headers. Its framing was read by the library below. */
export function forwardResponse(raw: readonly string[], reason: string): Forwarded<Headers> {
  const scan = scanHeaders(raw);
  if (scan.codings.some((coding) => coding !== "chunked" && coding !== "identity")) {
    return malformed("DESTINATION_FAILED", "the destination's response has a transfer coding other than chunked");
  }
  return fitting(scan.headers, reason, "response head");
}

export function forwardRequestTrailers(raw: readonly string[]): readonly string[] {
  return raw.length === 0 ? raw : withoutFraming(scanHeaders(raw).headers);
}

export function forwardResponseTrailers(raw: readonly string[]): Forwarded<Headers> {
  return fitting(forwardRequestTrailers(raw), "", "trailers");
}

interface Scan {
  headers: string[];
  hosts: number;
  lengths: readonly string[];
  /** Transfer codings, in lower case. */
  codings: readonly string[];
}

const none: readonly string[] = [];

function scanHeaders(raw: readonly string[]): Scan {
  const scan: Scan = { headers: [], hosts: 0, lengths: none, codings: none };
  let connection: string[] | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const value = raw[i + 1]!;
    const name = raw[i]!.toLowerCase();
    if (name === "connection")
      connection = connection === undefined ? tokens(value) : [...connection, ...tokens(value)];
    else if (name === "transfer-encoding") scan.codings = [...scan.codings, ...tokens(value)];
    else if (hopByHop.has(name) || name.startsWith("sallyport-")) continue;
    else {
      if (name === "host") scan.hosts++;
      else if (name === "content-length") scan.lengths = [...scan.lengths, value];
      scan.headers.push(raw[i]!, value);
    }
  }
  // What most say, and no header that is still there.
  const isCommon = connection?.every((option) => option === "keep-alive" || option === "close") ?? true;
  if (connection !== undefined && !isCommon) scan.headers = withoutNamed(scan.headers, connection);
  return scan;
}

const hopByHop = new Set(["keep-alive", "proxy-connection", "te", "upgrade", "http2-settings"]);

/** Stays even if a Connection header names it: the message's end and its addressee hang on it. */
const neverConnection = new Set(["host", "content-length", "expect"]);

function withoutNamed(headers: readonly string[], connection: readonly string[]): string[] {
  return filterNames(headers, (name) => neverConnection.has(name) || !connection.includes(name));
}

/** Framing and routing may not come after the body (RFC 9110, 6.5.1). */
function withoutFraming(trailers: readonly string[]): string[] {
  return filterNames(trailers, (name) => name !== "content-length" && name !== "host" && name !== "trailer");
}

function filterNames(headers: readonly string[], keep: (lowerName: string) => boolean): string[] {
  return headers.filter((_, i) => keep(headers[i - (i % 2)]!.toLowerCase()));
}

function tokens(value: string): string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((token) => token.trim());
}

function parseLength(value: string): number {
  const length = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(length) ? length : Number.NaN;
}

/** Counts room for each field's length, so that the frame fits in a batch whatever the number of fields. */
function fitting(headers: readonly string[], reason: string, what: string): Forwarded<Headers> {
  let bytes = reason.length + 16;
  for (const text of headers) bytes += text.length + 6;
  if (bytes <= headBytesMax) return { t: "forwarded", headers };
  return malformed("DESTINATION_FAILED", `the destination's ${what} takes over ${headBytesMax} bytes; make it smaller`);
}

function malformed(code: "BAD_REQUEST" | "DESTINATION_FAILED", message: string) {
  return { t: "malformed", error: new TunnelError(code, message) } as const;
}

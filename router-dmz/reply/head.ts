import { TunnelError } from "@sallyport/proto/error";
import type { Head } from "@sallyport/proto/frame";

/** A destination's response head as this hop sends it on. */
export interface ReplyHead {
  /** Names and values alternate, in the order, case and bytes they came in. */
  readonly headers: string[];
  readonly body: ReplyBody;
}

/** How the client knows where the body ends. */
export type ReplyBody =
  | { readonly t: "none" }
  | { readonly t: "length"; readonly bytes: number }
  | { readonly t: "chunked" }
  | { readonly t: "close" };

/** Throws DESTINATION_FAILED for a head that no client may see. RFC 9110, 7.6.1 and 8.6; RFC 9112, 6.3. */
export function replyHead(head: Head, method: string, http11: boolean): ReplyHead {
  if (!(head.status >= 200 && head.status <= 999)) throw failed(`its status ${head.status} is no final one`);
  checkBytes(head);
  const names = lowerNames(head.headers);
  const body = bodyOf(head.status, method, http11, contentLengthOf(head.headers, names));
  const ours = head.status === 204 ? withoutLength : body.t === "chunked" ? thisHop : withoutTrailer;
  const headers = withoutHop(head.headers, names, ours);
  return { headers: names.includes("content-disposition") ? lengthAfterDisposition(headers) : headers, body };
}

/** The head by which the destination switches protocols, as it goes on the wire. Throws DESTINATION_FAILED, as `replyHead`. */
export function switchingHead(head: Head): string {
  checkBytes(head);
  const names = lowerNames(head.headers);
  const upgrade = head.headers[names.indexOf("upgrade") * 2 + 1];
  if (!names.includes("upgrade") || upgrade === undefined) throw failed("its 101 names no protocol");
  const headers = ["Connection", "Upgrade", "Upgrade", upgrade, ...interimHeaders(head.headers)];
  const lines = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}\r\n`] : []));
  return `HTTP/1.1 101 ${head.reason}\r\n${lines.join("")}\r\n`;
}

/** The headers of an interim head (RFC 9110, 15.2), without what belongs to the destination's hop. */
export function interimHeaders(raw: readonly string[]): string[] {
  return withoutHop(raw, lowerNames(raw), withoutLength);
}

/** Trailers that may be sent on, as pairs. RFC 9110, 6.5.1. */
export function replyTrailers(raw: readonly string[]): [string, string][] {
  const kept = withoutHop(raw, lowerNames(raw), notInTrailers);
  return kept.flatMap((name, at) => (at % 2 === 0 ? [[name, kept[at + 1] ?? ""] as [string, string]] : []));
}

const thisHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);
/** Trailers need chunks; node refuses to announce them otherwise. */
const withoutTrailer: ReadonlySet<string> = new Set([...thisHop, "trailer"]);
const withoutLength: ReadonlySet<string> = new Set([...withoutTrailer, "content-length"]);
const notInTrailers: ReadonlySet<string> = new Set([
  ...withoutLength,
  "content-encoding",
  "content-type",
  "set-cookie",
]);

/** Node checks this too, but after a refusal its response can no longer carry a fault. */
function checkBytes(head: Head): void {
  const { reason, headers } = head;
  const ok = headers.every((text, at) => (at % 2 === 0 ? token.test(text) : fieldValue.test(text)));
  if (!ok || headers.length % 2 !== 0 || !fieldValue.test(reason)) {
    throw failed("its head has bytes that HTTP does not allow");
  }
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Of each pair, in lower case. */
function lowerNames(raw: readonly string[]): string[] {
  const names = new Array<string>(raw.length >> 1);
  for (let at = 0; at < names.length; at++) names[at] = raw[at * 2]!.toLowerCase();
  return names;
}

function withoutHop(raw: readonly string[], names: readonly string[], ours: ReadonlySet<string>): string[] {
  const named = connectionOptions(raw, names);
  const kept: string[] = [];
  let lengths = 0;
  for (let at = 0; at < names.length; at++) {
    const name = names[at]!;
    if (ours.has(name) || named?.has(name)) continue;
    if (name === "content-length" && lengths++ > 0) continue;
    kept.push(raw[at * 2]!, raw[at * 2 + 1]!);
  }
  return kept;
}

function connectionOptions(raw: readonly string[], names: readonly string[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let at = names.indexOf("connection"); at !== -1; at = names.indexOf("connection", at + 1)) {
    named ??= new Set();
    for (const option of raw[at * 2 + 1]!.toLowerCase().split(",")) named.add(option.trim());
  }
  // No option may hide how long the body is.
  named?.delete("content-length");
  return named;
}

function bodyOf(status: number, method: string, http11: boolean, length: number | undefined): ReplyBody {
  if (method === "HEAD" || status === 204 || status === 304) return { t: "none" };
  if (length !== undefined) return { t: "length", bytes: length };
  return { t: http11 ? "chunked" : "close" };
}

/** Equal ones count as one: RFC 9110, 8.6. */
function contentLengthOf(raw: readonly string[], names: readonly string[]): number | undefined {
  let length: string | undefined;
  for (let at = names.indexOf("content-length"); at !== -1; at = names.indexOf("content-length", at + 1)) {
    const value = raw[at * 2 + 1]!;
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(+value)) throw failed("its Content-Length is no whole number");
    if (length !== undefined && length !== value) throw failed("it has two Content-Lengths that differ");
    length = value;
  }
  return length === undefined ? undefined : +length;
}

/**
 * Node 24 decodes a Content-Disposition that follows a Content-Length as UTF-8 and so changes or refuses bytes over 127;
 * one that goes before it stays as it is. So such a Content-Length goes last.
 */
function lengthAfterDisposition(headers: string[]): string[] {
  const isNamed = (at: number, name: string) => headers[at - (at % 2)]!.toLowerCase() === name;
  const length = headers.findIndex((_, at) => isNamed(at, "content-length"));
  if (length === -1) return headers;
  const spoilt = (value: string, at: number) =>
    at > length && at % 2 === 1 && obsText.test(value) && isNamed(at, "content-disposition");
  if (!headers.some(spoilt)) return headers;
  return [...headers.slice(0, length), ...headers.slice(length + 2), ...headers.slice(length, length + 2)];
}

/** RFC 9110, 5.5. */
const obsText = /[\x80-\xff]/;

function failed(why: string): TunnelError {
  return new TunnelError("DESTINATION_FAILED", `the destination's response cannot be passed on: ${why}`);
}

import type { IncomingMessage } from "node:http";
import { TunnelError } from "@sallyport/proto/error";
import { CallKind, emptyOpen, type Open } from "@sallyport/proto/frame";
import { endpoint } from "../endpoint.ts";
import { forwardedHeaders, isForwarded, type Origin } from "./forwarded.ts";
import { checkTarget } from "./target.ts";
import { traceContext } from "./trace.ts";

/** What a request's head says, and who says it over which connection. */
export interface RequestContext {
  readonly id: string;
  readonly listener: string;
  readonly connection: number;
  readonly clientAddress: string;
  readonly clientPort: number;
  /** "address:port" that the client connected to. */
  readonly local: string;
  readonly secure: boolean;
}

export type RequestHead = Pick<IncomingMessage, "method" | "url" | "httpVersion" | "rawHeaders">;

/** Names in a request, each with its value. More are refused, however short. */
export const headersMax = 1000;

/**
 * The OPEN of one HTTP request: method, target and headers as they came, in order, each name in its case, each value in
 * its bytes; only what belongs to this hop is gone, and what the client said of earlier hops is replaced by what R1 saw.
 *
 * How R2 knows the body: `Content-Length` stays as it was sent. A body of unknown length shows as the one header pair
 * `Transfer-Encoding: chunked`, which R2 takes out. With neither there is no body, and FIN follows OPEN at once.
 *
 * Throws BAD_REQUEST for a head that R1 and a destination might read differently (request smuggling): RFC 9112, 11.2.
 */
export function toOpen(request: RequestHead, context: RequestContext): Open {
  const method = request.method ?? "";
  const target = request.url ?? "";
  const head = readHead(request.rawHeaders);
  checkVersion(request.httpVersion);
  const host = checkHost(head, request.httpVersion);
  checkTarget(method, target, host);
  checkFraming(head, request.httpVersion);
  const origin = { address: context.clientAddress, host, proto: context.secure ? "https" : "http" } as const;
  const { traceparent, tracestate } = traceContext(head.traceparents, head.tracestates);
  // Field by field: to spread objects into one costs each call a look-up per field.
  return {
    kind: CallKind.exchange,
    id: context.id,
    listener: context.listener,
    connection: context.connection,
    client: endpoint(context.clientAddress, context.clientPort),
    local: context.local,
    deadlineMs: 0,
    tenant: "",
    traceparent,
    tracestate,
    secure: context.secure,
    serverName: "",
    method,
    target,
    httpVersion: request.httpVersion,
    headers: withForwarded(withoutNamed(head), origin),
    preamble: emptyOpen.preamble,
    protocol: "HTTP",
    alpn: "",
    upgradeProtocol: "",
  };
}

interface HeadFacts {
  /** What goes on, but for what `Connection` names. */
  readonly kept: string[];
  connection: readonly string[];
  hosts: readonly string[];
  lengths: readonly string[];
  transferEncodings: readonly string[];
  traceparents: readonly string[];
  tracestates: readonly string[];
}

const none: readonly string[] = [];

function readHead(raw: readonly string[]): HeadFacts {
  if (raw.length > headersMax * 2) throw refused(`it has more than ${headersMax} headers`);
  const facts: HeadFacts = {
    kept: [],
    connection: none,
    hosts: none,
    lengths: none,
    transferEncodings: none,
    traceparents: none,
    tracestates: none,
  };
  for (let at = 0; at + 1 < raw.length; at += 2) readHeader(facts, raw[at] ?? "", raw[at + 1] ?? "");
  return facts;
}

function readHeader(facts: HeadFacts, name: string, value: string): void {
  const lower = name.toLowerCase();
  switch (lower) {
    case "keep-alive":
    case "proxy-connection":
    case "proxy-authenticate":
    case "proxy-authorization":
    case "upgrade":
      return;
    case "connection":
      facts.connection = [...facts.connection, value];
      return;
    case "te":
      // The one offer that R2 can take up; any other names a transfer coding of this hop.
      if (acceptsTrailers.test(value)) facts.kept.push(name, "trailers");
      return;
    case "transfer-encoding":
      facts.transferEncodings = [...facts.transferEncodings, value];
      facts.kept.push("Transfer-Encoding", "chunked");
      return;
    case "host":
      facts.hosts = [...facts.hosts, value];
      break;
    case "content-length":
      facts.lengths = [...facts.lengths, value];
      break;
    case "traceparent":
      facts.traceparents = [...facts.traceparents, value];
      break;
    case "tracestate":
      facts.tracestates = [...facts.tracestates, value];
      break;
    default:
      if (isForwarded(lower)) return;
  }
  facts.kept.push(name, value);
}

const acceptsTrailers = /(?:^|,)[ \t]*trailers[ \t]*(?:,|;|$)/i;

function withForwarded(headers: string[], origin: Origin): string[] {
  headers.push(...forwardedHeaders(origin));
  return headers;
}

/** RFC 9110, 7.6.1: what `Connection` names belongs to this hop, but for what every request needs. */
function withoutNamed(facts: HeadFacts): string[] {
  if (facts.connection.length === 0) return facts.kept;
  const named = new Set(facts.connection.join(",").toLowerCase().split(",").map(trim));
  for (const name of neverDropped) named.delete(name);
  if (named.size === 0) return facts.kept;
  return facts.kept.filter((_, at) => !named.has(facts.kept[at - (at % 2)]!.toLowerCase()));
}

/** The common options, which are no headers or gone already; and what a client may not hide from a destination. */
const neverDropped = [
  "",
  "close",
  "keep-alive",
  "authorization",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "host",
  "soapaction",
  "te",
  "transfer-encoding",
  "upgrade",
];

function checkVersion(version: string): void {
  if (version === "1.1" || version === "1.0") return;
  throw refused(`it says HTTP/${version}; this listener speaks HTTP/1.1 and HTTP/1.0`);
}

/** RFC 9112, 3.2: one Host, or none in HTTP/1.0. */
function checkHost(facts: HeadFacts, version: string): string {
  const host = facts.hosts[0];
  if (facts.hosts.length > 1) throw refused("it has more than one Host header");
  if (host === undefined && version === "1.1") throw refused("it has no Host header");
  if (host !== undefined && !hostAndPort.test(host)) throw refused("its Host header is not a host name with a port");
  return host ?? "";
}

/** RFC 9110, 7.2: uri-host [ ":" port ]; may be empty. */
const hostAndPort = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::\d{0,5})?$/;

/**
 * The parser has refused what is plainly wrong; what it lets by and a destination may read otherwise ends here: codings
 * besides chunked (it takes "gzip, chunked" and ",chunked"), chunks in HTTP/1.0, a length that no number holds.
 */
function checkFraming(facts: HeadFacts, version: string): void {
  const { transferEncodings, lengths } = facts;
  const coding = transferEncodings[0];
  const length = lengths[0];
  if (length !== undefined && !(/^\d+$/.test(length) && lengths.length === 1 && Number.isSafeInteger(+length))) {
    throw refused("its Content-Length is not one whole number");
  }
  if (coding === undefined) return;
  if (length !== undefined) throw refused("it has both Transfer-Encoding and Content-Length");
  if (version === "1.0") throw refused("it has Transfer-Encoding, which HTTP/1.0 does not know");
  if (transferEncodings.length > 1 || coding.toLowerCase() !== "chunked") {
    throw refused("its Transfer-Encoding is other than chunked");
  }
}

/** Trailers that may go on: RFC 9110, 6.5.1, bars what frames, routes or describes the message's head. */
export function toTrailers(raw: readonly string[]): string[] {
  return raw.filter((_, at) => {
    const name = raw[at - (at % 2)]!.toLowerCase();
    return !notInTrailers.has(name) && !isForwarded(name);
  });
}

const notInTrailers = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function trim(text: string): string {
  return text.trim();
}

function refused(why: string): TunnelError {
  return new TunnelError("BAD_REQUEST", `the request was refused: ${why}`);
}

import type { ErrorName, TunnelError } from "@sallyport/proto/error";

/**
 * The one place where an error of the tunnel becomes what an HTTP caller understands: a SOAP 1.1 or 1.2 fault, or a
 * problem document (RFC 9457). Statuses: docs/protocol.md, "Errors".
 */

/** What of the request decides the form of the answer. */
export interface FaultFacts {
  readonly method: string;
  readonly contentType: string | undefined;
  /** The request has a SOAPAction header. */
  readonly soapAction: boolean;
}

export interface FaultReply {
  readonly status: number;
  /** Names and values alternate. */
  readonly headers: string[];
  /** Empty in the answer to HEAD, whose Content-Length still counts what GET would get. */
  readonly body: Buffer;
}

/** The answer to a call that failed before its response's head had left. Total: every code has one. */
export function faultReply(error: TunnelError, callId: string, facts: FaultFacts): FaultReply {
  const kind = kinds[error.code];
  const form = formOf(facts);
  const body = Buffer.from(write[form](error, callId, kind), "utf8");
  const headers = ["Content-Type", contentTypes[form], "Content-Length", String(body.length)];
  headers.push("Cache-Control", "no-store");
  const retryAfter = retryAfterSeconds(error, kind);
  if (retryAfter > 0) headers.push("Retry-After", String(retryAfter));
  return { status: statusOf(form, kind), headers, body: facts.method === "HEAD" ? Buffer.alloc(0) : body };
}

/** Where nobody said when. R2 dials again within about a second: docs/protocol.md, "R2's uplink". */
const defaultRetryAfterSeconds = 1;

/** 0: the caller is not told. Whoever refused the call knows best. */
function retryAfterSeconds({ retryAfterMs }: TunnelError, kind: Kind): number {
  if (retryAfterMs > 0) return Math.ceil(retryAfterMs / 1000);
  return kind.retry ? defaultRetryAfterSeconds : 0;
}

type Form = "soap11" | "soap12" | "problem";

interface Kind {
  readonly status: number;
  readonly title: string;
  /** The caller's own fault, to be mended before it tries again. */
  readonly sender: boolean;
  readonly retry: boolean;
}

const kinds: Record<ErrorName, Kind> = {
  REFUSED: busy("The call was not taken up"),
  NO_ROUTE: client(404, "No route matches"),
  HOLD_TIMEOUT: busy("The destination was not started in time"),
  DESTINATION_UNREACHABLE: server(502, "The destination cannot be reached"),
  DESTINATION_TIMEOUT: server(504, "The destination did not respond in time"),
  DESTINATION_FAILED: server(502, "The destination broke the call off"),
  OVERLOADED: busy("A limit of the tunnel was reached"),
  DRAINING: busy("The router stops"),
  LINK_LOST: server(502, "The link broke; the call may have been delivered"),
  NO_LINK: busy("No intranet router is connected"),
  PROTOCOL: server(502, "The routers did not understand each other"),
  FLOW_CONTROL: server(502, "Data beyond the credit"),
  POLICY: client(403, "Forbidden by configuration"),
  // Nobody is left to read this one; a peer that says it of a client that is still there has failed.
  CANCELLED: server(502, "The call was cancelled"),
  BAD_REQUEST: client(400, "The request is malformed"),
  REQUEST_TIMEOUT: client(408, "The request did not arrive in time"),
  PAYLOAD_TOO_LARGE: client(413, "The request is over a size limit"),
  INTERNAL: server(502, "A router failed"),
  QUOTA_EXCEEDED: { status: 429, title: "More than one client may ask for", sender: true, retry: true },
};

function client(status: number, title: string): Kind {
  return { status, title, sender: true, retry: false };
}

function server(status: number, title: string): Kind {
  return { status, title, sender: false, retry: false };
}

function busy(title: string): Kind {
  return { status: 503, title, sender: false, retry: true };
}

/**
 * SOAP 1.1 asks for 500 (section 6.2). SOAP 1.2 asks for 400 where the sender is at fault (part 2, table 20), but WCF and
 * CXF look for a fault in a 500 only: the fault says whose mistake it was.
 */
function statusOf(form: Form, kind: Kind): number {
  if (form === "problem" || kind.status === 503) return kind.status;
  // SOAP clients know 503 as busy and have never heard of 429.
  if (kind.retry) return 503;
  return 500;
}

const soap11Type = "text/xml";
const soap12Type = "application/soap+xml";

const contentTypes: Record<Form, string> = {
  soap11: `${soap11Type}; charset=utf-8`,
  soap12: `${soap12Type}; charset=utf-8`,
  problem: "application/problem+json",
};

const write: Record<Form, (error: TunnelError, callId: string, kind: Kind) => string> = {
  soap11: (error, callId, kind) =>
    `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` +
    `<s:Fault><faultcode>s:${kind.sender ? "Client" : "Server"}</faultcode>` +
    `<faultstring xml:lang="en">${xml(textOf(error, kind))}</faultstring>` +
    `<detail>${detail(error, callId)}</detail></s:Fault></s:Body></s:Envelope>`,
  soap12: (error, callId, kind) =>
    `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>` +
    `<s:Fault><s:Code><s:Value>s:${kind.sender ? "Sender" : "Receiver"}</s:Value></s:Code>` +
    `<s:Reason><s:Text xml:lang="en">${xml(textOf(error, kind))}</s:Text></s:Reason>` +
    `<s:Detail>${detail(error, callId)}</s:Detail></s:Fault></s:Body></s:Envelope>`,
  problem: (error, callId, kind) =>
    JSON.stringify({
      type: `${errorNamespace}/${error.code}`,
      title: kind.title,
      status: kind.status,
      detail: textOf(error, kind),
      code: error.code,
      callId,
    }),
};

const errorNamespace = "http://sallyport.dev/error";

function detail(error: TunnelError, callId: string): string {
  return `<sallyport:error xmlns:sallyport="${errorNamespace}" code="${error.code}" callId="${xml(callId)}"/>`;
}

function textOf(error: TunnelError, kind: Kind): string {
  return error.message === "" ? kind.title : error.message;
}

/** Text or an attribute's value; what XML 1.0 cannot hold at all becomes U+FFFD. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"']/g, (found) => entities[found] ?? found);
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

function formOf(facts: FaultFacts): Form {
  const { type, parameters } = parseMediaType((facts.contentType ?? "").slice(0, mediaTypeLengthMax));
  const named = type === "multipart/related" ? multipartForm(parameters) : soapForm(type);
  return named ?? (facts.soapAction ? "soap11" : "problem");
}

/** What of a Content-Type is looked at, so that an endless one costs no time. */
const mediaTypeLengthMax = 1024;

/** `type` names the root part's own type (RFC 2387); for MTOM that is XOP and `start-info` has the envelope's. */
function multipartForm(parameters: ReadonlyMap<string, string>): Form | undefined {
  return soapForm(mediaTypeOf(parameters.get("type"))) ?? soapForm(mediaTypeOf(parameters.get("start-info")));
}

function soapForm(type: string): Form | undefined {
  if (type === soap12Type) return "soap12";
  return type === soap11Type ? "soap11" : undefined;
}

function mediaTypeOf(value: string | undefined): string {
  return parseMediaType(value ?? "").type;
}

function parseMediaType(value: string): { type: string; parameters: ReadonlyMap<string, string> } {
  const semicolon = value.indexOf(";");
  if (semicolon === -1) return { type: value.trim().toLowerCase(), parameters: new Map() };
  const parameters = new Map<string, string>();
  for (const [, name = "", quoted, plain = ""] of value.slice(semicolon).matchAll(parameter)) {
    parameters.set(name.toLowerCase(), quoted === undefined ? plain : quoted.replace(/\\(.)/g, "$1"));
  }
  return { type: value.slice(0, semicolon).trim().toLowerCase(), parameters };
}

/** RFC 9110, 5.6.6: `; name=token` or `; name="quoted"`. */
const parameter = /;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g;

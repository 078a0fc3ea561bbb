import { readFile } from "node:fs/promises";
import { CallKind, emptyOpen, type Open } from "@sallyport/proto/frame";
import { type ListenerProtocol, protocolTraits } from "@sallyport/proto/listener-protocol";
import { CallFacts, type KnownEnvelope } from "@sallyport/router-intranet/match/call-facts";
import { EnvelopeScanner } from "@sallyport/router-intranet/match/envelope";
import type { HeaderTexts } from "@sallyport/router-intranet/match/envelope-header";
import type { RoutingTable } from "@sallyport/router-intranet/match/routing-table";
import { CliError, exitCodes } from "./cli-error.ts";
import { readProblem } from "./file-reader.ts";

/** The call that `sallyport check` is asked about. */
export interface CheckCall {
  readonly action: string | undefined;
  readonly headers: readonly NameValue[];
  /** Of the envelope; a name may be "{namespace}name". */
  readonly soapHeaders: readonly NameValue[];
  readonly path: string | undefined;
  /** Of a net.tcp session. */
  readonly via?: string | undefined;
  readonly host: string | undefined;
  readonly method: string | undefined;
  readonly listener: string | undefined;
  /** A file with the body. */
  readonly message: string | undefined;
}

export interface NameValue {
  readonly name: string;
  readonly value: string;
}

/** The body. Throws CliError. */
export async function readMessage(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    throw new CliError(exitCodes.usage, `${file}: ${readProblem(error)}`);
  }
}

/** The call's head as R2 would get it; what is not said is as a SOAP client or a browser would send it. */
export function openOf(call: CheckCall, message: Buffer | undefined): Open {
  const isSoap = call.action !== undefined || message !== undefined || call.soapHeaders.length > 0;
  const given = call.headers.map(({ name, value }): [string, string] => [name, value]);
  const contentType = given.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? guessType(message);
  const headers = [
    ...given.filter(([name]) => name.toLowerCase() !== "content-type"),
    ...(call.host === undefined ? [] : [["Host", call.host]]),
    ...(isSoap ? soapHead(contentType, call.action) : given.filter(([name]) => name.toLowerCase() === "content-type")),
    ...(message === undefined ? [] : [["Content-Length", String(message.length)]]),
  ];
  return {
    ...emptyOpen,
    listener: call.listener ?? "",
    method: call.method ?? (isSoap ? "POST" : "GET"),
    target: call.path ?? "/",
    headers: headers.flat().map(asWire),
  };
}

/** A connection of a TCP or TLS listener, which has no more than the name that TLS calls. Throws CliError. */
export function rawOpenOf(call: CheckCall, protocol: ListenerProtocol): Open {
  const { listener = "", host = "", headers, soapHeaders, ...rest } = call;
  const asked = [rest.action, rest.path, rest.method, rest.message].some((value) => value !== undefined);
  const at = `listener ${listener} is ${protocol}, so a call is a stream of bytes`;
  if (asked || headers.length + soapHeaders.length > 0)
    throw new CliError(exitCodes.usage, `${at}; of the call's options only --listener and --host are for these`);
  if (host !== "" && protocolTraits(protocol).lacks.includes("host"))
    throw new CliError(exitCodes.usage, `${at} that names no host; leave out --host`);
  return { ...emptyOpen, kind: CallKind.raw, listener, protocol, serverName: host };
}

const soap12 = "application/soap+xml";

/** SOAP 1.2 has its namespace near the start of the envelope, in whatever encoding. */
function guessType(message: Buffer | undefined): string {
  const start = message?.subarray(0, 4096).toString("latin1").replaceAll("\0", "") ?? "";
  return start.includes("http://www.w3.org/2003/05/soap-envelope") ? soap12 : "text/xml";
}

/** SOAP 1.1 has the action in a header of its own, SOAP 1.2 in a parameter. */
function soapHead(contentType: string, action: string | undefined): [string, string][] {
  if (action === undefined) return [["Content-Type", contentType]];
  if (contentType.toLowerCase().startsWith(soap12)) return [["Content-Type", `${contentType}; action="${action}"`]];
  return [
    ["Content-Type", contentType],
    ["SOAPAction", `"${action}"`],
  ];
}

/** Header bytes travel as text of one character per byte. */
function asWire(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export type CheckedEnvelope =
  | { readonly t: "unknown" }
  | { readonly t: "known"; readonly facts: KnownEnvelope }
  | { readonly t: "refused"; readonly why: string };

/** What the routers would know of the call's envelope. */
export function envelopeOf(
  table: RoutingTable,
  open: Open,
  { soapHeaders }: CheckCall,
  message: Buffer | undefined,
): CheckedEnvelope {
  if (soapHeaders.length > 0) return { t: "known", facts: { t: "read", headers: headerTexts(soapHeaders) } };
  const { envelope } = new CallFacts(open);
  if (envelope.t !== "unread") return { t: "known", facts: envelope };
  if (message === undefined) return { t: "unknown" };
  const scanner = new EnvelopeScanner(envelope.form, table.askedHeaders);
  scanner.push(message);
  const outcome = scanner.end();
  switch (outcome.t) {
    case "found":
      return { t: "known", facts: { t: "read", headers: outcome.headers } };
    case "malformed":
      return { t: "refused", why: outcome.why };
    case "notSoap":
    case "tooLong":
      return { t: "known", facts: { t: "absent", why: outcome.why } };
    case "more":
      throw new Error("the scan of a whole message has no end");
  }
}

/** A match that names no namespace takes a block of any. */
function headerTexts(soapHeaders: readonly NameValue[]): HeaderTexts {
  const texts = new Map<string, string>();
  for (const { name, value } of soapHeaders) {
    for (const key of new Set([name, name.replace(/^\{[^}]*\}/, "")])) if (!texts.has(key)) texts.set(key, value);
  }
  return texts;
}

import { MIMEType } from "node:util";
import { type Addressing, isAddressing, readAddressing, refuseElsewhere, replyHeaders } from "./addressing.ts";
import { type Answer, problem } from "./answer.ts";
import { decodeXml } from "./charset.ts";
import { actionOf, divideByZeroAction, namespace } from "./contract.ts";
import {
  type Envelope,
  type Fault,
  faultHeaders,
  faultStatus,
  readEnvelope,
  refuseUnknownHeaders,
  type SoapVersion,
  soap11,
  soap12,
  writeEnvelope,
  writeFault,
} from "./envelope.ts";
import { calculate, operations, parseInt32 } from "./operations.ts";
import { Refusal } from "./refusal.ts";
import { shorten, type XmlElement } from "./xml.ts";

/**
 * Answers one POST. `keep` is given the message of each Log call. The operation is the Body's element alone: SOAPAction
 * and wsa:Action are for those who route the call.
 */
export function answerSoap(contentType: string | undefined, body: Buffer, keep: (message: string) => void): Answer {
  const media = readContentType(contentType);
  if (media === undefined) return unsupportedType(contentType);
  const { version, charset } = media;
  return orFault(version, undefined, () => {
    const envelope = readEnvelope(decodeXml(body, charset), version);
    const addressing = readAddressing(envelope.headers);
    return orFault(version, addressing, () => carryOut(version, addressing, envelope, keep));
  });
}

/** The fault for a call whose envelope was not read: it is in the version that the Content-Type speaks. */
export function answerUnread(contentType: string | undefined, reason: string): Answer {
  const media = readContentType(contentType);
  return media === undefined
    ? unsupportedType(contentType)
    : faultAnswer(media.version, undefined, new Refusal({ t: "client" }, reason));
}

function carryOut(
  version: SoapVersion,
  addressing: Addressing | undefined,
  envelope: Envelope,
  keep: (message: string) => void,
): Answer {
  refuseUnknownHeaders(envelope, version, isAddressing);
  const { call } = envelope;
  if (call.namespace === namespace && call.local === "Log") {
    keep(parameters(call, ["message"]).message);
    return { status: 202, headers: {}, body: "" };
  }
  refuseElsewhere(addressing);
  const operation = operations.find((known) => call.namespace === namespace && call.local === known);
  if (operation === undefined) throw unknownOperation(call);
  const { a, b } = parameters(call, ["a", "b"]);
  const result = calculate(operation, parseInt32("a", a), parseInt32("b", b));
  const name = `${operation}Response`;
  const element = `<${name} xmlns="${namespace}"><${operation}Result>${result}</${operation}Result></${name}>`;
  return soapAnswer(version, 200, addressing, actionOf(name), "", element);
}

/** The text of each parameter. Throws a Refusal for one that is missing, twice there, unknown or no plain text. */
function parameters<const Names extends readonly string[]>(
  call: XmlElement,
  names: Names,
): Record<Names[number], string> {
  const stranger = call.children.find((child) => child.namespace !== namespace || !names.includes(child.local));
  if (stranger !== undefined) throw strangeParameter(call, stranger, names);
  const entries = names.map((name) => {
    const [found, second] = call.children.filter((child) => child.local === name);
    if (found === undefined) throw client(`Parameter "${name}" of ${call.local} is missing.`);
    if (second !== undefined) throw client(`Parameter "${name}" of ${call.local} is there twice.`);
    if (found.children.length > 0) throw client(`Parameter "${name}" of ${call.local} holds elements, not text.`);
    return [name, found.text];
  });
  return Object.fromEntries(entries) as Record<Names[number], string>;
}

function strangeParameter(call: XmlElement, stranger: XmlElement, names: readonly string[]): Refusal {
  const name = shorten(stranger.local, 60);
  if (!names.includes(stranger.local))
    return client(`${call.local} has no parameter "${name}"; it has ${names.join(", ")}.`);
  const found = stranger.namespace === "" ? "no namespace" : `the namespace "${shorten(stranger.namespace, 100)}"`;
  return client(`Parameter "${name}" of ${call.local} is in ${found}; it belongs in "${namespace}".`);
}

function unknownOperation(call: XmlElement): Refusal {
  const name = `{${shorten(call.namespace, 100)}}${shorten(call.local, 60)}`;
  return client(`There is no operation ${name}; there are Add, Subtract, Divide and Log in "${namespace}".`);
}

function orFault(version: SoapVersion, addressing: Addressing | undefined, work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return faultAnswer(version, addressing, error);
    throw error;
  }
}

function faultAnswer(version: SoapVersion, addressing: Addressing | undefined, refusal: Refusal): Answer {
  const fault = faultOf(refusal, addressing);
  const status = faultStatus(version, fault);
  const action = faultAction(refusal, addressing);
  return soapAnswer(
    version,
    status,
    addressing,
    action,
    faultHeaders(version, refusal.why),
    writeFault(version, fault),
  );
}

function faultOf({ why, message: reason }: Refusal, addressing: Addressing | undefined): Fault {
  switch (why.t) {
    case "client":
      return { code: "client", subcodes: [], reason, detail: "" };
    case "divide-by-zero": {
      const detail = `<DivideByZero xmlns="${namespace}"><a>${why.a}</a><b>${why.b}</b></DivideByZero>`;
      return { code: "client", subcodes: [], reason, detail };
    }
    case "must-understand":
      return { code: "MustUnderstand", subcodes: [], reason, detail: "" };
    case "version-mismatch":
      return { code: "VersionMismatch", subcodes: [], reason, detail: "" };
    case "only-anonymous": {
      // The submission of 2004 has no such fault.
      const known = addressing?.version.soapFault !== addressing?.version.addressingFault;
      const subcodes = known ? ["wsa:InvalidAddressingHeader", "wsa:OnlyAnonymousAddressSupported"] : [];
      return { code: "client", subcodes, reason, detail: "" };
    }
  }
}

function faultAction({ why }: Refusal, addressing: Addressing | undefined): string {
  if (why.t === "divide-by-zero") return divideByZeroAction;
  const version = addressing?.version;
  return (why.t === "only-anonymous" ? version?.addressingFault : version?.soapFault) ?? "";
}

function soapAnswer(
  version: SoapVersion,
  status: number,
  addressing: Addressing | undefined,
  action: string,
  header: string,
  body: string,
): Answer {
  const headers = (addressing === undefined ? "" : replyHeaders(addressing, action)) + header;
  return {
    status,
    headers: { "content-type": `${version.mediaType}; charset=utf-8` },
    body: writeEnvelope(version, addressing?.version.namespace, headers, body),
  };
}

function readContentType(value: string | undefined): { version: SoapVersion; charset: string | undefined } | undefined {
  try {
    const type = new MIMEType(value ?? soap11.mediaType);
    const version = [soap11, soap12].find((known) => known.mediaType === type.essence);
    return version && { version, charset: type.params.get("charset") ?? undefined };
  } catch {
    return undefined;
  }
}

function unsupportedType(value: string | undefined): Answer {
  const detail = `The Content-Type is "${value}"; send text/xml for SOAP 1.1 or application/soap+xml for SOAP 1.2.`;
  return problem(415, "Unsupported Media Type", detail, { "accept-post": "text/xml, application/soap+xml" });
}

function client(text: string): Refusal {
  return new Refusal({ t: "client" }, text);
}

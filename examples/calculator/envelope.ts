import { Refusal, type RefusalCause } from "./refusal.ts";
import { escapeXml, parseXml, type XmlElement, type XmlName } from "./xml.ts";

/** SOAP envelopes, both versions: reading one, writing answers and faults. */

export interface SoapVersion {
  readonly name: "1.1" | "1.2";
  readonly namespace: string;
  readonly mediaType: string;
  /** Values of the actor or role attribute that mean this service. */
  readonly roles: readonly string[];
  readonly roleAttribute: "actor" | "role";
  readonly mustUnderstand: readonly string[];
}

export const soap11: SoapVersion = {
  name: "1.1",
  namespace: "http://schemas.xmlsoap.org/soap/envelope/",
  mediaType: "text/xml",
  roles: ["", "http://schemas.xmlsoap.org/soap/actor/next"],
  roleAttribute: "actor",
  mustUnderstand: ["1"],
};

export const soap12: SoapVersion = {
  name: "1.2",
  namespace: "http://www.w3.org/2003/05/soap-envelope",
  mediaType: "application/soap+xml",
  roles: [
    "",
    "http://www.w3.org/2003/05/soap-envelope/role/next",
    "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
  ],
  roleAttribute: "role",
  mustUnderstand: ["1", "true"],
};

export interface Envelope {
  /** The header blocks meant for this service. */
  readonly headers: readonly XmlElement[];
  /** The one element of the body. */
  readonly call: XmlElement;
}

/** Throws a Refusal for what is no envelope of this version with one element in its body. */
export function readEnvelope(document: string, version: SoapVersion): Envelope {
  const root = parseXml(document);
  if (root.local !== "Envelope") throw client(`The root element is "${root.local}"; a SOAP message is an "Envelope".`);
  if (root.namespace !== version.namespace) throw wrongVersion(root, version);
  const parts = root.children.filter((child) => child.namespace === version.namespace);
  const body = parts.find((child) => child.local === "Body");
  const call = body?.children[0];
  if (body === undefined) throw client("The envelope has no Body.");
  if (call === undefined || body.children.length > 1)
    throw client("The Body holds exactly one element: the operation.");
  const blocks = parts.find((child) => child.local === "Header")?.children ?? [];
  return { headers: blocks.filter((block) => isForUs(block, version)), call };
}

/** Throws a Refusal when a header insists on being understood and is not. SOAP 1.1, 4.2.3; SOAP 1.2, 2.4. */
export function refuseUnknownHeaders(
  { headers }: Envelope,
  version: SoapVersion,
  understands: (header: XmlElement) => boolean,
): void {
  const unknown = headers.filter((header) => insists(header, version) && !understands(header));
  if (unknown.length === 0) return;
  const names = unknown.map((header) => `{${header.namespace}}${header.local}`).join(", ");
  const text = `These headers are marked mustUnderstand and are not understood here: ${names}.`;
  throw new Refusal({ t: "must-understand", headers: unknown }, text);
}

/** `header` and `body` are XML that is written already; `wsa` is the prefix of WS-Addressing, if one is used. */
export function writeEnvelope(version: SoapVersion, wsa: string | undefined, header: string, body: string): string {
  const addressing = wsa === undefined ? "" : ` xmlns:wsa="${wsa}"`;
  const head = header === "" ? "" : `<soap:Header>${header}</soap:Header>`;
  return (
    `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${version.namespace}"${addressing}>` +
    `${head}<soap:Body>${body}</soap:Body></soap:Envelope>`
  );
}

export interface Fault {
  readonly code: "client" | "server" | "MustUnderstand" | "VersionMismatch";
  /** Qualified names, outermost first. SOAP 1.1 has one code only and takes the innermost. */
  readonly subcodes: readonly string[];
  readonly reason: string;
  /** XML; empty: none. */
  readonly detail: string;
}

export function writeFault(version: SoapVersion, { code, subcodes, reason, detail }: Fault): string {
  const value = `soap:${codeNames[version.name][code]}`;
  if (version === soap11) {
    const details = detail === "" ? "" : `<detail>${detail}</detail>`;
    const faultcode = subcodes.at(-1) ?? value;
    return `<soap:Fault><faultcode>${faultcode}</faultcode><faultstring>${escapeXml(reason)}</faultstring>${details}</soap:Fault>`;
  }
  const nested = subcodes.reduceRight(
    (inner, subcode) => `<soap:Subcode><soap:Value>${subcode}</soap:Value>${inner}</soap:Subcode>`,
    "",
  );
  const details = detail === "" ? "" : `<soap:Detail>${detail}</soap:Detail>`;
  return (
    `<soap:Fault><soap:Code><soap:Value>${value}</soap:Value>${nested}</soap:Code>` +
    `<soap:Reason><soap:Text xml:lang="en">${escapeXml(reason)}</soap:Text></soap:Reason>${details}</soap:Fault>`
  );
}

/** The header blocks that SOAP 1.2 wants beside two of its faults (5.4.7, 5.4.8); SOAP 1.1 has none. */
export function faultHeaders(version: SoapVersion, why: RefusalCause): string {
  if (version === soap11) return "";
  if (why.t === "must-understand") {
    return why.headers.map(notUnderstood).join("");
  }
  if (why.t !== "version-mismatch") return "";
  const supported = `<soap:SupportedEnvelope qname="q:Envelope" xmlns:q="${soap12.namespace}"/>`;
  return `<soap:Upgrade>${supported}</soap:Upgrade>`;
}

/** The HTTP status of a fault: always 500 in SOAP 1.1 (6.2); in SOAP 1.2 400 where the sender is to blame (part 2, 7.5.2.2). */
export function faultStatus(version: SoapVersion, { code }: Fault): number {
  return version === soap12 && code === "client" ? 400 : 500;
}

const codeNames = {
  "1.1": { client: "Client", server: "Server", MustUnderstand: "MustUnderstand", VersionMismatch: "VersionMismatch" },
  "1.2": { client: "Sender", server: "Receiver", MustUnderstand: "MustUnderstand", VersionMismatch: "VersionMismatch" },
} as const;

function notUnderstood({ namespace, local }: XmlName): string {
  const name = namespace === "" ? `qname="${local}"` : `qname="q:${local}" xmlns:q="${escapeXml(namespace)}"`;
  return `<soap:NotUnderstood ${name}/>`;
}

function isForUs(header: XmlElement, version: SoapVersion): boolean {
  return version.roles.includes(soapAttribute(header, version, version.roleAttribute) ?? "");
}

function insists(header: XmlElement, version: SoapVersion): boolean {
  return version.mustUnderstand.includes(soapAttribute(header, version, "mustUnderstand") ?? "");
}

function soapAttribute({ attributes }: XmlElement, { namespace }: SoapVersion, local: string): string | undefined {
  return attributes.find((attribute) => attribute.namespace === namespace && attribute.local === local)?.value.trim();
}

function wrongVersion({ namespace }: XmlElement, version: SoapVersion): Refusal {
  const other = [soap11, soap12].find((known) => known.namespace === namespace);
  if (other === undefined) {
    const text = `The envelope's namespace "${namespace}" is not that of SOAP 1.1 or 1.2.`;
    return new Refusal({ t: "version-mismatch" }, text);
  }
  return client(
    `The envelope is SOAP ${other.name}, but the Content-Type is ${version.mediaType}: send ${other.mediaType}.`,
  );
}

function client(text: string): Refusal {
  return new Refusal({ t: "client" }, text);
}

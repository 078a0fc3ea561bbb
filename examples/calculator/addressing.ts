import { Refusal } from "./refusal.ts";
import { escapeXml, type XmlElement } from "./xml.ts";

/** WS-Addressing, as far as a service needs it that answers on the connection the request came on. */

export interface Addressing {
  /** The version that the request speaks; the answer speaks the same. */
  readonly version: AddressingVersion;
  readonly messageId: string | undefined;
  /** Which header wants the answer elsewhere, if one does. */
  readonly elsewhere: "ReplyTo" | "FaultTo" | undefined;
}

export interface AddressingVersion {
  readonly namespace: string;
  readonly anonymous: string;
  /** wsa:Action of faults that SOAP itself defines, and of those that WS-Addressing does. */
  readonly soapFault: string;
  readonly addressingFault: string;
}

const addressing10: AddressingVersion = {
  namespace: "http://www.w3.org/2005/08/addressing",
  anonymous: "http://www.w3.org/2005/08/addressing/anonymous",
  soapFault: "http://www.w3.org/2005/08/addressing/soap/fault",
  addressingFault: "http://www.w3.org/2005/08/addressing/fault",
};

/** The submission of August 2004, which older WCF and WSE clients speak. */
const addressing2004: AddressingVersion = {
  namespace: "http://schemas.xmlsoap.org/ws/2004/08/addressing",
  anonymous: "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
  soapFault: "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
  addressingFault: "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
};

const versions = [addressing10, addressing2004];
const understood = ["To", "Action", "MessageID", "ReplyTo", "FaultTo", "From", "RelatesTo"];

export function isAddressing({ namespace, local }: XmlElement): boolean {
  return understood.includes(local) && versions.some((version) => version.namespace === namespace);
}

/** What the request's headers say; undefined when they say nothing of addressing. */
export function readAddressing(headers: readonly XmlElement[]): Addressing | undefined {
  const version = versions.find((known) => headers.some((header) => header.namespace === known.namespace));
  if (version === undefined) return undefined;
  const own = headers.filter((header) => header.namespace === version.namespace);
  const messageId = own.find((header) => header.local === "MessageID")?.text.trim();
  const elsewhere = (["ReplyTo", "FaultTo"] as const).find((name) =>
    own.some((header) => header.local === name && addressOf(header, version) !== version.anonymous),
  );
  return { version, messageId, elsewhere };
}

/** Throws a Refusal when the answer should go to another address: nothing dials an address taken from a message. */
export function refuseElsewhere(addressing: Addressing | undefined): void {
  if (addressing?.elsewhere === undefined) return;
  const text = `${addressing.elsewhere} names an address; answers leave only on the connection the request came on (anonymous).`;
  throw new Refusal({ t: "only-anonymous", header: addressing.elsewhere }, text);
}

/** The answer's header blocks, with the prefix wsa. */
export function replyHeaders({ version, messageId }: Addressing, action: string): string {
  const relates = messageId === undefined ? "" : `<wsa:RelatesTo>${escapeXml(messageId)}</wsa:RelatesTo>`;
  return `<wsa:Action>${escapeXml(action)}</wsa:Action>${relates}<wsa:To>${version.anonymous}</wsa:To>`;
}

function addressOf(endpoint: XmlElement, { namespace }: AddressingVersion): string | undefined {
  return endpoint.children.find((child) => child.namespace === namespace && child.local === "Address")?.text.trim();
}

import { staticStrings } from "../dictionary.ts";
import { sizeBytes } from "../framing-fault.ts";

/** Binary XML by hand, for tests: each function gives one record of [MC-NBFX]. */

export const soap12 = "http://www.w3.org/2003/05/soap-envelope";
export const addressing = "http://www.w3.org/2005/08/addressing";

export function string(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from(sizeBytes(bytes.length)), bytes]);
}

/** The wire id of a string of the static dictionary. */
export function staticId(value: string): Buffer {
  const index = staticStrings.indexOf(value);
  if (index < 0) throw new Error(`the static dictionary has no ${value}`);
  return Buffer.from(sizeBytes(2 * index));
}

/** The wire id of the session's string at that place. */
export function sessionId(index: number): Buffer {
  return Buffer.from(sizeBytes(2 * index + 1));
}

export function record(type: number, ...rest: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([type]), ...rest]);
}

/** An element with a prefix of one letter, its name in the static dictionary. */
export function known(prefix: string, name: string): Buffer {
  return record(0x44 + prefix.charCodeAt(0) - 0x61, staticId(name));
}

/** Any element, its name spelt out. */
export function element(prefix: string, name: string): Buffer {
  return prefix === "" ? record(0x40, string(name)) : record(0x41, string(prefix), string(name));
}

export function xmlns(prefix: string, namespace: string): Buffer {
  return prefix === "" ? record(0x08, string(namespace)) : record(0x09, string(prefix), string(namespace));
}

/** Of the static dictionary. */
export function knownXmlns(prefix: string, namespace: string): Buffer {
  return record(0x0b, string(prefix), staticId(namespace));
}

/** A text in UTF-8 of up to 255 bytes; with the end of its element. */
export function chars(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([0x99, bytes.length]), bytes]);
}

export const endElement = Buffer.from([0x01]);

/** The strings that open an envelope of a session. */
export function sessionStrings(...strings: string[]): Buffer {
  const bytes = Buffer.concat(strings.map(string));
  return Buffer.concat([Buffer.from(sizeBytes(bytes.length)), bytes]);
}

/** What opens an envelope as WCF writes it, up to the header's blocks. */
export const opening = Buffer.concat([
  known("s", "Envelope"),
  knownXmlns("s", soap12),
  knownXmlns("a", addressing),
  known("s", "Header"),
]);

/** An envelope of SOAP 1.2 with these blocks in its header. */
export function envelopeOf(...blocks: Buffer[]): Buffer {
  const body = [known("s", "Body"), element("", "Add"), chars("x"), endElement, endElement];
  return Buffer.concat([opening, ...blocks, endElement, ...body]);
}

/** `<a:Action s:mustUnderstand="1">action</a:Action>` */
export function action(value: string): Buffer {
  return Buffer.concat([
    known("a", "Action"),
    record(0x0c + 0x12, staticId("mustUnderstand"), Buffer.from([0x82])),
    chars(value),
  ]);
}

import { XMLParser, XMLValidator } from "fast-xml-parser";
import { Refusal } from "./refusal.ts";

/** XML as the calculator needs it: elements with their namespaces resolved, text as written, no DTD and no entity but XML's own. */

/** Start tags, end tags and attributes in one document: a call has a few dozen; each costs many times its bytes in memory. */
export const markupMax = 10_000;

export interface XmlName {
  readonly namespace: string;
  readonly local: string;
}

export interface XmlAttribute extends XmlName {
  readonly value: string;
}

export interface XmlElement extends XmlName {
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** All character data directly inside, CDATA included, white space kept. */
  readonly text: string;
}

/** The root element. Throws a Refusal that says what is wrong with the document. */
export function parseXml(document: string): XmlElement {
  refuseUnsafe(document);
  const roots = parseOrdered(document).filter((node) => !isWhiteSpace(node) && nameOf(node) !== "?xml");
  const root = roots[0];
  if (root === undefined || roots.length > 1 || nameOf(root).startsWith("#")) {
    throw malformed("a document has exactly one root element");
  }
  return toElement(root, predefined);
}

/** For text and for attribute values in double quotes. Characters that XML cannot hold become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(notXml, "\uFFFD")
    .replace(/[&<>"\r]/g, (character) => escapes[character] ?? character);
}

/** What a namespace prefix means at some place. */
type Scope = ReadonlyMap<string, string>;

/** A node as fast-xml-parser's `preserveOrder` gives it: its name is the one key that is not ":@". */
interface OrderedNode {
  readonly [name: string]: unknown;
}

const xmlNamespace = "http://www.w3.org/XML/1998/namespace";
const xmlnsNamespace = "http://www.w3.org/2000/xmlns/";
const predefined: Scope = new Map([["xml", xmlNamespace]]);

const notXml = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#13;",
};

// Everything stays the text it was: "007" and "1e3" are no numbers here, white space counts, and entities are decoded
// by `decodeText` alone, which knows no others than XML's five.
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  cdataPropName: "#cdata",
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false,
  htmlEntities: false,
  maxNestedTags: 100,
  // Names are looked up by Object.keys alone, so "toString" may be one.
  onDangerousProperty: (name) => name,
  jPath: false,
});

function refuseUnsafe(document: string): void {
  if (document.search(notXml) >= 0) throw malformed("it holds a character that XML does not allow");
  // A "<!" that opens neither a comment nor CDATA opens a DTD or nothing known.
  for (const [found] of document.matchAll(/<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<!/g)) {
    if (found === "<!") throw malformed("a document type declaration (DTD) or other <! declaration is not allowed");
  }
  let markup = 0;
  for (const _ of document.matchAll(/<|=\s*["']/g)) {
    if (++markup > markupMax) throw malformed(`it holds more than ${markupMax} tags and attributes`);
  }
}

function parseOrdered(document: string): readonly OrderedNode[] {
  const verdict = XMLValidator.validate(document);
  if (verdict !== true) {
    const { msg, line, col } = verdict.err;
    // A document without any tag has no column.
    const place = col === undefined ? "" : `line ${line}, column ${col}: `;
    throw malformed(`${place}${shorten(msg.replace(/\.$/, ""), 200)}`);
  }
  try {
    return parser.parse(document);
  } catch (error) {
    throw malformed(shorten(error instanceof Error ? error.message : String(error), 200));
  }
}

function toElement(node: OrderedNode, outer: Scope): XmlElement {
  const raw = rawAttributes(node);
  const scope = scopeOf(raw, outer);
  const children: XmlElement[] = [];
  let text = "";
  for (const child of childrenOf(node)) {
    const name = nameOf(child);
    if (name === "#text") text += decodeText(String(child[name]));
    else if (name === "#cdata") text += String(childrenOf(child)[0]?.["#text"] ?? "");
    else children.push(toElement(child, scope));
  }
  const name = resolve(nameOf(node), scope, scope.get("") ?? "");
  return { ...name, attributes: raw.map(([key, value]) => ({ ...resolve(key, scope, ""), value })), children, text };
}

function rawAttributes(node: OrderedNode): readonly (readonly [string, string])[] {
  return Object.entries(node[":@"] ?? {}).map(([key, value]) => {
    const text = String(value);
    if (text.includes("<")) throw malformed("an attribute's value holds a '<'");
    return [key.slice(1), decodeText(text)];
  });
}

function scopeOf(attributes: readonly (readonly [string, string])[], outer: Scope): Scope {
  const own = attributes.filter(([key]) => key === "xmlns" || key.startsWith("xmlns:"));
  return own.length === 0 ? outer : new Map([...outer, ...own.map(([key, uri]) => [key.slice(6), uri] as const)]);
}

function resolve(qualified: string, scope: Scope, unprefixed: string): XmlName {
  const parts = qualified.split(":");
  const [prefix, local] = parts.length === 1 ? ["", qualified] : parts;
  if (parts.length > 2 || local === undefined || local === "" || (parts.length === 2 && prefix === "")) {
    throw malformed(`"${shorten(qualified, 60)}" is not a name`);
  }
  if (prefix === "") return { namespace: unprefixed, local };
  const namespace = prefix === "xmlns" ? xmlnsNamespace : scope.get(prefix ?? "");
  if (!namespace) throw malformed(`the prefix "${shorten(prefix ?? "", 60)}" has no namespace`);
  return { namespace, local };
}

function decodeText(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(\w+));|&/g, (whole, hex, decimal, named) => {
    if (named !== undefined) return entities[named] ?? undeclared(whole);
    return hex === undefined && decimal === undefined ? undeclared(whole) : character(whole, hex, decimal);
  });
}

function character(whole: string, hex: string | undefined, decimal: string | undefined): string {
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  const text = code > 0x10ffff ? "\0" : String.fromCodePoint(code);
  if (text.search(notXml) >= 0) throw malformed(`${whole} is a character that XML does not allow`);
  return text;
}

function undeclared(whole: string): never {
  throw malformed(`the entity ${shorten(whole, 60)} is not declared; XML's own are &amp; &lt; &gt; &quot; &apos;`);
}

const entities: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
});

function nameOf(node: OrderedNode): string {
  const name = Object.keys(node).find((key) => key !== ":@") ?? "";
  if (name.startsWith("?") && name !== "?xml") throw malformed("processing instructions are not allowed in SOAP");
  return name;
}

function childrenOf(node: OrderedNode): readonly OrderedNode[] {
  const children = node[nameOf(node)];
  return Array.isArray(children) ? children : [];
}

function isWhiteSpace(node: OrderedNode): boolean {
  const text = node["#text"];
  return typeof text === "string" && text.trim() === "";
}

function malformed(what: string): Refusal {
  return new Refusal({ t: "client" }, `The message is not XML that can be read: ${what}.`);
}

/** At most `charactersMax` characters, with "…" for what is left out. */
export function shorten(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1).toWellFormed()}…`;
}

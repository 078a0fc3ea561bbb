import { printable } from "@sallyport/proto/printable";
import { SaxesParser, type SaxesTagNS } from "saxes";
import { type AskedHeaders, type HeaderKey, type HeaderTexts, headerKey, headerTextMax } from "./envelope-header.ts";

export type XmlOutcome =
  | { readonly t: "more" }
  | { readonly t: "found"; readonly headers: HeaderTexts }
  | { readonly t: "notSoap"; readonly why: string }
  | { readonly t: "malformed"; readonly why: string };

/** Bounds of what an envelope may have before its body; docs/routing.md, "Envelopes". */
export const xmlLimits = {
  depth: 100,
  elements: 2_000,
  attributes: 100,
  nameLength: 1024,
  valueLength: 8 * 1024,
} as const;

/**
 * Reads an envelope as far as the end of its header: the blocks that are asked for. A document type declaration is refused,
 * so there are no entities but XML's own five and characters by number. The library sees no more than what is written
 * here, keeps at most that, and opens nothing.
 */
export class EnvelopeXml {
  readonly #parser = new SaxesParser({ xmlns: true, position: false });
  readonly #asked: AskedHeaders;
  readonly #headers = new Map<HeaderKey, string | undefined>();
  #outcome: XmlOutcome = { t: "more" };
  /** Open elements. */
  #depth = 0;
  #elements = 0;
  /** Of the envelope, once it has begun. */
  #namespace: string | undefined;
  #block: Block | undefined;
  /** Characters. */
  #written = 0;
  /** Where something was last complete. */
  #progressAt = 0;

  constructor(asked: AskedHeaders) {
    this.#asked = asked;
    const parser = this.#parser;
    // No more than six: with seven V8 makes a dictionary of the parser, which is then four times slower.
    parser.on("doctype", () => this.#malformed(dtd));
    parser.on("opentag", (tag) => this.#onOpenTag(tag));
    parser.on("closetag", () => this.#onCloseTag());
    parser.on("text", (text) => this.#onText(text));
    parser.on("cdata", (text) => this.#onText(text));
    parser.on("comment", () => this.#onProgress());
  }

  get outcome(): XmlOutcome {
    return this.#outcome;
  }

  write(text: string): XmlOutcome {
    this.#written += text.length;
    for (let at = 0; at < text.length && this.#outcome.t === "more"; at += pieceLength) {
      const problem = this.#parse(text.slice(at, at + pieceLength));
      if (problem !== undefined) this.#malformed(`is not well-formed XML: ${printable(problem)}`);
    }
    return this.#outcome;
  }

  /** No more is to come. */
  end(): XmlOutcome {
    this.#malformed(this.#namespace === undefined ? "has no root element" : "ends before its Body begins");
    return this.#outcome;
  }

  /** No more is to be read. `more`: it is too long, and there is nothing else against it. */
  stop(): XmlOutcome {
    const pending = this.#written - this.#progressAt;
    if (this.#outcome.t !== "more" || pending <= xmlLimits.valueLength) return this.#outcome;
    if (this.#depth === 0) this.#malformed(`has no root element in its first ${this.#written} characters`);
    else if (this.#isInMarkup()) this.#malformed(tooLong("a name or attribute", xmlLimits.valueLength));
    return this.#outcome;
  }

  /** These two are an error within a name, an attribute or a reference, and nowhere else. The parser is spent by it. */
  #isInMarkup(): boolean {
    return this.#parse(";<") !== undefined;
  }

  /** What is wrong, in the library's words. Nothing may be parsed after it. */
  #parse(piece: string): string | undefined {
    try {
      this.#parser.write(piece);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  // ------------------------------------------------------------------------------------------- from the library

  #onProgress(): void {
    this.#progressAt = this.#parser.position;
  }

  #onOpenTag(tag: SaxesTagNS): void {
    this.#onProgress();
    this.#depth += 1;
    this.#elements += 1;
    if (this.#outcome.t !== "more") return;
    const problem = tagProblem(tag);
    if (problem !== undefined) this.#malformed(problem);
    else if (this.#elements > xmlLimits.elements) {
      this.#malformed(`has over ${xmlLimits.elements} elements in its header`);
    } else if (this.#depth > xmlLimits.depth)
      this.#malformed(`nests elements over ${xmlLimits.depth} deep in its header`);
    else if (this.#depth === 1) this.#onRoot(tag);
    else if (this.#depth === 2) this.#onPart(tag);
    else if (this.#depth === 3) this.#onBlock(tag);
    else if (this.#block !== undefined) this.#block.isText = false;
  }

  #onRoot({ local, uri }: SaxesTagNS): void {
    if (local === "Envelope" && soapNamespaces.has(uri)) this.#namespace = uri;
    else this.#outcome = { t: "notSoap", why: "the body's root element is no SOAP envelope" };
  }

  #onPart({ local, uri }: SaxesTagNS): void {
    if (uri === this.#namespace && local === "Header") return;
    if (uri === this.#namespace && local === "Body") this.#found();
    else this.#malformed("begins with something else than a Header or a Body");
  }

  #onBlock({ local, uri }: SaxesTagNS): void {
    const asked = this.#asked.get(local);
    if (asked === undefined) return;
    const keys = [headerKey(local, undefined), headerKey(local, uri)].filter(
      (key) => asked.has(key) && !this.#headers.has(key),
    );
    if (keys.length === 0) return;
    this.#block = { keys, text: "", isText: true };
  }

  #onText(text: string): void {
    this.#onProgress();
    const block = this.#block;
    if (block === undefined || !block.isText) return;
    if (block.text.length + text.length > headerTextMax) block.isText = false;
    else block.text += text;
  }

  #onCloseTag(): void {
    this.#onProgress();
    this.#depth -= 1;
    if (this.#outcome.t !== "more") return;
    if (this.#depth === 2) this.#endBlock();
    else if (this.#depth === 1) this.#found();
    else if (this.#depth === 0) this.#malformed("has no Body");
  }

  #endBlock(): void {
    if (this.#block === undefined) return;
    const { keys, text, isText } = this.#block;
    for (const key of keys) this.#headers.set(key, isText ? text.replace(whiteSpaceEnds, "") : undefined);
    this.#block = undefined;
  }

  #found(): void {
    this.#outcome = { t: "found", headers: this.#headers };
  }

  /** The first word counts: what a parser says after an error is not to be relied on. */
  #malformed(what: string): void {
    if (this.#outcome.t === "more") this.#outcome = { t: "malformed", why: `the envelope ${what}` };
  }
}

/** A header block that is asked for. */
interface Block {
  readonly keys: readonly HeaderKey[];
  text: string;
  isText: boolean;
}

function tagProblem({ name, attributes }: SaxesTagNS): string | undefined {
  const { nameLength, valueLength } = xmlLimits;
  let count = 0;
  let longestName = name.length;
  let longestValue = 0;
  for (const attribute in attributes) {
    count += 1;
    longestName = Math.max(longestName, attribute.length);
    longestValue = Math.max(longestValue, attributes[attribute]?.value.length ?? 0);
  }
  if (longestName > nameLength) return tooLong("a name", nameLength);
  if (longestValue > valueLength) return tooLong("an attribute", valueLength);
  if (count <= xmlLimits.attributes) return undefined;
  return `has an element of over ${xmlLimits.attributes} attributes in or before its header`;
}

function tooLong(what: string, max: number): string {
  return `has ${what} of over ${max} characters in or before its header`;
}

const dtd = "has a document type declaration (DTD), which SOAP forbids; send it without";
/** The library cannot be stopped within a piece. */
const pieceLength = 1024;
/** SOAP 1.1 and 1.2. */
const soapNamespaces = new Set([
  "http://schemas.xmlsoap.org/soap/envelope/",
  "http://www.w3.org/2003/05/soap-envelope",
]);
/** Anchored on one side each, so that it is linear. */
const whiteSpaceEnds = /^[ \t\r\n]+|(?<![ \t\r\n])[ \t\r\n]+$/g;

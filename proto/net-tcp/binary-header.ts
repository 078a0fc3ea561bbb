import { NbfxCursor, nbfxLimits } from "./nbfx-cursor.ts";
import { arrayWidths, isTextType, readText } from "./nbfx-text.ts";

/** A child of the envelope's header. `text` is undefined where it holds elements, or text that is not made or kept. */
export interface HeaderBlock {
  readonly local: string;
  readonly namespace: string;
  readonly text: string | undefined;
}

/** All but `more` are final. */
export type BinaryHeaderOutcome =
  | { readonly t: "more" }
  /** Of each name that was wanted, in their order. */
  | { readonly t: "found"; readonly blocks: readonly HeaderBlock[] }
  | { readonly t: "notSoap"; readonly why: string }
  | { readonly t: "tooLong"; readonly why: string }
  | { readonly t: "malformed"; readonly why: string };

/** Bounds of what an envelope may have before its body. */
export const binaryHeaderLimits = {
  depth: 100,
  elements: 2_000,
  attributes: 100,
  /** Strings that open an envelope of a session, in bytes. WCF's own limit is 2,048 (`MaxSessionSize`) and can be raised. */
  sessionBytes: 16 * 1024,
} as const;

export interface BinaryHeaderOptions {
  /** Whether the envelope begins with the session's strings: [MC-NBFSE] rather than [MC-NBFS]. */
  readonly session: boolean;
  readonly wants: (local: string) => boolean;
  /** Of a block's text, in characters. */
  readonly textMax: number;
  /** How much of the envelope is looked at. */
  readonly bytesMax: number;
}

/**
 * Looks for the header's blocks in the start of a binary SOAP envelope ([MC-NBFX]), in whatever pieces it comes: the answer is
 * the same for all. It reads up to the header's end or the body's start tag. It keeps the bytes that it has looked at.
 */
export class BinaryHeaderReader {
  readonly #options: BinaryHeaderOptions;
  readonly #cursor = new NbfxCursor();
  readonly #blocks: HeaderBlock[] = [];
  readonly #scope: Declaration[] = [];
  #room: Buffer = Buffer.alloc(0);
  #outcome: BinaryHeaderOutcome = { t: "more" };
  /** Of the session's strings: where they end; undefined: not known yet. */
  #stringsEnd: number | undefined;
  /** An element whose attributes are being read. */
  #tag: Tag | undefined;
  #depth = 0;
  #elements = 0;
  #namespace: string | undefined;
  #block: { readonly local: string; readonly namespace: string; text: string | undefined } | undefined;

  constructor(options: BinaryHeaderOptions) {
    this.#options = options;
    if (!options.session) this.#stringsEnd = 0;
  }

  push(piece: Buffer): BinaryHeaderOutcome {
    if (this.#outcome.t !== "more") return this.#outcome;
    const { bytesMax } = this.#options;
    const before = this.#cursor.bytes.length;
    this.#append(piece.subarray(0, bytesMax - before));
    while (this.#outcome.t === "more" && this.#step());
    if (this.#outcome.t === "more" && before + piece.length >= bytesMax) {
      this.#end("tooLong", `'s header does not end in its first ${bytesMax} bytes`);
    }
    return this.#outcome;
  }

  /** The envelope has ended. Never `more`. */
  end(): BinaryHeaderOutcome {
    this.#end("malformed", this.#namespace === undefined ? " has no root element" : " ends before its Body begins");
    return this.#outcome;
  }

  /** Into a buffer that doubles, so that many small pieces cost no more than few large ones. */
  #append(piece: Buffer): void {
    const kept = this.#cursor.bytes;
    const length = kept.length + piece.length;
    if (length > this.#room.length) {
      this.#room = Buffer.alloc(Math.max(length, Math.min(this.#options.bytesMax, 2 * this.#room.length)));
      kept.copy(this.#room);
    }
    piece.copy(this.#room, kept.length);
    this.#cursor.bytes = this.#room.subarray(0, length);
  }

  /** Reads one record, or nothing when it is not whole. False: nothing more can be read now. */
  #step(): boolean {
    const cursor = this.#cursor;
    const { at } = cursor;
    cursor.short = false;
    const record = this.#stringsEnd === undefined || at < this.#stringsEnd ? this.#string() : this.#record();
    if (cursor.problem !== undefined) this.#end("malformed", ` ${cursor.problem}`);
    else if (cursor.short) cursor.at = at;
    else record?.();
    return !cursor.short;
  }

  // ---------------------------------------------------------------------------------------------- session strings

  #string(): (() => void) | undefined {
    const cursor = this.#cursor;
    if (this.#stringsEnd !== undefined) {
      const string = cursor.string(this.#stringsEnd - cursor.at);
      if (cursor.at > this.#stringsEnd) cursor.fail("has a session string that goes over their end");
      return () => void cursor.strings.push(string);
    }
    const bytes = cursor.int31();
    return () => {
      if (bytes > binaryHeaderLimits.sessionBytes) {
        this.#end("tooLong", ` begins with session strings of ${bytes} bytes, over ${binaryHeaderLimits.sessionBytes}`);
      }
      this.#stringsEnd = cursor.at + bytes;
    };
  }

  // ----------------------------------------------------------------------------------------------------- records

  /** Reads a record; what it means is done by what is returned, once the record is known to be whole. */
  #record(): (() => void) | undefined {
    const cursor = this.#cursor;
    const type = cursor.byte();
    if (cursor.short) return undefined;
    if (type >= 0x04 && type <= 0x3f) return this.#attribute(type);
    if (type >= 0x40 && type <= 0x77) return this.#element(type);
    if (isTextType(type & 0xfe)) return this.#text(type);
    switch (type) {
      case 0x01:
        return () => {
          this.#openTag();
          this.#closeTag();
        };
      case 0x02:
        cursor.string(nbfxLimits.valueBytes);
        return () => this.#openTag();
      case 0x03:
        return this.#array();
      default:
        cursor.fail(`has a record of type ${type}, which [MC-NBFX] does not know`);
        return undefined;
    }
  }

  #element(type: number): () => void {
    const tag = readElement(this.#cursor, type);
    return () => {
      this.#openTag();
      this.#tag = tag;
    };
  }

  #attribute(type: number): () => void {
    const declaration = readAttribute(this.#cursor, type);
    return () => {
      const tag = this.#tag;
      if (tag === undefined) return this.#end("malformed", " has an attribute outside of a tag");
      tag.attributes += 1;
      if (tag.attributes > binaryHeaderLimits.attributes) {
        return this.#end("malformed", ` has an element of over ${binaryHeaderLimits.attributes} attributes`);
      }
      if (declaration !== undefined) this.#scope.push({ depth: this.#depth + 1, ...declaration });
    };
  }

  #text(type: number): () => void {
    const text = readText(this.#cursor, type & 0xfe);
    return () => {
      this.#openTag();
      this.#addText(text);
      if (type % 2 === 1) this.#closeTag();
    };
  }

  /** An element once for each of a row of values: as in XML, so many elements. */
  #array(): () => void {
    const cursor = this.#cursor;
    const elementType = cursor.byte();
    const isElement = elementType >= 0x40 && elementType <= 0x77;
    if (!isElement) cursor.fail(`has an array of records of type ${elementType}`);
    const tag = readElement(cursor, elementType);
    const declarations: Omit<Declaration, "depth">[] = [];
    let type = cursor.byte();
    let attributes = 0;
    for (; type >= 0x04 && type <= 0x3f && !cursor.short && cursor.problem === undefined; type = cursor.byte()) {
      // What is not whole is read again from its start.
      if (++attributes > binaryHeaderLimits.attributes) cursor.fail("has an element of too many attributes");
      const declaration = readAttribute(cursor, type);
      if (declaration !== undefined) declarations.push(declaration);
    }
    if (type !== 0x01) cursor.fail(`has a record of type ${type} where an array's element ends`);
    const width = arrayWidths.get(cursor.byte());
    if (width === undefined) cursor.fail("has an array of what [MC-NBFX] has none of");
    const count = cursor.int31();
    cursor.take(count * (width ?? 0));
    return () => {
      this.#openTag();
      this.#elements += count;
      if (count === 0) return;
      for (const declaration of declarations) this.#scope.push({ depth: this.#depth + 1, ...declaration });
      this.#tag = tag;
      this.#openTag();
      this.#addText(undefined);
      this.#closeTag();
    };
  }

  // ---------------------------------------------------------------------------------------------------- the envelope

  /** The tag that is being read is whole. */
  #openTag(): void {
    const tag = this.#tag;
    if (tag === undefined || this.#outcome.t !== "more") return;
    this.#tag = undefined;
    this.#depth += 1;
    this.#elements += 1;
    const namespace = this.#namespaceOf(tag.prefix);
    const { depth, elements } = binaryHeaderLimits;
    if (namespace === undefined) this.#end("malformed", " has a prefix that nothing declares");
    else if (this.#elements > elements) this.#end("malformed", ` has over ${elements} elements in its header`);
    else if (this.#depth > depth) this.#end("malformed", ` nests elements over ${depth} deep in its header`);
    else if (this.#depth === 1) this.#onRoot(tag.local, namespace);
    else if (this.#depth === 2) this.#onPart(tag.local, namespace);
    else if (this.#depth === 3) this.#onBlock(tag.local, namespace);
    else if (this.#block !== undefined) this.#block.text = undefined;
  }

  #closeTag(): void {
    if (this.#outcome.t !== "more") return;
    if (this.#depth === 0) return this.#end("malformed", " ends an element that has not begun");
    while (this.#scope.at(-1)?.depth === this.#depth) this.#scope.pop();
    this.#depth -= 1;
    if (this.#depth === 2) this.#endBlock();
    else if (this.#depth === 1) this.#found();
    else if (this.#depth === 0) this.#end("malformed", " has no Body");
  }

  #onRoot(local: string, namespace: string): void {
    if (local === "Envelope" && soapNamespaces.has(namespace)) this.#namespace = namespace;
    else this.#end("notSoap", "'s root element is no SOAP envelope");
  }

  #onPart(local: string, namespace: string): void {
    if (namespace === this.#namespace && local === "Header") return;
    if (namespace === this.#namespace && local === "Body") this.#found();
    else this.#end("malformed", " begins with something else than a Header or a Body");
  }

  #onBlock(local: string, namespace: string): void {
    this.#block = this.#options.wants(local) ? { local, namespace, text: "" } : undefined;
  }

  #addText(text: string | undefined): void {
    const block = this.#block;
    if (block?.text === undefined) return;
    const isKept = text !== undefined && block.text.length + text.length <= this.#options.textMax;
    block.text = isKept ? block.text + text : undefined;
  }

  #endBlock(): void {
    if (this.#block !== undefined) this.#blocks.push(this.#block);
    this.#block = undefined;
  }

  #found(): void {
    if (this.#outcome.t === "more") this.#outcome = { t: "found", blocks: this.#blocks };
  }

  /** `undefined`: not declared. */
  #namespaceOf(prefix: string): string | undefined {
    const declared = this.#scope.findLast((each) => each.prefix === prefix)?.namespace;
    return declared ?? (prefix === "" ? "" : undefined);
  }

  /** The first word counts. */
  #end(t: "notSoap" | "tooLong" | "malformed", what: string): void {
    if (this.#outcome.t === "more") this.#outcome = { t, why: `the binary envelope${what}` };
  }
}

interface Declaration {
  /** Of the element that has it. */
  readonly depth: number;
  readonly prefix: string;
  readonly namespace: string;
}

interface Tag {
  readonly prefix: string;
  readonly local: string;
  attributes: number;
}

/** [MC-NBFX], 2.2.1. */
function readElement(cursor: NbfxCursor, type: number): Tag {
  let prefix = "";
  if (type >= 0x5e) prefix = letter(type - 0x5e);
  else if (type >= 0x44) prefix = letter(type - 0x44);
  else if (type % 2 === 1) prefix = cursor.name();
  const isDictionary = type === 0x42 || type === 0x43 || (type >= 0x44 && type < 0x5e);
  return { prefix, local: isDictionary ? cursor.dictionaryString() : cursor.name(), attributes: 0 };
}

/** [MC-NBFX], 2.2.2. What it declares; `undefined`: nothing, and its value is skipped. */
function readAttribute(cursor: NbfxCursor, type: number): Omit<Declaration, "depth"> | undefined {
  switch (type) {
    case 0x08:
      return { prefix: "", namespace: cursor.name() };
    case 0x09:
      return { prefix: cursor.name(), namespace: cursor.name() };
    case 0x0a:
      return { prefix: "", namespace: cursor.dictionaryString() };
    case 0x0b:
      return { prefix: cursor.name(), namespace: cursor.dictionaryString() };
  }
  if (type === 0x05 || type === 0x07) cursor.name();
  const isDictionary = type === 0x06 || type === 0x07 || (type >= 0x0c && type <= 0x25);
  if (isDictionary) cursor.dictionaryString();
  else cursor.name();
  const value = cursor.byte();
  if (value % 2 === 1) cursor.fail(`has a record of type ${value} for an attribute's value`);
  readText(cursor, value);
  return undefined;
}

function letter(index: number): string {
  return String.fromCharCode(0x61 + index);
}

/** SOAP 1.1 and 1.2. */
const soapNamespaces = new Set([
  "http://schemas.xmlsoap.org/soap/envelope/",
  "http://www.w3.org/2003/05/soap-envelope",
]);

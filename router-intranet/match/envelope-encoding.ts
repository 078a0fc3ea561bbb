import { TextDecoder } from "node:util";

/**
 * Turns an envelope's bytes into text, in whatever pieces they come. What it is written in is told, in this order, by a byte
 * order mark, the charset of its Content-Type, the zeros of UTF-16, the XML declaration; else it is UTF-8 (RFC 7303, 3).
 * Bytes that are no characters become U+FFFD.
 */
export class EnvelopeDecoder {
  readonly #charset: string | undefined;
  #decoder: TextDecoder | undefined;
  /** What came before the encoding was known: at most `declarationBytesMax` and one piece. */
  #start: Buffer = Buffer.alloc(0);

  /** `charset`: of the Content-Type; one that `isReadable`. */
  constructor(charset: string | undefined) {
    this.#charset = charset;
  }

  /** `undefined`: it is in an encoding that is not read. */
  push(bytes: Buffer): string | undefined {
    if (this.#decoder !== undefined) return this.#decoder.decode(bytes, streaming);
    this.#start = Buffer.concat([this.#start, bytes]);
    const encoding = this.#charset === undefined ? encodingOf(this.#start) : givenEncoding(this.#charset, this.#start);
    if (encoding === "more") return "";
    if (encoding === undefined) return undefined;
    this.#decoder = new TextDecoder(encoding);
    return this.#decoder.decode(this.#start, streaming);
  }
}

/** Whether envelopes of that charset are read. */
export function isReadable(charset: string | undefined): boolean {
  return charset === undefined || labels.has(charset.toLowerCase());
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "iso-8859-1";

const labels = new Map<string, Encoding | "utf-16">([
  ["utf-8", "utf-8"],
  ["utf8", "utf-8"],
  ["us-ascii", "utf-8"],
  ["utf-16", "utf-16"],
  ["utf-16le", "utf-16le"],
  ["utf-16be", "utf-16be"],
  ["iso-8859-1", "iso-8859-1"],
]);

function givenEncoding(charset: string, start: Buffer): Encoding | undefined | "more" {
  if (start.length < markBytesMax) return "more";
  const label = labels.get(charset.toLowerCase());
  return ofMark(start) ?? (label === "utf-16" ? (ofZeros(start) ?? "utf-16be") : label);
}

function encodingOf(start: Buffer): Encoding | undefined | "more" {
  if (start.length < markBytesMax) return "more";
  return ofMark(start) ?? ofZeros(start) ?? ofDeclaration(start);
}

function ofMark(start: Buffer): Encoding | undefined {
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return "utf-8";
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  return undefined;
}

/** An envelope begins with characters of ASCII. */
function ofZeros(start: Buffer): Encoding | undefined {
  if (start[0] !== 0 && start[1] === 0) return "utf-16le";
  if (start[0] === 0 && start[1] !== 0) return "utf-16be";
  return undefined;
}

function ofDeclaration(start: Buffer): Encoding | undefined | "more" {
  const head = start.toString("latin1", 0, declarationBytesMax);
  if (!head.startsWith("<?xml".slice(0, head.length))) return "utf-8";
  const end = head.indexOf(">");
  if (end < 0) return start.length < declarationBytesMax ? "more" : "utf-8";
  const declared = declarationPattern.exec(head.slice(0, end))?.[1]?.toLowerCase() ?? "utf-8";
  // It was read as bytes of ASCII, so it is not in UTF-16, whatever it says.
  return declared.startsWith("utf-16") ? "utf-8" : (labels.get(declared) as Encoding | undefined);
}

const streaming = { stream: true } as const;
const markBytesMax = 3;
const declarationBytesMax = 256;
const declarationPattern = /\sencoding\s*=\s*["']([\w.-]+)["']/;

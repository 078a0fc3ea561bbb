import { mediaType, mediaTypeParameter } from "./content-type.ts";
import { isReadable } from "./envelope-encoding.ts";
import { contentId, isSoapType, xopType } from "./envelope-form.ts";

export type RootPiece =
  /** Bytes of the root part; empty: none yet. */
  | { readonly t: "content"; readonly bytes: Buffer }
  /** The root part is over. */
  | { readonly t: "ended" }
  /** It is not an envelope that is read. */
  | { readonly t: "notSoap"; readonly why: string }
  | { readonly t: "malformed"; readonly why: string };

/**
 * Takes the root part out of a multipart/related body (RFC 2387), in whatever pieces that comes. Keeps nothing of other
 * parts, and of the root part no more than the start of a boundary. Lines may end in a bare line feed.
 */
export class MultipartRoot {
  /** Of the root part's Content-Type; known once there is content. */
  charset: string | undefined;
  readonly #delimiter: Buffer;
  readonly #start: string | undefined;
  #state: "skipping" | "boundary" | "head" | "content" = "skipping";
  /** Not looked at yet. The line feed before the first boundary may be missing. */
  #rest: Buffer = lineFeed;
  #head: string[] = [];
  #headBytes = 0;

  constructor(boundary: string, start: string | undefined) {
    this.#delimiter = Buffer.from(`\n--${boundary}`, "latin1");
    this.#start = start;
  }

  push(bytes: Buffer): RootPiece {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const piece = this.#state === "content" ? this.#content() : this.#step();
      if (piece !== "on") return piece;
    }
  }

  #step(): RootPiece | "on" {
    if (this.#state === "skipping") return this.#skip();
    const line = this.#line();
    if (line === undefined) return this.#rest.length > headBytesMax ? headTooLong : nothing;
    if (this.#state === "boundary") return this.#boundary(line);
    return this.#headLine(line);
  }

  #skip(): RootPiece | "on" {
    const found = this.#rest.indexOf(this.#delimiter);
    if (found < 0) {
      this.#rest = this.#rest.subarray(-(this.#delimiter.length - 1));
      return nothing;
    }
    this.#rest = this.#rest.subarray(found + this.#delimiter.length);
    this.#state = "boundary";
    return "on";
  }

  #boundary(line: string): RootPiece | "on" {
    if (line.startsWith("--")) return malformed("has no root part");
    if (line.trim() !== "") return malformed("has a boundary line with something behind it");
    this.#state = "head";
    this.#head = [];
    this.#headBytes = 0;
    return "on";
  }

  #headLine(line: string): RootPiece | "on" {
    this.#headBytes += line.length + 2;
    if (this.#headBytes > headBytesMax) return headTooLong;
    if (line === "") return this.#headEnd();
    if (/^[ \t]/.test(line) && this.#head.length > 0) this.#head.push(`${this.#head.pop()}${line}`);
    else this.#head.push(line);
    return "on";
  }

  #headEnd(): RootPiece | "on" {
    if (this.#start !== undefined && contentId(this.#field("content-id") ?? "") !== this.#start) {
      this.#state = "skipping";
      this.#rest = Buffer.concat([lineFeed, this.#rest]);
      return "on";
    }
    const type = this.#field("content-type") ?? "";
    if (!isSoapType(mediaType(type)) && mediaType(type) !== xopType)
      return notSoap("is no envelope by its Content-Type");
    this.charset = mediaTypeParameter(type, "charset");
    if (!isReadable(this.charset)) return notSoap("is in a charset that the router does not read");
    const coding = this.#field("content-transfer-encoding")?.toLowerCase() ?? "binary";
    if (!plainCodings.has(coding)) return notSoap("has a Content-Transfer-Encoding that the router does not read");
    this.#state = "content";
    return "on";
  }

  /** Up to the next boundary; what may be the start of one is kept for the next piece. */
  #content(): RootPiece {
    const rest = this.#rest;
    const found = rest.indexOf(this.#delimiter);
    if (found === 0) return { t: "ended" };
    const end = found > 0 ? found : rest.length - this.#delimiterStart(rest);
    this.#rest = rest.subarray(end);
    return { t: "content", bytes: rest.subarray(0, end) };
  }

  /** How many bytes at the end of `bytes` are the start of a boundary. */
  #delimiterStart(bytes: Buffer): number {
    const from = Math.max(0, bytes.length - this.#delimiter.length + 1);
    for (let at = bytes.indexOf(lineFeed, from); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
      const length = bytes.length - at;
      if (bytes.compare(this.#delimiter, 0, length, at) === 0) return length;
    }
    return 0;
  }

  #line(): string | undefined {
    const end = this.#rest.indexOf(lineFeed);
    if (end < 0) return undefined;
    const line = this.#rest.toString("latin1", 0, end);
    this.#rest = this.#rest.subarray(end + 1);
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }

  #field(lowerName: string): string | undefined {
    for (const line of this.#head) {
      const colon = line.indexOf(":");
      if (line.slice(0, Math.max(0, colon)).trim().toLowerCase() === lowerName) return line.slice(colon + 1).trim();
    }
    return undefined;
  }
}

function notSoap(what: string): RootPiece {
  return { t: "notSoap", why: `the multipart body's root part ${what}` };
}

function malformed(what: string): RootPiece {
  return { t: "malformed", why: `the multipart body ${what}` };
}

/** Of one part. */
const headBytesMax = 8 * 1024;
const lineFeed = Buffer.from("\n");
const nothing: RootPiece = { t: "content", bytes: Buffer.alloc(0) };
const headTooLong = malformed(`has a part whose head takes over ${headBytesMax} bytes`);
const plainCodings = new Set(["7bit", "8bit", "binary"]);

import { staticStrings } from "./dictionary.ts";

/** What is read of a string at most, in bytes, by what it is for. */
export const nbfxLimits = { nameBytes: 1_024, valueBytes: 64 * 1024 } as const;

/**
 * Reads the values that records of [MC-NBFX] are made of. Nothing throws: where bytes are missing, `short` is set, and where
 * they are wrong, `problem` says how; what is returned then means nothing. Ask both after each record.
 */
export class NbfxCursor {
  /** Grows; never changed otherwise. */
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  short = false;
  problem: string | undefined;
  /** The session's own, by their place ([MC-NBFSE], 2.1). */
  readonly strings: string[] = [];

  byte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) return this.#short(0);
    this.at += 1;
    return byte;
  }

  take(count: number): Buffer {
    if (count > this.bytes.length - this.at) return this.#short(noBytes);
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** [MC-NBFX], 2.1.2: seven bits a byte, the low ones first, 31 in all. */
  int31(): number {
    let value = 0;
    for (let index = 0; index < 5; index += 1) {
      const byte = this.byte();
      if (index === 4 && byte > 0x07) break;
      value |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) return value;
    }
    return this.#wrong("has a number of over 31 bits", 0);
  }

  /** [MC-NBFX], 2.1.3: its length in bytes, and UTF-8. */
  string(bytesMax: number): string {
    const length = this.int31();
    if (this.short || this.problem !== undefined) return "";
    if (length > bytesMax) return this.#wrong(`has a string of ${length} bytes, over ${bytesMax}`, "");
    return this.take(length).toString("utf8");
  }

  name(): string {
    return this.string(nbfxLimits.nameBytes);
  }

  /** [MC-NBFX], 2.1.4: even ids are the static dictionary's, odd ones the session's. */
  dictionaryString(): string {
    const id = this.int31();
    if (this.short || this.problem !== undefined) return "";
    const found = id % 2 === 0 ? staticStrings[id >> 1] : this.strings[id >> 1];
    return found ?? this.#wrong(`names string ${id}, which no dictionary has`, "");
  }

  /** A number of this many bytes, which say how many follow: at most 2^31 - 1. */
  length(width: 1 | 2 | 4): number {
    const bytes = this.take(width);
    if (this.short) return 0;
    const value = bytes.readUIntLE(0, width);
    return value > 0x7fffffff ? this.#wrong("has a text of negative length", 0) : value;
  }

  /** After missing bytes whatever is read is made up, and no problem. */
  fail(problem: string): void {
    if (!this.short) this.problem ??= problem;
  }

  #short<T>(value: T): T {
    this.short = true;
    return value;
  }

  #wrong<T>(problem: string, value: T): T {
    this.fail(problem);
    return value;
  }
}

const noBytes = Buffer.alloc(0);

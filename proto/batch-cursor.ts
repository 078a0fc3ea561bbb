import { type RawBuffer, wireType } from "./batch-wire.ts";
import { TunnelError } from "./error.ts";

/**
 * A place in a batch, within the message that ends at `end`. `next` reads a tag; then exactly one of the methods below it
 * reads or skips the value, and refuses one whose wire type is not the field's. One per batch, so that a handler may
 * decode another batch meanwhile.
 */
export class Cursor {
  readonly bytes: RawBuffer;
  at = 0;
  end: number;
  /** Where the last length-delimited value began. */
  start = 0;
  #field = 0;
  #wireType = 0;
  /** The last varint of more than one byte: its low 28 bits and the 42 above them. */
  #low = 0;
  #high = 0;

  constructor(batch: Buffer) {
    this.bytes = batch as RawBuffer;
    this.end = batch.length;
  }

  /** The next field's number; 0 at the message's end. */
  next(): number {
    if (this.at >= this.end) return 0;
    const tag = this.#varint32();
    this.#wireType = tag & 7;
    this.#field = tag >>> 3;
    if (this.#field === 0) throw this.malformed("field number 0");
    return this.#field;
  }

  uint32(): number {
    this.#expect(wireType.varint);
    return this.#varint32();
  }

  /** A negative enum value has ten bytes, of which the low 32 bits count. */
  enumeration(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    this.#expect(wireType.varint);
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  safeInteger(): number {
    this.#expect(wireType.varint);
    this.#varint();
    if (this.#high >= 2 ** 25) throw this.malformed(`field ${this.#field} over 2^53 - 1`);
    return this.#high * 2 ** 28 + this.#low;
  }

  text(): string {
    const stop = this.skipBytes();
    return this.bytes.utf8Slice(this.start, stop);
  }

  latin1(): string {
    const stop = this.skipBytes();
    return this.bytes.latin1Slice(this.start, stop);
  }

  view(): Buffer {
    const stop = this.skipBytes();
    return this.bytes.subarray(this.start, stop);
  }

  /** Goes into a message; what it answers is for `leave`. */
  enter(): number {
    const outer = this.end;
    this.end = this.skipBytes();
    this.at = this.start;
    return outer;
  }

  leave(outer: number): void {
    this.at = this.end;
    this.end = outer;
  }

  /** Passes a length-delimited value from `start` to what it answers. */
  skipBytes(): number {
    this.#expect(wireType.bytes);
    this.#varint();
    // A double keeps the order of lengths that it cannot hold exactly.
    const length = this.#high * 2 ** 28 + this.#low;
    if (length > this.end - this.at) {
      throw this.malformed(`field ${this.#field} is ${length} bytes long and ${this.end - this.at} are left`);
    }
    this.start = this.at;
    this.at += length;
    return this.at;
  }

  /** Passes the value of a field that this version does not know. */
  skip(): void {
    if (this.#wireType === wireType.varint) this.#varint();
    else if (this.#wireType === wireType.bytes) this.skipBytes();
    else if (this.#wireType === wireType.fixed64) this.#skipFixed(8);
    else if (this.#wireType === wireType.fixed32) this.#skipFixed(4);
    else throw this.malformed(`field ${this.#field} has the wire type ${this.#wireType}, which proto3 does not have,`);
  }

  malformed(what: string): TunnelError {
    return new TunnelError("PROTOCOL", `malformed frame batch: ${what} at byte ${this.at} of ${this.bytes.length}`);
  }

  #expect(type: number): void {
    if (this.#wireType === type) return;
    throw this.malformed(`field ${this.#field} has the wire type ${this.#wireType} instead of ${type}`);
  }

  #skipFixed(bytes: number): void {
    if (bytes > this.end - this.at) throw this.malformed(`field ${this.#field} is cut off`);
    this.at += bytes;
  }

  #varint32(): number {
    this.#varint();
    return (this.#low | (this.#high << 28)) >>> 0;
  }

  #varint(): void {
    this.#high = 0;
    if (this.at < this.end) {
      const byte = this.bytes[this.at]!;
      if (byte < 0x80) {
        this.at++;
        this.#low = byte;
        return;
      }
    }
    this.#longVarint();
  }

  #longVarint(): void {
    const end = Math.min(this.end, this.at + 10);
    let low = 0;
    let high = 0;
    let weight = 1;
    for (let at = this.at, shift = 0; at < end; at++, shift += 7) {
      const byte = this.bytes[at]!;
      if (shift < 28) {
        low |= (byte & 0x7f) << shift;
      } else {
        high += (byte & 0x7f) * weight;
        weight *= 128;
      }
      if (byte < 0x80) {
        this.at = at + 1;
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw this.malformed(end - this.at === 10 ? "varint of more than 10 bytes" : "truncated varint");
  }
}

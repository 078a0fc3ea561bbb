import type { Random } from "./random.ts";

/** Changes of any bytes, one or some at a time. What comes out has at most `bytesMax` bytes. */
export class Mutator {
  readonly #random: Random;
  readonly #tokens: readonly Buffer[];
  readonly #bytesMax: number;

  constructor(random: Random, tokens: readonly string[], bytesMax: number) {
    this.#random = random;
    this.#tokens = tokens.map((token) => Buffer.from(token, "latin1"));
    this.#bytesMax = bytesMax;
  }

  /** `other`: another input, to take a part from. Never changes what it is given. */
  mutate(input: Buffer, other: Buffer): Buffer {
    let bytes: Buffer = Buffer.from(input);
    // One change keeps most of what the input has reached; more of them leave a dead end.
    const changes = this.#random.oneIn(2) ? 1 : 1 + this.#random.below(changesMax);
    for (let left = changes; left > 0; left--) bytes = this.#change(bytes, other);
    return bytes.subarray(0, this.#bytesMax);
  }

  #change(bytes: Buffer, other: Buffer): Buffer {
    const choice = this.#random.below(16);
    if (choice === 0) return this.#insert(bytes, Buffer.from([this.#random.below(256)]));
    if (choice <= 3) return this.#token(bytes);
    if (choice === 4) return this.#insert(bytes, this.#part(other));
    if (choice === 5) return this.#insert(bytes, this.#part(bytes));
    if (choice === 6) return this.#splice(bytes, other);
    if (bytes.length === 0) return this.#part(other);
    if (choice === 7 || choice === 8) return this.#remove(bytes);
    if (choice === 9) return this.#varint(bytes);
    if (choice === 10) return this.#integer(bytes);
    return this.#byte(bytes, choice);
  }

  #byte(bytes: Buffer, choice: number): Buffer {
    const at = this.#random.below(bytes.length);
    const byte = bytes[at]!;
    if (choice === 11) bytes[at] = byte ^ (1 << this.#random.below(8));
    else if (choice === 12) bytes[at] = byte + this.#random.below(9) - 4;
    else if (choice === 13) bytes[at] = this.#random.pick(oddBytes);
    else bytes[at] = this.#random.below(256);
    return bytes;
  }

  #token(bytes: Buffer): Buffer {
    if (this.#tokens.length === 0) return bytes;
    const token = this.#random.pick(this.#tokens);
    if (this.#random.oneIn(2) || bytes.length === 0) return this.#insert(bytes, token);
    const at = this.#random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), token, bytes.subarray(at + token.length)]);
  }

  #insert(bytes: Buffer, part: Buffer): Buffer {
    const at = this.#random.below(bytes.length + 1);
    // Often many times: limits are met by repetition.
    const times = this.#random.oneIn(16) ? 1 + this.#random.below(300) : 1;
    if (part.length === 0 || bytes.length + part.length * times > this.#bytesMax) return bytes;
    return Buffer.concat([bytes.subarray(0, at), ...Array<Buffer>(times).fill(part), bytes.subarray(at)]);
  }

  #remove(bytes: Buffer): Buffer {
    const at = this.#random.below(bytes.length);
    const length = this.#random.oneIn(4) ? this.#random.below(bytes.length - at) + 1 : 1 + this.#random.below(8);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
  }

  #splice(bytes: Buffer, other: Buffer): Buffer {
    const start = bytes.subarray(0, this.#random.below(bytes.length + 1));
    return Buffer.concat([start, other.subarray(this.#random.below(other.length + 1))]);
  }

  #part(of: Buffer): Buffer {
    const at = this.#random.below(of.length);
    // A copy: changes are made in place.
    return Buffer.from(of.subarray(at, at + 1 + this.#random.below(Math.min(of.length - at, 64))));
  }

  /** A number of protobuf, which may take more or fewer bytes then. */
  #varint(bytes: Buffer): Buffer {
    const at = this.#random.below(bytes.length);
    let end = at;
    while (end < bytes.length - 1 && bytes[end]! >= 0x80 && end - at < 10) end++;
    const value = this.#random.oneIn(2) ? this.#random.pick(oddNumbers) : BigInt(this.#random.below(300));
    return Buffer.concat([bytes.subarray(0, at), varint(value), bytes.subarray(end + 1)]);
  }

  #integer(bytes: Buffer): Buffer {
    const size = this.#random.pick([2, 4, 8]);
    if (bytes.length < size) return bytes;
    const at = this.#random.below(bytes.length - size + 1);
    const little = Buffer.alloc(8);
    little.writeBigUInt64LE(this.#random.pick(oddNumbers));
    const integer = little.subarray(0, size);
    (this.#random.oneIn(2) ? integer : integer.reverse()).copy(bytes, at);
    return bytes;
  }
}

/** Protobuf's base 128. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

const changesMax = 6;
const oddBytes = [0, 1, 9, 10, 13, 32, 34, 38, 45, 47, 48, 57, 58, 60, 62, 63, 127, 128, 192, 255];
/** At the ends of what 7, 8, 14, 16, 31, 32, 53 and 64 bits hold. */
export const oddNumbers: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 1000n, 1024n, 65_536n],
  ...[7n, 8n, 14n, 16n, 18n, 21n, 28n, 31n, 32n, 53n, 63n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits]),
  2n ** 64n - 1n,
];

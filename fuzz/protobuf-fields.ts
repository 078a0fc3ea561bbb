import { oddNumbers, varint } from "./mutator.ts";
import type { Random } from "./random.ts";

/**
 * Changes one field somewhere in a protobuf message and puts the lengths around it right, which changes of bytes alone
 * hardly ever do. Bytes that are no message come back as they are.
 */
export function mutateFields(input: Buffer, random: Random): Buffer {
  const fields = readFields(input, depthMax);
  if (fields === undefined || fields.length === 0) return input;
  change(fields, random);
  return writeFields(fields);
}

export interface Field {
  number: number;
  wireType: number;
  /** A varint, a message, or bytes as they are. */
  value: bigint | Field[] | Buffer;
}

function change(fields: Field[], random: Random): void {
  const at = random.below(fields.length);
  const field = fields[at]!;
  if (Array.isArray(field.value) && field.value.length > 0 && !random.oneIn(4)) return change(field.value, random);
  const choice = random.below(7);
  if (choice === 0) fields.splice(at, 1);
  else if (choice === 1) fields.splice(random.below(fields.length + 1), 0, field);
  else if (choice === 2) field.number = 1 + random.below(22);
  else if (choice === 3) fields.push({ number: 1 + random.below(22), wireType: 0, value: random.pick(oddNumbers) });
  else if (choice === 4)
    fields.push({ number: 1 + random.below(22), wireType: 2, value: Buffer.alloc(random.below(9)) });
  else changeValue(field, random);
}

function changeValue(field: Field, random: Random): void {
  if (typeof field.value === "bigint") {
    field.value = random.oneIn(2) ? random.pick(oddNumbers) : BigInt(random.below(300));
  } else if (Buffer.isBuffer(field.value)) {
    field.value = Buffer.from({ length: random.below(20) }).map(() => random.below(256)) as Buffer;
  } else {
    field.value.push({ number: 1 + random.below(22), wireType: 0, value: BigInt(random.below(4)) });
  }
}

/** Fields, those of messages within to that depth; `undefined`: no message. */
export function readFields(bytes: Buffer, depth: number): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    const number = Number((tag?.value ?? 0n) >> 3n);
    if (tag === undefined || number === 0 || number >= 2 ** 29) return undefined;
    const wireType = Number(tag.value & 7n);
    const read = readValue(bytes, tag.end, wireType, depth);
    if (read === undefined) return undefined;
    fields.push({ number, wireType, value: read.value });
    at = read.end;
  }
  return fields;
}

interface Read<T> {
  readonly value: T;
  readonly end: number;
}

function readValue(bytes: Buffer, at: number, wireType: number, depth: number): Read<Field["value"]> | undefined {
  if (wireType === 0) return readVarint(bytes, at);
  const length = wireType === 2 ? readVarint(bytes, at) : { value: wireType === 1 ? 8n : 4n, end: at };
  if (length === undefined || ![1, 2, 5].includes(wireType)) return undefined;
  const end = length.end + Number(length.value);
  if (end > bytes.length) return undefined;
  const value = bytes.subarray(length.end, end);
  const inner = wireType === 2 && depth > 0 && value.length > 1 ? readFields(value, depth - 1) : undefined;
  return { value: inner ?? value, end };
}

function readVarint(bytes: Buffer, start: number): Read<bigint> | undefined {
  let value = 0n;
  for (let at = start; at < Math.min(bytes.length, start + 10); at++) {
    value |= BigInt(bytes[at]! & 0x7f) << BigInt(7 * (at - start));
    if (bytes[at]! < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function writeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ number, wireType, value }) => {
      const tag = varint((BigInt(number) << 3n) | BigInt(wireType));
      if (typeof value === "bigint") return [tag, varint(value)];
      const content = Buffer.isBuffer(value) ? value : writeFields(value);
      return wireType === 2 ? [tag, varint(BigInt(content.length)), content] : [tag, content];
    }),
  );
}

/** FrameBatch, Frame, body, Limits. */
const depthMax = 4;

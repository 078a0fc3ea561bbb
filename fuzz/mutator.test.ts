import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Mutator, varint } from "./mutator.ts";
import { mutateFields, readFields } from "./protobuf-fields.ts";
import { Random } from "./random.ts";

const bytes = fc.uint8Array({ maxLength: 40 }).map((content) => Buffer.from(content));

describe("changes of any bytes", () => {
  it("leave what they are given as it is, and keep to the most bytes", () => {
    fc.assert(
      fc.property(bytes, bytes, fc.nat(), (input, other, seed) => {
        const mutator = new Mutator(new Random(seed), ["token"], 50);
        const before = [Buffer.from(input), Buffer.from(other)];
        for (let times = 0; times < 20; times++) expect(mutator.mutate(input, other).length).toBeLessThanOrEqual(50);
        expect([input, other]).toStrictEqual(before);
      }),
    );
  });

  it("reach every byte, longer and shorter inputs, tokens and the other input", () => {
    const mutator = new Mutator(new Random(1), ["token"], 64);
    const made = Array.from({ length: 20_000 }, () => mutator.mutate(Buffer.from("abcd"), Buffer.from("WXYZ")));
    expect(new Set(made.map((each) => each[0])).size).toBe(257);
    expect(new Set(made.map((each) => each.length)).size).toBeGreaterThan(40);
    for (const part of ["token", "WXYZ", "abcdabcd"]) expect(made.some((each) => each.includes(part))).toBe(true);
  });
});

describe("a change of a protobuf message", () => {
  const text = (number: number, content: Buffer) =>
    Buffer.concat([varint(BigInt(number * 8 + 2)), varint(BigInt(content.length)), content]);
  const message = text(
    1,
    Buffer.concat([Buffer.from([0x08, 1]), text(3, Buffer.from([0x08, 2, 0x12, 2, 0xff, 0xff]))]),
  );

  it("keeps it a message, whatever changes within", () => {
    const random = new Random(1);
    const made = Array.from({ length: 2_000 }, () => mutateFields(message, random));
    expect(made.filter((each) => readFields(each, 4) === undefined)).toStrictEqual([]);
    expect(new Set(made.map(String)).size).toBeGreaterThan(200);
  });

  it("leaves what is no message as it is", () => {
    const cut = Buffer.from([0x0a, 9, 1]);
    expect(mutateFields(cut, new Random(1))).toBe(cut);
  });
});

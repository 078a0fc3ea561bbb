import fc from "fast-check";
import { expect, test } from "vitest";
import { KeptBytes } from "./kept-bytes.ts";

test("kept bytes come back in order, whatever their pieces", () => {
  const piece = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 1000, maxLength: 1100 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const buffers = pieces.map((each) => Buffer.from(each));
      const kept = new KeptBytes();
      for (const each of buffers) kept.push(each);
      expect(Buffer.concat(kept.take()).equals(Buffer.concat(buffers))).toBe(true);
    }),
  );
});

test("64 Ki single bytes are kept as a few pieces, large ones as they are", () => {
  const kept = new KeptBytes();
  for (let at = 0; at < 64 * 1024; at++) kept.push(Buffer.from([at & 0xff]));
  const large = Buffer.alloc(5000, 1);
  kept.push(large);
  const pieces = kept.take();
  expect(pieces.map(({ length }) => length)).toEqual([...Array(8).fill(8192), 5000]);
  expect(pieces.at(-1)).toBe(large);
  expect(Buffer.concat(pieces)[1000]).toBe(1000 & 0xff);
});

test("small pieces between large ones share their blocks", () => {
  const kept = new KeptBytes();
  for (let round = 0; round < 20; round++) {
    kept.push(Buffer.from("small"));
    kept.push(Buffer.alloc(1024));
  }
  const small = kept.take().filter(({ length }) => length === 5);
  expect([small.length, new Set(small.map(({ buffer }) => buffer)).size]).toEqual([20, 1]);
});

import { expect, it } from "vitest";
import { parsePreamble, preambleBytesMax, readPreamble } from "./preamble.ts";
import { envelope, preamble } from "./testing/records.ts";

const upgraded = preamble({ upgrade: "application/ssl-tls" });
const plain = preamble();

it.each([
  ["its end", plain, ""],
  ["an upgrade request", upgraded, "application/ssl-tls"],
])("T5: a preamble that ends with %s is told once it is whole, and where it ends", (_, bytes, upgrade) => {
  const via = "net.tcp://calc.example:808/calc";
  const preamble = { mode: 2, via, encoding: 8, contentType: "", upgrade };
  for (let cut = 0; cut < bytes.length; cut += 1) expect(readPreamble(bytes.subarray(0, cut))).toEqual({ t: "more" });
  expect(readPreamble(bytes)).toEqual({ t: "read", preamble, bytes: bytes.length });
  expect(readPreamble(Buffer.concat([bytes, envelope("x")]))).toEqual({ t: "read", preamble, bytes: bytes.length });
});

it("the longest preamble is whole within the bound, and a longer one malformed", () => {
  const padded = (type: number, length: number) =>
    Buffer.concat([
      Buffer.from([type, (length & 0x7f) | 0x80, (length >> 7) | 0x80, 0x80, 0x80, 0]),
      Buffer.alloc(length, 0x78),
    ]);
  const longest = Buffer.concat([Buffer.from([0, 1, 0, 1, 2]), padded(2, 2_048), padded(4, 256), padded(9, 256)]);
  expect(longest.length).toBe(preambleBytesMax);
  expect(readPreamble(longest)).toMatchObject({ t: "read", bytes: preambleBytesMax });
  expect(readPreamble(Buffer.concat([Buffer.from([0, 1, 0, 1, 2]), padded(2, 2_049)]))).toMatchObject({
    t: "malformed",
  });
});

it("bytes that are one preamble and nothing else are parsed, others are not", () => {
  expect(parsePreamble(plain)).toMatchObject({ via: "net.tcp://calc.example:808/calc" });
  expect(parsePreamble(plain.subarray(0, -1))).toBeUndefined();
  expect(parsePreamble(Buffer.concat([plain, plain]))).toBeUndefined();
  expect(parsePreamble(Buffer.from("GET / HTTP/1.1"))).toBeUndefined();
});

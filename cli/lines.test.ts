import fc from "fast-check";
import { expect, it } from "vitest";
import { Lines, lineLengthMax } from "./lines.ts";

function linesOf(chunks: readonly Buffer[]): string[] {
  const found: string[] = [];
  const lines = new Lines((line) => found.push(line));
  for (const chunk of chunks) lines.write(chunk);
  lines.end();
  return found;
}

const text = "one\r\nzwei: äöü\n\n四\nlast";

it("cuts a stream into lines wherever its chunks end", () => {
  const bytes = Buffer.from(text);
  for (let at = 0; at <= bytes.length; at += 1) {
    expect(linesOf([bytes.subarray(0, at), bytes.subarray(at)])).toStrictEqual(["one", "zwei: äöü", "", "四", "last"]);
  }
});

it("finds the same lines in any chunks", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", maxLength: 20 })),
      fc.integer({ min: 1, max: 7 }),
      (parts, size) => {
        const bytes = Buffer.from(parts.join("\n"));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        expect(linesOf(chunks)).toStrictEqual(linesOf([bytes]));
      },
    ),
  );
});

it("keeps a line of the greatest length whole and cuts a longer one, however it comes", () => {
  const long = "x".repeat(lineLengthMax);
  expect(linesOf([Buffer.from(`${long}\nnext\n`)])).toStrictEqual([long, "next"]);
  const chunks = Array.from({ length: 64 }, () => Buffer.from("x".repeat(1024)));
  expect(linesOf([...chunks, Buffer.from("\nnext\n")])).toStrictEqual([`${long} … (cut)`, "next"]);
});

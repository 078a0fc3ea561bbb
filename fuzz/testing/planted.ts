import type { Target } from "../target.ts";

/** Stands in for a parser: it fails behind four bytes, each of which must be right before the next one is looked at. */
export const target: Target = {
  summary: "a bug behind a magic number",
  seeds: [Buffer.from("input")],
  tokens: [],
  inputBytesMax: 12,
  bufferBytesMax: 1024 * 1024,
  run(input) {
    if (input.length < 4 || key(input[0]) !== 0x09) return;
    if (key(input[1]) !== 0x3b) return;
    if (key(input[2]) !== 0x36) return;
    if (key(input[3]) !== 0xa3) return;
    throw new Error("the planted bug");
  },
};

/** So that no word of the code is the answer. */
function key(byte = 0): number {
  return byte ^ 0x5a;
}

import type { Target } from "../target.ts";

/** Stands in for a parser that believes a length. */
export const target: Target = {
  summary: "a declared length that is allocated",
  seeds: [Buffer.from([0, 0, 0, 1])],
  tokens: [],
  inputBytesMax: 64,
  bufferBytesMax: 1024 * 1024,
  run(input) {
    if (input.length >= 4) Buffer.alloc(input.readUInt32BE() % 2 ** 26);
  },
};

import type { Target } from "../target.ts";

const kept: object[] = [];

/** Stands in for a parser that keeps a little of each input. */
export const target: Target = {
  summary: "memory that grows",
  seeds: [Buffer.from("x")],
  tokens: [],
  inputBytesMax: 64,
  bufferBytesMax: 1024 * 1024,
  run(input) {
    kept.push(Array.from({ length: 64 }, (_, at) => input.length + at));
  },
};

import type { Target } from "../target.ts";

/** Stands in for a parser that never ends. */
export const target: Target = {
  summary: "an input that never ends",
  seeds: [Buffer.from("fine"), Buffer.from("loop")],
  tokens: [],
  inputBytesMax: 64,
  bufferBytesMax: 1024 * 1024,
  run(input) {
    while (input.toString() === "loop");
  },
};

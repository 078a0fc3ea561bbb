import type { Random } from "./random.ts";

/** What is fuzzed: one file in `targets/` each, which exports it as `target`. */
export interface Target {
  /** A line for --help. */
  readonly summary: string;
  /** What the fuzzer starts from when there is no corpus. */
  readonly seeds: readonly Buffer[];
  /** Words of the input's language. Strings of the code under test are added. */
  readonly tokens: readonly string[];
  /** The longest input that is made. */
  readonly inputBytesMax: number;
  /** What one `run` may take outside the heap, such as buffers. What a parser allocates because input says so goes over. */
  readonly bufferBytesMax: number;
  /** A change that knows the input's form; beside those of any bytes. */
  readonly mutate?: (input: Buffer, random: Random) => Buffer;
  /** Throws what it finds wrong. Keeps nothing, and answers the same for the same bytes. */
  run(input: Buffer): void;
}

/** Code units of text, one byte each: what a parser of latin1 strings is given. */
export function latin1(input: Buffer): string {
  return input.toString("latin1");
}

/** Rethrows what is not an error of that class (and, where one is named, of that code). */
export function expectError(error: unknown, kind: new (...given: never[]) => Error, code?: string): void {
  if (!(error instanceof kind)) throw error;
  if (code !== undefined && (error as { readonly code?: unknown }).code !== code) throw error;
}

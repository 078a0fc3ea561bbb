import { getHeapStatistics } from "node:v8";
import type { Coverage } from "./coverage.ts";
import { Mutator } from "./mutator.ts";
import { Random } from "./random.ts";
import type { Target } from "./target.ts";

export interface FuzzerOptions {
  readonly seed: number;
  /** Ends after that many, or when `isOver`. */
  readonly executionsMax: number;
  readonly isOver: () => boolean;
  /** False: inputs that reach something new are not built upon. For comparison. */
  readonly guided: boolean;
  readonly limits: FuzzerLimits;
  /** Told before each input: whoever watches for one that never ends. */
  readonly onInput: (input: Buffer) => void;
  readonly onProgress: (progress: Progress) => void;
}

export interface FuzzerLimits {
  /** What one input may take. */
  readonly inputTimeMaxMs: number;
  /** What memory may have grown by, garbage collected, since the first look. */
  readonly growthBytesMax: number;
}

export const defaultLimits: FuzzerLimits = {
  inputTimeMaxMs: 1_000,
  growthBytesMax: 48 * 1024 * 1024,
};

export interface Progress {
  readonly executions: number;
  readonly features: number;
  readonly corpus: number;
}

export type Outcome =
  | { readonly t: "passed"; readonly progress: Progress }
  | { readonly t: "failed"; readonly progress: Progress; readonly input: Buffer; readonly error: Error };

/** Inputs that are built upon; each has reached something that none before it did. */
const corpusMax = 4_000;
/** Between two looks at the clock, and at memory. */
const clockEvery = 64;
const memoryEvery = 20_000;
/** To make an input that failed smaller. */
const shrinkExecutionsMax = 3_000;
const shrinkTimeMaxMs = 5_000;

/** Makes inputs from those that reached something new, until one fails or the time is over. */
export class Fuzzer {
  readonly #target: Target;
  readonly #coverage: Coverage;
  readonly #options: FuzzerOptions;
  readonly #random: Random;
  readonly #mutator: Mutator;
  readonly #corpus: Buffer[] = [];
  #corpusBytes = 0;
  #executions = 0;
  #memoryBase: number | undefined;

  constructor(target: Target, coverage: Coverage, options: FuzzerOptions) {
    this.#target = target;
    this.#coverage = coverage;
    this.#options = options;
    this.#random = new Random(options.seed);
    // Its own words twice: they count for more than what the code happens to hold.
    const tokens = [...target.tokens, ...target.tokens, ...coverage.tokens];
    this.#mutator = new Mutator(this.#random, tokens, target.inputBytesMax);
  }

  /** What to build upon, the given inputs first. */
  get corpus(): readonly Buffer[] {
    return this.#corpus;
  }

  run(inputs: readonly Buffer[]): Outcome {
    for (const input of inputs) {
      const { error } = this.#execute(input);
      if (error !== undefined) return this.#failed(input, error);
      this.#keep(input);
    }
    while (this.#executions < this.#options.executionsMax) {
      if (this.#executions % clockEvery === 0 && this.#options.isOver()) break;
      const input = this.#next();
      const { error = this.#memoryError(), isNew } = this.#execute(input);
      if (error !== undefined) return this.#failed(input, error);
      if (isNew && this.#options.guided && this.#corpus.length < corpusMax) this.#keep(input);
    }
    return { t: "passed", progress: this.#progress() };
  }

  #next(): Buffer {
    if (this.#corpus.length === 0) this.#corpus.push(Buffer.alloc(0));
    const input = this.#choose();
    if (this.#target.mutate !== undefined && this.#random.oneIn(2)) {
      return this.#target.mutate(input, this.#random).subarray(0, this.#target.inputBytesMax);
    }
    return this.#mutator.mutate(input, this.#random.pick(this.#corpus));
  }

  /** The newer the likelier, in half of the cases. */
  #choose(): Buffer {
    if (this.#random.oneIn(2)) return this.#random.pick(this.#corpus);
    const recent = Math.ceil(this.#corpus.length / 8);
    return this.#corpus[this.#corpus.length - 1 - this.#random.below(recent)]!;
  }

  #execute(input: Buffer): { readonly error: Error | undefined; readonly isNew: boolean } {
    this.#executions++;
    this.#coverage.clear();
    const error = this.#try(input);
    const isNew = this.#coverage.collect() > 0;
    if (this.#executions % clockEvery === 0) this.#options.onProgress(this.#progress());
    return { error, isNew };
  }

  #keep(input: Buffer): void {
    this.#corpus.push(Buffer.from(input));
    this.#corpusBytes += input.length;
  }

  #try(input: Buffer): Error | undefined {
    this.#options.onInput(input);
    const { inputTimeMaxMs } = this.#options.limits;
    const buffersBefore = getHeapStatistics().external_memory;
    const started = performance.now();
    try {
      this.#target.run(input);
    } catch (error) {
      return error instanceof Error ? error : new Error(`threw what is no Error: ${String(error)}`);
    }
    const bufferBytes = getHeapStatistics().external_memory - buffersBefore;
    if (bufferBytes > this.#target.bufferBytesMax) return new Error(`took ${bufferBytes} bytes for ${input.length}`);
    const spentMs = performance.now() - started;
    return spentMs > inputTimeMaxMs ? this.#slow(input, spentMs) : undefined;
  }

  /** Slow once may be the machine's fault. */
  #slow(input: Buffer, spentMs: number): Error | undefined {
    let least = spentMs;
    for (let times = 0; times < 2; times++) {
      const started = performance.now();
      this.#target.run(input);
      least = Math.min(least, performance.now() - started);
    }
    if (least <= this.#options.limits.inputTimeMaxMs) return undefined;
    return new Error(`took ${Math.round(least)} ms for ${input.length} bytes`);
  }

  #memoryError(): Error | undefined {
    if (this.#executions % memoryEvery !== 0) return undefined;
    globalThis.gc?.();
    const { used_heap_size, external_memory } = getHeapStatistics();
    const bytes = used_heap_size + external_memory - this.#corpusBytes;
    this.#memoryBase ??= bytes;
    const growth = bytes - this.#memoryBase;
    if (growth <= this.#options.limits.growthBytesMax) return undefined;
    return new Error(`memory has grown by ${growth} bytes over ${this.#executions} inputs: something is kept`);
  }

  #progress(): Progress {
    return { executions: this.#executions, features: this.#coverage.features, corpus: this.#corpus.length };
  }

  #failed(input: Buffer, error: Error): Outcome {
    return { t: "failed", progress: this.#progress(), ...this.#shrink(input, error) };
  }

  /** The smallest input found that fails alike. */
  #shrink(failing: Buffer, failure: Error): { readonly input: Buffer; readonly error: Error } {
    let input = failing;
    let error = failure;
    let left = shrinkExecutionsMax;
    const endMs = performance.now() + shrinkTimeMaxMs;
    for (let size = input.length >>> 1; size > 0 && left > 0 && performance.now() < endMs; ) {
      let found = false;
      for (let at = 0; at < input.length && left > 0; at += size, left--) {
        const smaller = Buffer.concat([input.subarray(0, at), input.subarray(at + size)]);
        const again = this.#try(smaller);
        if (again === undefined || kindOf(again) !== kindOf(failure)) continue;
        [input, error, found] = [smaller, again, true];
        break;
      }
      if (!found) size >>>= 1;
    }
    return { input, error };
  }
}

/** Failures whose numbers and quotes differ are of one kind. */
function kindOf(error: Error): string {
  return `${error.name}: ${error.message.replace(/\d+|"[^"]*"|[^ -~]+/g, "").slice(0, 60)}`;
}

/**
 * Of inputs those that reach together what all of them reach, small ones first and `bytesMax` in all. `coverage` must not
 * have seen any yet. What fails is left out.
 */
export function minimise(inputs: readonly Buffer[], bytesMax: number, target: Target, coverage: Coverage): Buffer[] {
  let bytesLeft = bytesMax;
  return inputs
    .toSorted((a, b) => a.length - b.length || Buffer.compare(a, b))
    .filter((input) => {
      coverage.clear();
      try {
        target.run(input);
      } catch {
        return false;
      }
      if (coverage.collect() === 0 || input.length > bytesLeft) return false;
      bytesLeft -= input.length;
      return true;
    });
}

import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";
import { countersKey, instrument } from "./instrument.ts";

/** Counters that instrumented code has, at most; all of the routers takes some 6,000. */
export const countersMax = 65_536;

/**
 * What inputs reach, counted by code of ours and of the named packages that is loaded after `instrumentModules`. How often
 * an input passes a place counts too, by order of magnitude: 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more.
 */
export class Coverage {
  readonly #counters = new Uint8Array(countersMax);
  readonly #words = new Uint32Array(this.#counters.buffer);
  /** A bit for each magnitude. */
  readonly #seen = new Uint8Array(countersMax);
  readonly #tokens = new Set<string>();
  #used = 0;
  #features = 0;

  /** How many (place, magnitude) pairs were seen. */
  get features(): number {
    return this.#features;
  }

  /** Places that could be reached. */
  get places(): number {
    return this.#used;
  }

  /** Strings that the instrumented code holds. */
  get tokens(): readonly string[] {
    return [...this.#tokens];
  }

  /** Loads modules with counters in them from now on. `packages`: of node_modules, by name. */
  instrumentModules(packages: readonly string[]): void {
    Reflect.set(globalThis, Symbol.for(countersKey), this.#counters);
    registerHooks({
      load: (url, context, nextLoad) => {
        if (!isUnderTest(url, packages)) return nextLoad(url, context);
        const isTypeScript = url.endsWith(".ts");
        const text = readFileSync(fileURLToPath(url), "utf8");
        const isModule = isTypeScript || context.format === "module";
        const source = this.#instrument(isTypeScript ? stripTypeScriptTypes(text) : text, isModule);
        return { format: isModule ? "module" : "commonjs", source, shortCircuit: true };
      },
    });
  }

  /** Forgets what was counted since. */
  clear(): void {
    this.#counters.fill(0, 0, this.#used);
  }

  /** As if no input had been seen. */
  forget(): void {
    this.#seen.fill(0);
    this.#features = 0;
  }

  /** How many pairs that were never seen before were counted since `clear`; they are known from now on. */
  collect(): number {
    let added = 0;
    const words = (this.#used + 3) >>> 2;
    for (let word = 0; word < words; word++) {
      if (this.#words[word] === 0) continue;
      for (let at = word * 4; at < word * 4 + 4; at++) {
        const bit = magnitudeBits[this.#counters[at]!]!;
        if ((bit & ~this.#seen[at]!) === 0) continue;
        this.#seen[at]! |= bit;
        added++;
      }
    }
    this.#features += added;
    return added;
  }

  #instrument(code: string, isModule: boolean): string {
    const { source, tokens } = instrument(code, isModule ? "module" : "script", () => this.#next());
    for (const token of tokens) this.#tokens.add(token);
    return source;
  }

  #next(): number {
    if (this.#used === countersMax)
      throw new Error(`the code under test has over ${countersMax} places; raise countersMax`);
    return this.#used++;
  }
}

const magnitudeBits = Uint8Array.from({ length: 256 }, (_, count) => {
  const least = [1, 2, 3, 4, 8, 16, 32, 128];
  const magnitude = least.findLastIndex((start) => count >= start);
  return magnitude < 0 ? 0 : 1 << magnitude;
});

function isUnderTest(url: string, packages: readonly string[]): boolean {
  if (!url.startsWith("file:")) return false;
  const inModules = url.lastIndexOf("/node_modules/");
  if (inModules >= 0) return packages.some((name) => url.startsWith(`${name}/`, inModules + "/node_modules/".length));
  if (!url.startsWith(repository)) return false;
  // In fuzz/ only what stands in for a parser in tests.
  return !url.startsWith(fuzzer) || url.startsWith(`${fuzzer}testing/`);
}

const repository = new URL("..", import.meta.url).href;
const fuzzer = new URL(".", import.meta.url).href;

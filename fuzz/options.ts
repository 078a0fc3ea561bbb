import { parseArgs } from "node:util";

export interface Options {
  readonly help: boolean;
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  readonly executionsMax: number;
  readonly parallel: number;
  readonly keep: boolean;
  /** Run this file alone, once. */
  readonly input: string | undefined;
}

/** `targets`: names and what they are, in their order. */
export function help(targets: ReadonlyMap<string, string>): string {
  const width = Math.max(...[...targets.keys()].map((name) => name.length));
  return `Usage: npm run fuzz -- [options]

Feeds parsers with inputs that reach more and more of their code, and holds what they answer against an oracle: another
parser, the writer of the same format, the limits they promise. It fails at a wrong answer, an unexpected error, an input
that takes over a second, memory that grows. Input that failed goes to fuzz/crashes/.

  --target LIST     only these, by comma (all)
  --seconds N       for each target (60)
  --seed N          same seed, corpus and number of executions: same inputs (random, and printed)
  --executions N    end each target after that many, if they come before --seconds
  --parallel N      so many targets at once (2)
  --keep            write new inputs that reach something new to fuzz/corpus/, without those that are needless
  --input FILE      run the one target on that file, once
  --help            this

Examples:

  npm run fuzz
  npm run fuzz -- --target envelope --seconds 30
  npm run fuzz -- --target batch,manage --seed 7 --executions 100000
  npm run fuzz -- --target envelope --input fuzz/crashes/envelope-0123456789abcdef

Targets:

${[...targets].map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}

Exit codes: 0 every target passed, 1 one failed, 2 wrong options.
`;
}

/** Throws with the mend for what is no option. `known`: names of targets. */
export function parseOptions(args: readonly string[], known: readonly string[], randomSeed: number): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      target: { type: "string", multiple: true },
      seconds: { type: "string" },
      seed: { type: "string" },
      executions: { type: "string" },
      parallel: { type: "string" },
      input: { type: "string" },
    },
  });
  const targets = parseTargets(values.target, known);
  if (values.input !== undefined && (values.target === undefined || targets.length > 1)) {
    throw new Error("--input needs the one --target that is to read it");
  }
  return {
    help: values.help,
    keep: values.keep,
    input: values.input,
    targets,
    seconds: number("seconds", values.seconds, 60, 86_400),
    seed: number("seed", values.seed, randomSeed, 0xffff_ffff, 0),
    executionsMax: number("executions", values.executions, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    parallel: number("parallel", values.parallel, 2, 64),
  };
}

function parseTargets(lists: readonly string[] | undefined, known: readonly string[]): readonly string[] {
  if (lists === undefined) return known;
  const names = [...new Set(lists.flatMap((list) => list.split(",")).map((name) => name.trim()))];
  for (const name of names) {
    if (!known.includes(name)) throw new Error(`--target: there is no target ${name}; there are ${known.join(", ")}`);
  }
  return names;
}

function number(name: string, text: string | undefined, otherwise: number, max: number, min = 1): number {
  if (text === undefined) return otherwise;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`--${name} is a whole number from ${min} to ${max}, not ${text}`);
}

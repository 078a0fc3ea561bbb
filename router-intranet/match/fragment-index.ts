import type { CallFacts } from "./call-facts.ts";
import { searchList } from "./candidates.ts";
import type { CompiledMatch } from "./routing-table.ts";

/**
 * Finds the matches whose fragment may be in a text ("Contains") without trying each: a fragment that is in the text has
 * all its runs of four characters there, so each match is listed under the rarest run of its fragment, and a text is
 * looked up run by run.
 */
export interface FragmentIndex {
  readonly byRun: ReadonlyMap<number, readonly CompiledMatch[]>;
  /** Fragments shorter than a run. */
  readonly short: readonly CompiledMatch[];
}

const runLength = 4;

/** `matches` in order of precedence, so is every list. */
export function buildFragmentIndex(
  matches: readonly CompiledMatch[],
  fragmentOf: (match: CompiledMatch) => string,
): FragmentIndex {
  const long = matches.filter((match) => fragmentOf(match).length >= runLength);
  const uses = new Map<number, number>();
  for (const match of long) {
    for (const run of runsOf(fragmentOf(match))) uses.set(run, (uses.get(run) ?? 0) + 1);
  }
  const usesOf = (run: number) => uses.get(run) ?? 0;
  return {
    byRun: Map.groupBy(long, (match) =>
      runsOf(fragmentOf(match)).reduce((rarest, run) => (usesOf(run) < usesOf(rarest) ? run : rarest)),
    ),
    short: matches.filter((match) => fragmentOf(match).length < runLength),
  };
}

/** The first match that takes the call, or `best` if that one goes before it. */
export function searchFragments(
  index: FragmentIndex,
  text: string,
  facts: CallFacts,
  best: CompiledMatch | undefined,
): CompiledMatch | undefined {
  let found = searchList(index.short, facts, best);
  let tried: Set<number> | undefined;
  let run = firstRun(text);
  for (let at = runLength; at <= text.length; at++) {
    const matches = index.byRun.get(run);
    // A text made of one run over and over must not have the run's fragments looked for over and over.
    if (matches !== undefined && !tried?.has(run)) {
      tried ??= new Set();
      tried.add(run);
      found = searchList(matches, facts, found);
    }
    run = nextRun(run, text.charCodeAt(at));
  }
  return found;
}

function runsOf(text: string): number[] {
  const runs: number[] = [];
  let run = firstRun(text);
  for (let at = runLength; at <= text.length; at++) {
    runs.push(run);
    run = nextRun(run, text.charCodeAt(at));
  }
  return runs;
}

function firstRun(text: string): number {
  let run = 0;
  for (let at = 0; at < runLength; at++) run = nextRun(run, text.charCodeAt(at));
  return run;
}

/** Four characters in 32 bits; beyond latin1 two runs may share a number, which costs a try and no more. */
function nextRun(run: number, charCode: number): number {
  return (run << 8) ^ (charCode & 0xff);
}

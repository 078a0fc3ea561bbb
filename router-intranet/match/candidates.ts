import type { CallFacts } from "./call-facts.ts";
import type { CompiledMatch } from "./routing-table.ts";

/**
 * Matches that an index cannot tell apart any further, but for one exact header: matches that ask for one are found by
 * its value, so that tenants told apart by a header cost the same however many they are. All lists are in order of precedence.
 */
export interface Candidates {
  readonly plain: readonly CompiledMatch[];
  /** Lower-case header name → value → matches. */
  readonly byHeader: ReadonlyMap<string, ReadonlyMap<string, readonly CompiledMatch[]>> | undefined;
}

export function buildCandidates(matches: readonly CompiledMatch[]): Candidates {
  const byName = Map.groupBy(matches, (match) => exactHeader(match)?.name.toLowerCase());
  const plain = byName.get(undefined) ?? [];
  byName.delete(undefined);
  if (byName.size === 0) return { plain, byHeader: undefined };
  const byHeader = new Map<string, ReadonlyMap<string, readonly CompiledMatch[]>>();
  for (const [name, named] of byName) {
    if (name !== undefined)
      byHeader.set(
        name,
        Map.groupBy(named, (match) => exactHeader(match)?.value ?? ""),
      );
  }
  return { plain, byHeader };
}

/** The first of the candidates that takes the call, or `best` if that one goes before it. */
export function searchCandidates(
  candidates: Candidates | undefined,
  facts: CallFacts,
  best: CompiledMatch | undefined,
): CompiledMatch | undefined {
  if (candidates === undefined) return best;
  let found = searchList(candidates.plain, facts, best);
  if (candidates.byHeader === undefined) return found;
  for (const [name, byValue] of candidates.byHeader) {
    const value = facts.header(name);
    if (value !== undefined) found = searchList(byValue.get(value), facts, found);
  }
  return found;
}

/** The same for a list in order of precedence. */
export function searchList(
  matches: readonly CompiledMatch[] | undefined,
  facts: CallFacts,
  best: CompiledMatch | undefined,
): CompiledMatch | undefined {
  if (matches === undefined) return best;
  for (const match of matches) {
    if (best !== undefined && best.rank < match.rank) return best;
    if (takes(match, facts)) return match;
  }
  return best;
}

/** False too where it hangs on an envelope that is not read; `facts.undecidedRank` then tells. */
export function takes(match: CompiledMatch, facts: CallFacts): boolean {
  let undecided = false;
  for (const condition of match.conditions) {
    if (condition.holds(facts)) continue;
    if (condition.isUndecided?.(facts) !== true) return false;
    undecided = true;
  }
  if (undecided && match.rank < facts.undecidedRank) facts.undecidedRank = match.rank;
  return !undecided;
}

/**
 * Notes the first of these matches, all of which hang on an envelope that is not read, that goes before `best` and would
 * take the call if the envelope were right. After some that would not, the next one is noted untried: to read an envelope
 * in vain does no harm, to try ten thousand matches does.
 */
export function noteUndecided(
  matches: readonly CompiledMatch[],
  facts: CallFacts,
  best: CompiledMatch | undefined,
): void {
  for (const [tries, match] of matches.entries()) {
    if (best !== undefined && best.rank < match.rank) return;
    if (tries === undecidedTriesMax) facts.undecidedRank = Math.min(facts.undecidedRank, match.rank);
    else takes(match, facts);
    if (facts.undecidedRank <= match.rank) return;
  }
}

const undecidedTriesMax = 64;

function exactHeader(match: CompiledMatch) {
  return match.match.headers?.find((header) => header.type === "Exact");
}

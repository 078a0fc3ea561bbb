import type { CallFacts } from "./call-facts.ts";
import { buildCandidates, type Candidates, noteUndecided, searchCandidates } from "./candidates.ts";
import { type HeaderKey, headerKey } from "./envelope-header.ts";
import type { CompiledMatch } from "./routing-table.ts";

/** Matches that ask for an exact SOAP header, by its value: their number costs a call nothing. */
export interface SoapHeaderIndex {
  readonly others: Candidates;
  readonly exact: ReadonlyMap<HeaderKey, ReadonlyMap<string, Candidates>>;
  /** The matches of `exact`, in order of precedence. */
  readonly asking: readonly CompiledMatch[];
}

/** `matches` in order of precedence. */
export function buildSoapHeaderIndex(matches: readonly CompiledMatch[]): SoapHeaderIndex {
  const asking = matches.filter((match) => exactHeader(match) !== undefined);
  return {
    others: buildCandidates(matches.filter((match) => exactHeader(match) === undefined)),
    exact: groups(asking, keyOf, (named) => groups(named, (match) => exactHeader(match)?.value ?? "", buildCandidates)),
    asking,
  };
}

/** The first match that takes the call, or `best` if that one goes before it. */
export function searchSoapHeaders(
  index: SoapHeaderIndex | undefined,
  facts: CallFacts,
  best: CompiledMatch | undefined,
): CompiledMatch | undefined {
  if (index === undefined) return best;
  let found = searchCandidates(index.others, facts, best);
  if (index.asking.length === 0) return found;
  if (facts.envelope.t === "unread") noteUndecided(index.asking, facts, found);
  for (const [key, byValue] of index.exact) {
    const text = facts.soapHeader(key);
    if (text !== undefined) found = searchCandidates(byValue.get(text), facts, found);
  }
  return found;
}

function groups<T>(
  matches: readonly CompiledMatch[],
  keyOfGroup: (match: CompiledMatch) => string,
  build: (matches: readonly CompiledMatch[]) => T,
): ReadonlyMap<string, T> {
  return new Map([...Map.groupBy(matches, keyOfGroup)].map(([key, group]) => [key, build(group)]));
}

function keyOf(match: CompiledMatch): HeaderKey {
  const header = exactHeader(match);
  return header === undefined ? "" : headerKey(header.name, header.namespace);
}

function exactHeader({ match }: CompiledMatch) {
  const header = match.soap?.header;
  return header?.type === "Exact" ? header : undefined;
}

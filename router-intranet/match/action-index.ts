import type { CallFacts } from "./call-facts.ts";
import { buildCandidates, type Candidates, searchCandidates, searchList } from "./candidates.ts";
import { buildFragmentIndex, type FragmentIndex, searchFragments } from "./fragment-index.ts";
import type { CompiledMatch } from "./routing-table.ts";

/** Matches of one host and path, by what they ask of the SOAP action. */
export interface ActionIndex {
  readonly none: Candidates | undefined;
  readonly exact: ReadonlyMap<string, Candidates>;
  /** Length → prefix → matches. */
  readonly prefix: ReadonlyMap<number, ReadonlyMap<string, Candidates>>;
  readonly contains: FragmentIndex | undefined;
  readonly pattern: readonly CompiledMatch[];
}

/** `matches` in order of precedence. */
export function buildActionIndex(matches: readonly CompiledMatch[]): ActionIndex {
  const byType = Map.groupBy(matches, (match) => match.match.soap?.action.type);
  const none = byType.get(undefined);
  const contains = byType.get("Contains");
  return {
    none: none && buildCandidates(none),
    exact: byAction(byType.get("Exact") ?? []),
    prefix: new Map(
      [...Map.groupBy(byType.get("Prefix") ?? [], (match) => actionOf(match).length)].map(([length, prefixes]) => [
        length,
        byAction(prefixes),
      ]),
    ),
    contains: contains && buildFragmentIndex(contains, actionOf),
    pattern: byType.get("RegularExpression") ?? [],
  };
}

/** The first match that takes the call, `undefined` when none does. */
export function searchActions(index: ActionIndex, facts: CallFacts): CompiledMatch | undefined {
  // A match with a method goes before one without, whatever their actions: so all kinds are asked.
  const found = searchCandidates(index.none, facts, undefined);
  if (!asksForActions(index)) return found;
  const action = facts.soapAction;
  return action === undefined ? found : searchByAction(index, action, facts, found);
}

function searchByAction(
  index: ActionIndex,
  action: string,
  facts: CallFacts,
  best: CompiledMatch | undefined,
): CompiledMatch | undefined {
  let found = searchCandidates(index.exact.get(action), facts, best);
  for (const [length, prefixes] of index.prefix) {
    if (length <= action.length) found = searchCandidates(prefixes.get(action.slice(0, length)), facts, found);
  }
  if (index.contains !== undefined) found = searchFragments(index.contains, action, facts, found);
  return searchList(index.pattern, facts, found);
}

function asksForActions(index: ActionIndex): boolean {
  return index.exact.size + index.prefix.size + index.pattern.length > 0 || index.contains !== undefined;
}

function byAction(matches: readonly CompiledMatch[]): ReadonlyMap<string, Candidates> {
  const groups = Map.groupBy(matches, actionOf);
  return new Map([...groups].map(([action, group]) => [action, buildCandidates(group)]));
}

function actionOf(match: CompiledMatch): string {
  return match.match.soap?.action.value ?? "";
}

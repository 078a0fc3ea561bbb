import type { CallFacts } from "./call-facts.ts";
import { noteUndecided, searchList } from "./candidates.ts";
import { buildFragmentIndex, type FragmentIndex, searchFragments } from "./fragment-index.ts";
import type { CompiledMatch } from "./routing-table.ts";
import { buildSoapHeaderIndex, type SoapHeaderIndex, searchSoapHeaders } from "./soap-header-index.ts";

/** Matches of one host and path, by what they ask of the SOAP action. */
export interface ActionIndex {
  readonly none: SoapHeaderIndex | undefined;
  readonly exact: ReadonlyMap<string, SoapHeaderIndex>;
  /** Length → prefix → matches. */
  readonly prefix: ReadonlyMap<number, ReadonlyMap<string, SoapHeaderIndex>>;
  readonly contains: FragmentIndex | undefined;
  readonly pattern: readonly CompiledMatch[];
  /** All that ask for an action. */
  readonly asking: readonly CompiledMatch[];
}

/** `matches` in order of precedence. */
export function buildActionIndex(matches: readonly CompiledMatch[]): ActionIndex {
  const byType = Map.groupBy(matches, (match) => match.match.soap?.action?.type);
  const none = byType.get(undefined);
  const contains = byType.get("Contains");
  return {
    none: none && buildSoapHeaderIndex(none),
    exact: byAction(byType.get("Exact") ?? []),
    prefix: new Map(
      [...Map.groupBy(byType.get("Prefix") ?? [], (match) => actionOf(match).length)].map(([length, prefixes]) => [
        length,
        byAction(prefixes),
      ]),
    ),
    contains: contains && buildFragmentIndex(contains, actionOf),
    pattern: byType.get("RegularExpression") ?? [],
    asking: matches.filter(({ match }) => match.soap?.action !== undefined),
  };
}

/** The first match that takes the call, `undefined` when none does. */
export function searchActions(index: ActionIndex, facts: CallFacts): CompiledMatch | undefined {
  // A match with a method goes before one without, whatever their actions: so all kinds are asked.
  const found = searchSoapHeaders(index.none, facts, undefined);
  if (index.asking.length === 0) return found;
  const action = facts.soapAction;
  if (action !== undefined) return searchByAction(index, action, facts, found);
  if (facts.lacksSoapAction) noteUndecided(index.asking, facts, found);
  return found;
}

function searchByAction(
  index: ActionIndex,
  action: string,
  facts: CallFacts,
  best: CompiledMatch | undefined,
): CompiledMatch | undefined {
  let found = searchSoapHeaders(index.exact.get(action), facts, best);
  for (const [length, prefixes] of index.prefix) {
    if (length <= action.length) found = searchSoapHeaders(prefixes.get(action.slice(0, length)), facts, found);
  }
  if (index.contains !== undefined) found = searchFragments(index.contains, action, facts, found);
  return searchList(index.pattern, facts, found);
}

function byAction(matches: readonly CompiledMatch[]): ReadonlyMap<string, SoapHeaderIndex> {
  const groups = Map.groupBy(matches, actionOf);
  return new Map([...groups].map(([action, group]) => [action, buildSoapHeaderIndex(group)]));
}

function actionOf(match: CompiledMatch): string {
  return match.match.soap?.action?.value ?? "";
}

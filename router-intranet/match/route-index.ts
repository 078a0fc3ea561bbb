import { type ActionIndex, buildActionIndex, searchActions } from "./action-index.ts";
import type { CallFacts } from "./call-facts.ts";
import { pathPrefixOf } from "./path-value.ts";
import type { CompiledMatch } from "./routing-table.ts";

/**
 * Finds the match that takes a call at a cost that does not grow with the number of routes, for hosts, exact paths, path
 * prefixes, SOAP actions (exact, prefix, contains), exact SOAP headers and exact headers. It only narrows down: each candidate's conditions
 * are all asked, and the one of lowest rank wins, so the answer is that of trying all matches in order. What remains (regular
 * expressions, methods, query parameters, fragments under four characters) is tried one by one where all else is equal.
 */
export interface RouteIndex {
  readonly exact: ReadonlyMap<string, PathIndex>;
  /** By the domain: "example.com" for "*.example.com". */
  readonly wildcard: ReadonlyMap<string, PathIndex>;
  readonly any: PathIndex | undefined;
}

interface PathIndex {
  readonly exact: ReadonlyMap<string, ActionIndex>;
  /** Without slashes at the end; never "". */
  readonly prefix: ReadonlyMap<string, ActionIndex>;
  readonly prefixLengthMax: number;
  readonly pattern: ActionIndex | undefined;
  /** No path, or the prefix "/". */
  readonly any: ActionIndex | undefined;
}

/** `matches` in order of precedence. */
export function buildRouteIndex(matches: readonly CompiledMatch[]): RouteIndex {
  const byKind = Map.groupBy(matches, ({ match: { host } }) => {
    if (host === undefined) return "any";
    return host.startsWith("*.") ? "wildcard" : "exact";
  });
  const any = byKind.get("any");
  return {
    exact: indexBy(byKind.get("exact"), ({ match }) => match.host ?? "", buildPathIndex),
    wildcard: indexBy(byKind.get("wildcard"), ({ match }) => match.host?.slice(2) ?? "", buildPathIndex),
    any: any && buildPathIndex(any),
  };
}

/** The first match in order of precedence that takes the call, `undefined` when none does. */
export function searchRoutes(index: RouteIndex, facts: CallFacts): CompiledMatch | undefined {
  return searchHosts(index, facts) ?? (index.any && searchPaths(index.any, facts));
}

function searchHosts(index: RouteIndex, facts: CallFacts): CompiledMatch | undefined {
  if (index.exact.size + index.wildcard.size === 0) return undefined;
  const { host } = facts;
  const exact = index.exact.get(host);
  const found = exact && searchPaths(exact, facts);
  if (found !== undefined || index.wildcard.size === 0) return found;
  for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
    const below = index.wildcard.get(host.slice(dot + 1));
    const foundBelow = below && searchPaths(below, facts);
    if (foundBelow !== undefined) return foundBelow;
  }
  return undefined;
}

function buildPathIndex(matches: readonly CompiledMatch[]): PathIndex {
  const byKind = Map.groupBy(matches, pathKind);
  const pattern = byKind.get("RegularExpression");
  const any = byKind.get("any");
  const prefix = indexBy(
    byKind.get("PathPrefix"),
    ({ match }) => pathPrefixOf(match.path?.value ?? ""),
    buildActionIndex,
  );
  return {
    exact: indexBy(byKind.get("Exact"), ({ match }) => match.path?.value ?? "", buildActionIndex),
    prefix,
    prefixLengthMax: [...prefix.keys()].reduce((max, key) => Math.max(max, key.length), 0),
    pattern: pattern && buildActionIndex(pattern),
    any: any && buildActionIndex(any),
  };
}

/** In order of precedence, so the first that is found is the answer. */
function searchPaths(index: PathIndex, facts: CallFacts): CompiledMatch | undefined {
  const exact = index.exact.size > 0 ? index.exact.get(facts.path) : undefined;
  return (
    (exact && searchActions(exact, facts)) ??
    searchPrefixes(index, facts) ??
    (index.pattern && searchActions(index.pattern, facts)) ??
    (index.any && searchActions(index.any, facts))
  );
}

/** From the longest prefix of whole segments to the shortest; none longer than the longest of any route. */
function searchPrefixes(index: PathIndex, facts: CallFacts): CompiledMatch | undefined {
  if (index.prefix.size === 0) return undefined;
  const { path } = facts;
  let end = path.length <= index.prefixLengthMax ? path.length : path.lastIndexOf("/", index.prefixLengthMax);
  while (end > 0) {
    const prefix = index.prefix.get(path.slice(0, end));
    const found = prefix && searchActions(prefix, facts);
    if (found !== undefined) return found;
    end = path.lastIndexOf("/", end - 1);
  }
  return undefined;
}

function indexBy<T>(
  matches: readonly CompiledMatch[] | undefined,
  keyOf: (match: CompiledMatch) => string,
  build: (matches: readonly CompiledMatch[]) => T,
): ReadonlyMap<string, T> {
  return new Map([...Map.groupBy(matches ?? [], keyOf)].map(([key, group]) => [key, build(group)]));
}

function pathKind({ match: { path } }: CompiledMatch): "Exact" | "PathPrefix" | "RegularExpression" | "any" {
  if (path === undefined || (path.type === "PathPrefix" && pathPrefixOf(path.value) === "")) return "any";
  return path.type;
}

import type { RouteMatch } from "@sallyport/proto/resource";
import { pathPrefixOf } from "./path-value.ts";
import type { CompiledRoute } from "./routing-table.ts";
import type { TextMatch } from "./text-test.ts";

/** What decides between two matches that both take a call. */
export interface Precedence {
  /** Compared from the left; the smaller one wins. */
  readonly weights: readonly number[];
  readonly routeKey: string;
  readonly matchIndex: number;
}

/**
 * The order of matches, in the spirit of Gateway API's `HTTPRouteRule`. Each line decides only where those above are equal:
 *
 * 1. host: exact, then `*.` (the longer one first), then none
 * 2. path: Exact, then PathPrefix (the longer one first), then RegularExpression, then PathPrefix "/" or none
 * 3. method: given, then none
 * 4. SOAP action: Exact, then Prefix (the longer one first), then Contains (the longer one first), then
 *    RegularExpression, then none
 * 5. SOAP header: as the action; where that is equal, with a namespace before without
 * 6. the number of headers, more first
 * 7. the number of query parameters, more first
 * 8. the route's creationTimestamp: the oldest first, none last
 * 9. the route's "namespace/name", by code unit
 * 10. the place of the match in its route
 */
export function precedenceOf(route: CompiledRoute, match: RouteMatch, matchIndex: number): Precedence {
  const weights = [
    ...hostWeights(match.host),
    ...pathWeights(match.path),
    match.method === undefined ? 1 : 0,
    ...textWeights(match.soap?.action),
    ...textWeights(match.soap?.header),
    match.soap?.header?.namespace === undefined ? 1 : 0,
    -(match.headers?.length ?? 0),
    -(match.queryParams?.length ?? 0),
    createdMs(route),
  ];
  return { weights, routeKey: route.key, matchIndex };
}

/** Negative when `a` goes before `b`: for `sort`. */
export function comparePrecedence(a: Precedence, b: Precedence): number {
  for (let at = 0; at < a.weights.length; at++) {
    const left = a.weights[at] ?? 0;
    const right = b.weights[at] ?? 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  if (a.routeKey !== b.routeKey) return a.routeKey < b.routeKey ? -1 : 1;
  return a.matchIndex - b.matchIndex;
}

function hostWeights(host: RouteMatch["host"]): [number, number] {
  if (host === undefined) return [2, 0];
  return host.startsWith("*.") ? [1, -host.length] : [0, 0];
}

function pathWeights(path: RouteMatch["path"]): [number, number] {
  switch (path?.type) {
    case "Exact":
      return [0, 0];
    case "PathPrefix": {
      const { length } = pathPrefixOf(path.value);
      return length === 0 ? [3, 0] : [1, -length];
    }
    case "RegularExpression":
      return [2, 0];
    case undefined:
      return [3, 0];
  }
}

function textWeights(text: TextMatch | undefined): [number, number] {
  switch (text?.type) {
    case "Exact":
      return [0, 0];
    case "Prefix":
      return [1, -text.value.length];
    case "Contains":
      return [2, -text.value.length];
    case "RegularExpression":
      return [3, 0];
    case undefined:
      return [4, 0];
  }
}

function createdMs(route: CompiledRoute): number {
  const ms = Date.parse(route.document.metadata.creationTimestamp ?? "");
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
}

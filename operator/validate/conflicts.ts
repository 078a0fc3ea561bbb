import type { RouteMatch, TunnelRoute } from "@sallyport/proto/resource";
import { canonicalJson } from "@sallyport/proto/route-hash";

/** A route with the listeners that it is bound to. */
export interface BoundRoute {
  readonly key: string;
  readonly route: TunnelRoute;
  readonly listeners: readonly string[];
}

/** Who takes the calls of a route's match; by the match's place. */
export interface Conflict {
  readonly matchIndex: number;
  readonly listener: string;
  readonly winner: string;
}

/**
 * The matches of each route that can never take a call, because another route asks for the same on the same listener and goes
 * before: the older one, or the first by name (docs/routing.md). A match that is only covered by a wider one is no conflict.
 */
export function findConflicts(routes: readonly BoundRoute[]): ReadonlyMap<string, readonly Conflict[]> {
  const taken = new Map<string, string>();
  const conflicts = new Map<string, Conflict[]>();
  for (const { key, route, listeners } of routes.toSorted(byPrecedence)) {
    for (const [matchIndex, match] of matchesOf(route).entries()) {
      const asked = canonicalJson(normal(match));
      for (const listener of listeners) {
        const place = `${listener} ${asked}`;
        const winner = taken.get(place);
        if (winner === undefined) taken.set(place, key);
        else if (winner !== key) {
          const known = conflicts.get(key) ?? [];
          known.push({ matchIndex, listener, winner });
          conflicts.set(key, known);
        }
      }
    }
  }
  return conflicts;
}

/** How many (match, listener) pairs the route asks for. */
export function placesOf({ route, listeners }: BoundRoute): number {
  return matchesOf(route).length * listeners.length;
}

function matchesOf(route: TunnelRoute): readonly RouteMatch[] {
  return route.spec.matches.length === 0 ? [{}] : route.spec.matches;
}

/** What is alike for every call is written alike. */
function normal(match: RouteMatch): object {
  const { path, headers = [], queryParams = [], ...rest } = match;
  const sorted = (list: readonly object[]) => list.map((entry) => canonicalJson(entry)).sort();
  return {
    ...rest,
    path: path?.type === "PathPrefix" ? { ...path, value: path.value.replace(/\/+$/, "") } : path,
    headers: sorted(headers.map((header) => ({ ...header, name: header.name.toLowerCase() }))),
    queryParams: sorted(queryParams),
  };
}

function byPrecedence(a: BoundRoute, b: BoundRoute): number {
  const left = createdMs(a.route);
  const right = createdMs(b.route);
  if (left !== right) return left < right ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

function createdMs({ metadata }: TunnelRoute): number {
  const ms = Date.parse(metadata.creationTimestamp ?? "");
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
}

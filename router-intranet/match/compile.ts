import type { ListenerProtocol } from "@sallyport/proto/listener-protocol";
import type { RouteMatch, TunnelRoute } from "@sallyport/proto/resource";
import { compileBackends } from "./backend.ts";
import { type Condition, compileConditions } from "./condition.ts";
import { askedHeaders } from "./envelope-header.ts";
import { misfit, rawProtocols } from "./misfit.ts";
import { comparePrecedence, precedenceOf } from "./precedence.ts";
import { buildRouteIndex, type RouteIndex } from "./route-index.ts";
import type { CompiledMatch, CompiledRoute, RouteProblem, RoutingTable } from "./routing-table.ts";

export interface TunnelName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Makes the table of one tunnel from all routes; those that do not name it as a parent are left out. Call it once per
 * configuration: everything that a call needs is worked out here.
 *
 * Never throws. A match that cannot be used (a wrong pattern, a path that never fits) is left out and told in `problems`; it
 * never becomes one that takes more. A second route of the same name is left out too.
 */
export function compileRoutes(routes: readonly TunnelRoute[], tunnel: TunnelName): RoutingTable {
  const problems: RouteProblem[] = [];
  const compiled = new Map<string, CompiledRoute>();
  for (const document of routes) {
    const listeners = boundListeners(document, tunnel);
    if (listeners === "none") continue;
    const key = `${document.metadata.namespace}/${document.metadata.name}`;
    const report = (message: string) => problems.push({ route: key, message });
    if (compiled.has(key)) report("comes twice, the second one is left out; give each TunnelRoute its own name");
    else compiled.set(key, { key, document, listeners, backends: compileBackends(key, document, report) });
  }
  const matches = [...compiled.values()].flatMap((route) => compileMatches(route, problems));
  const ordered = inOrder(matches);
  return {
    routes: [...compiled.values()],
    matches: ordered,
    index: buildRouteIndex(ordered.filter((match) => misfit(match, "HTTP") === undefined)),
    rawIndexes: new Map(rawProtocols.map((protocol) => [protocol, rawIndex(ordered, protocol)])),
    askedHeaders: askedHeaders(ordered.map(({ match }) => match)),
    problems,
  };
}

/** Most tables have no such routes. */
function rawIndex(matches: readonly CompiledMatch[], protocol: ListenerProtocol): RouteIndex {
  return buildRouteIndex(matches.filter((match) => misfit(match, protocol) === undefined));
}

type UnrankedMatch = Omit<CompiledMatch, "rank">;

function compileMatches(route: CompiledRoute, problems: RouteProblem[]): UnrankedMatch[] {
  const { matches } = route.document.spec;
  if (matches.length === 0) return [unranked(route, {}, 0, compileConditions({}, route.listeners).conditions)];
  return matches.flatMap((match, matchIndex) => {
    const compiled = compileConditions(match, route.listeners);
    for (const problem of compiled.problems) {
      problems.push({
        route: route.key,
        message: `matches[${matchIndex}].${problem}; until then this match takes nothing`,
      });
    }
    return compiled.problems.length > 0 ? [] : [unranked(route, match, matchIndex, compiled.conditions)];
  });
}

function unranked(
  route: CompiledRoute,
  match: RouteMatch,
  matchIndex: number,
  conditions: readonly Condition[],
): UnrankedMatch {
  return { route, match, matchIndex, conditions };
}

function inOrder(matches: readonly UnrankedMatch[]): CompiledMatch[] {
  return matches
    .map((match) => ({ match, precedence: precedenceOf(match.route, match.match, match.matchIndex) }))
    .sort((a, b) => comparePrecedence(a.precedence, b.precedence))
    .map(({ match }, rank) => ({ ...match, rank }));
}

/** Which of the tunnel's listeners the route is bound to; `undefined`: all, because a parentRef names no section. */
function boundListeners({ metadata, spec }: TunnelRoute, tunnel: TunnelName): ReadonlySet<string> | undefined | "none" {
  const refs = spec.parentRefs.filter(
    (ref) => ref.name === tunnel.name && (ref.namespace ?? metadata.namespace) === tunnel.namespace,
  );
  if (refs.length === 0) return "none";
  const sections = new Set<string>();
  for (const { sectionName } of refs) {
    if (sectionName === undefined) return undefined;
    sections.add(sectionName);
  }
  return sections;
}

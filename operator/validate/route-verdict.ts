import type { Listener, ReverseTunnel, TunnelRoute } from "@sallyport/proto/resource";
import { routeHash } from "@sallyport/proto/route-hash";
import type { Env, Facts, Finding } from "../facts.ts";
import { keyOf } from "../kube-object.ts";
import { type ResolvedBackend, resolveBackend } from "./backend-grant.ts";
import { type BoundRoute, type Conflict, findConflicts, placesOf } from "./conflicts.ts";
import { fitsSelector } from "./label-selector.ts";
import { reasons } from "./reasons.ts";

type ParentRef = TunnelRoute["spec"]["parentRefs"][number];

export interface ParentVerdict {
  readonly parentRef: ParentRef;
  readonly accepted: Finding;
  readonly resolvedRefs: Finding;
}

export interface RouteVerdict {
  readonly key: string;
  readonly route: TunnelRoute;
  /** One for each parentRef that names this tunnel. */
  readonly parents: readonly ParentVerdict[];
  /** The listeners that take the route. */
  readonly listeners: readonly string[];
  /** What R2 is given; undefined: nothing of it. */
  readonly served: ServedRoute | undefined;
}

export interface ServedRoute {
  readonly document: TunnelRoute;
  readonly hash: string;
}

/** Whether each route may attach to the tunnel, and what R2 is given of it. All routes name the tunnel. */
export function judgeRoutes(
  tunnel: ReverseTunnel,
  routes: readonly TunnelRoute[],
  facts: Facts,
  env: Env,
): readonly RouteVerdict[] {
  const bound = routes.map((route) => bind(tunnel, route, facts));
  const conflicts = findConflicts(bound.filter(({ listeners }) => listeners.length > 0));
  return bound.map((one) => judge(tunnel, one, conflicts.get(one.key) ?? [], facts, env));
}

interface Binding extends BoundRoute {
  readonly parents: readonly { readonly parentRef: ParentRef; readonly listeners: readonly string[] }[];
}

function bind(tunnel: ReverseTunnel, route: TunnelRoute, facts: Facts): Binding {
  const parents = route.spec.parentRefs
    .filter((ref) => isOf(ref, route, tunnel))
    .map((parentRef) => ({ parentRef, listeners: listenersOf(parentRef, route, tunnel, facts) }));
  const taking = new Set(parents.flatMap(({ listeners }) => listeners));
  const listeners = tunnel.spec.dmz.listeners.map(({ name }) => name).filter((name) => taking.has(name));
  return { key: keyOf(route.metadata), route, parents, listeners };
}

function isOf(ref: ParentRef, route: TunnelRoute, { metadata }: ReverseTunnel): boolean {
  return ref.name === metadata.name && (ref.namespace ?? route.metadata.namespace) === metadata.namespace;
}

/** The listeners that the reference means and that take routes of this namespace. */
function listenersOf(ref: ParentRef, route: TunnelRoute, tunnel: ReverseTunnel, facts: Facts): string[] {
  const from = route.metadata.namespace;
  return tunnel.spec.dmz.listeners
    .filter(({ name }) => ref.sectionName === undefined || ref.sectionName === name)
    .filter((listener) => takesFrom(listener, from, tunnel, facts))
    .map(({ name }) => name);
}

function takesFrom({ allowedRoutes }: Listener, from: string, tunnel: ReverseTunnel, facts: Facts): boolean {
  const { namespaces } = allowedRoutes;
  switch (namespaces.from) {
    case "All":
      return true;
    case "Same":
      return from === tunnel.metadata.namespace;
    case "Selector":
      return fitsSelector(namespaces.selector ?? {}, facts.namespaces.get(from) ?? {});
  }
}

function judge(
  tunnel: ReverseTunnel,
  bound: Binding,
  conflicts: readonly Conflict[],
  facts: Facts,
  env: Env,
): RouteVerdict {
  const { key, route, listeners } = bound;
  const backends = route.spec.backendRefs.map((ref, index) =>
    resolveBackend({ ref, index, route, tunnel }, facts, env),
  );
  const resolvedRefs = resolution(backends);
  const conflict = conflictOf(bound, conflicts);
  const parents = bound.parents.map(({ parentRef, listeners: taking }) => ({
    parentRef,
    accepted: taking.length > 0 ? conflict : refusal(parentRef, route, tunnel),
    resolvedRefs,
  }));
  const isServed = listeners.length > 0 && conflict.holds;
  return { key, route, parents, listeners, served: isServed ? serve(tunnel, bound, backends) : undefined };
}

function refusal(ref: ParentRef, route: TunnelRoute, tunnel: ReverseTunnel): Finding {
  const names = tunnel.spec.dmz.listeners.map(({ name }) => name);
  const key = keyOf(tunnel.metadata);
  if (ref.sectionName !== undefined && !names.includes(ref.sectionName)) {
    const message = `tunnel ${key} has no listener ${ref.sectionName}; its listeners: ${names.join(", ")}`;
    return { holds: false, reason: reasons.noMatchingParent, message };
  }
  const what = ref.sectionName === undefined ? "no listener" : `listener ${ref.sectionName}`;
  const verb = ref.sectionName === undefined ? "takes" : "does not take";
  const message = `${what} of tunnel ${key} ${verb} routes of namespace ${route.metadata.namespace}; the tunnel's owner may widen allowedRoutes`;
  return { holds: false, reason: reasons.notAllowedByListeners, message };
}

function conflictOf(bound: Binding, conflicts: readonly Conflict[]): Finding {
  const [first] = conflicts;
  if (first === undefined) {
    return { holds: true, reason: reasons.accepted, message: `attached to ${bound.listeners.join(", ")}` };
  }
  const place = `matches[${first.matchIndex}] on listener ${first.listener}`;
  const more = conflicts.length === 1 ? "" : ` (and ${conflicts.length - 1} more)`;
  const why = `${place} asks for the same as route ${first.winner}, which goes before it${more}; change one of them`;
  if (conflicts.length < placesOf(bound)) {
    return { holds: true, reason: reasons.partlyConflicted, message: `partly attached: ${why}` };
  }
  return { holds: false, reason: reasons.conflicted, message: `it would never take a call: ${why}` };
}

function resolution(backends: readonly ResolvedBackend[]): Finding {
  const problems = backends.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  // What is not permitted says more than what is only missing.
  const worst = problems.find(({ reason }) => reason === reasons.refNotPermitted) ?? problems[0];
  if (worst === undefined) {
    return { holds: true, reason: reasons.resolvedRefs, message: "every backendRef leads to a destination" };
  }
  return { ...worst, message: problems.map(({ message }) => message).join("; ") };
}

function serve(
  tunnel: ReverseTunnel,
  { route, listeners }: Binding,
  backends: readonly ResolvedBackend[],
): ServedRoute {
  const { name, namespace, creationTimestamp } = route.metadata;
  const parent = { name: tunnel.metadata.name, namespace: tunnel.metadata.namespace };
  const isOnAll = listeners.length === tunnel.spec.dmz.listeners.length;
  const document: TunnelRoute = {
    apiVersion: route.apiVersion,
    kind: route.kind,
    metadata: { name, namespace, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
    spec: {
      ...route.spec,
      parentRefs: isOnAll ? [parent] : listeners.map((sectionName) => ({ ...parent, sectionName })),
      backendRefs: backends.map(({ ref }) => ref),
    },
  };
  return { document, hash: routeHash(document) };
}

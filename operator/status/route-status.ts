import type { RouteState } from "@sallyport/proto/admin";
import {
  type Condition,
  controllerName,
  type RouteParentStatus,
  type TunnelRouteStatus,
} from "@sallyport/proto/resource-status";
import type { Finding } from "../facts.ts";
import { type Reason, reasons } from "../validate/reasons.ts";
import type { ParentVerdict, RouteVerdict, ServedRoute } from "../validate/route-verdict.ts";
import { type Answer, condition, type StatusMoment, tellingReason } from "./condition.ts";
import type { PodState, ReportOf } from "./pair-state.ts";

/** A route's parentRef as the status repeats it. */
type ParentRef = ParentVerdict["parentRef"];

export interface RouteMoment {
  readonly now: string;
  readonly generation: number;
  readonly before: TunnelRouteStatus | undefined;
  /** The parentRefs of the spec as it is. */
  readonly refs: readonly ParentRef[];
}

/** What the R2s that carry calls say of a served route. */
export function routeProgrammed(
  key: string,
  served: ServedRoute,
  routers: readonly PodState[],
  reportOf: ReportOf,
): Answer {
  const ready = routers.filter(({ isReady }) => isReady);
  const states = ready.map(({ uid }) => reportOf(uid)?.routes);
  const known = states.flatMap((routes) => (routes === undefined ? [] : [routes.get(key)]));
  const bad = known.find((state) => state !== undefined && state.refused !== "");
  if (bad !== undefined) return { holds: false, reason: reasons.refused, message: `R2 refused it: ${bad.refused}` };
  if (ready.length === 0) {
    return { holds: false, reason: reasons.notReported, message: "no R2 is ready to report that it serves the route" };
  }
  if (states.includes(undefined)) {
    return { holds: undefined, reason: reasons.notReported, message: "not every R2 reports to the operator yet" };
  }
  if (known.some((state) => state?.hash !== served.hash)) {
    return { holds: false, reason: reasons.pending, message: "not every R2 serves the route as it is now" };
  }
  return servedBy(known);
}

function servedBy(states: readonly (RouteState | undefined)[]): Answer {
  const problem = states.find((state) => state !== undefined && state.problem !== "")?.problem;
  if (problem === undefined) {
    return { holds: true, reason: reasons.programmed, message: "every R2 serves the route" };
  }
  return { holds: true, reason: reasons.partlyRefused, message: `every R2 serves it but for this: ${problem}` };
}

/** What became of one parentRef. */
export interface ParentOutcome {
  readonly parentRef: ParentRef;
  readonly accepted: Finding;
  readonly resolvedRefs: Finding;
  readonly programmed: Answer;
}

export function parentOutcomes(verdict: RouteVerdict, programmed: Answer): ParentOutcome[] {
  return verdict.parents.map((parent) => ({
    ...parent,
    programmed: parent.accepted.holds
      ? programmed
      : { holds: false, reason: reasons.notAccepted, message: "no tunnel took the route: see Accepted" },
  }));
}

/** For a parentRef that came to nothing. */
export function orphanOutcome(parentRef: ParentRef, reason: Reason, message: string): ParentOutcome {
  const accepted = { holds: false, reason, message };
  const unasked = { holds: false, reason: reasons.notAccepted, message: "see Accepted" };
  return { parentRef, accepted, resolvedRefs: unasked, programmed: unasked };
}

/** The status of a route with what one tunnel says of it; what other tunnels said stays while the spec names them. */
export function routeStatus(outcomes: readonly ParentOutcome[], moment: RouteMoment): TunnelRouteStatus {
  const isCurrent = (ref: ParentRef): boolean => moment.refs.some((one) => isSameRef(one, ref));
  const others = (moment.before?.parents ?? []).filter(
    (parent) =>
      parent.controllerName !== controllerName ||
      (isCurrent(parent.parentRef) && !outcomes.some(({ parentRef }) => isSameRef(parentRef, parent.parentRef))),
  );
  const parents = [...others, ...outcomes.map((outcome) => parentStatus(outcome, moment))]
    .toSorted((a, b) => (refText(a.parentRef) < refText(b.parentRef) ? -1 : 1))
    .slice(0, parentsMax);
  const conditions = summary(parents, moment);
  return {
    observedGeneration: moment.generation,
    status: tellingReason(conditions, reasons.programmed),
    parents,
    conditions,
  };
}

const parentsMax = 16;
const types = ["Accepted", "ResolvedRefs", "Programmed"] as const;

function parentStatus({ parentRef, ...outcome }: ParentOutcome, moment: RouteMoment): RouteParentStatus {
  const earlier = moment.before?.parents?.find(
    (parent) => parent.controllerName === controllerName && isSameRef(parent.parentRef, parentRef),
  );
  const at = { ...moment, before: earlier?.conditions ?? [] };
  return {
    parentRef,
    controllerName,
    conditions: [
      condition("Accepted", outcome.accepted, at),
      condition("ResolvedRefs", outcome.resolvedRefs, at),
      condition("Programmed", steady(outcome.programmed, at), at),
    ],
  };
}

/** An R2 that has not reported yet, because it or the operator has just started, takes nothing back. */
function steady(programmed: Answer, { before, generation }: StatusMoment): Answer {
  if (programmed.holds !== undefined) return programmed;
  const earlier = before.find(({ type }) => type === "Programmed");
  if (earlier?.status !== "True" || earlier.observedGeneration !== generation) return { ...programmed, holds: false };
  return { holds: true, reason: earlier.reason, message: earlier.message };
}

/** Each condition over all parents: it holds where all of them do. */
function summary(parents: readonly RouteParentStatus[], moment: RouteMoment): Condition[] {
  const at = { ...moment, before: moment.before?.conditions ?? [] };
  return types.map((type) => {
    const all = parents.flatMap(({ parentRef, conditions }) =>
      conditions.filter((one) => one.type === type).map((one) => ({ parentRef, one })),
    );
    const telling = all.find(({ one }) => one.status !== "True") ?? all[0];
    if (telling === undefined) {
      const none = { holds: undefined, reason: reasons.pending, message: "no tunnel has answered yet" };
      return condition(type, none, at);
    }
    const { parentRef, one } = telling;
    const message = all.length === 1 ? one.message : `${refText(parentRef)}: ${one.message}`;
    return condition(type, { holds: one.status === "True", reason: one.reason, message }, at);
  });
}

function isSameRef(a: ParentRef, b: ParentRef): boolean {
  return a.name === b.name && a.namespace === b.namespace && a.sectionName === b.sectionName;
}

function refText({ namespace, name, sectionName }: ParentRef): string {
  return [namespace ?? "", name, sectionName ?? ""].filter((part) => part !== "").join("/");
}

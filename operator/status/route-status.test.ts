import type { RouteState } from "@sallyport/proto/admin";
import { tunnelRouteStatusSchema } from "@sallyport/proto/resource-status";
import { describe, expect, it } from "vitest";
import type { RouterReport } from "../report/router-report.ts";
import { env, sampleFacts, sampleRoute, sampleTunnel } from "../testing/sample.ts";
import { judgeRoutes } from "../validate/route-verdict.ts";
import type { Answer } from "./condition.ts";
import type { PodState } from "./pair-state.ts";
import { orphanOutcome, parentOutcomes, type RouteMoment, routeProgrammed, routeStatus } from "./route-status.ts";

const now = "2026-11-24T12:00:00Z";
const [verdict] = judgeRoutes(sampleTunnel(), [sampleRoute()], sampleFacts(), env);
const served = verdict!.served!;
const refs = verdict!.route.spec.parentRefs;
const moment: RouteMoment = { now, generation: 2, before: undefined, refs };

const router = (uid: string, isReady = true): PodState => ({
  ...{ uid, namespace: "tunnels", name: uid, pair: 0, address: "10.0.0.1", isRunning: true, isReady },
});
const state = (more: Partial<RouteState> = {}): RouteState => ({
  ...{ namespace: "tunnels", name: "calc", hash: served.hash, refused: "", problem: "" },
  ...more,
});
const report = (...states: RouteState[]): RouterReport => ({
  ...{ configuration: undefined, uplinks: undefined },
  routes: new Map(states.map((one) => [`${one.namespace}/${one.name}`, one])),
});

const yes = { holds: true, reason: "Programmed", message: "every R2 serves the route" };

describe("whether a route is live", () => {
  type Reports = Record<string, RouterReport>;
  const cases: Record<string, [routers: PodState[], reports: Reports, holds: boolean | undefined, reason: string]> = {
    "it is when every R2 reports its hash": [
      [router("a"), router("b")],
      { a: report(state()), b: report(state()) },
      true,
      "Programmed",
    ],
    "not while one has it as it was": [
      [router("a"), router("b")],
      { a: report(state()), b: report(state({ hash: "0".repeat(16) })) },
      false,
      "Pending",
    ],
    "not while one does not have it": [
      [router("a"), router("b")],
      { a: report(state()), b: report() },
      false,
      "Pending",
    ],
    "nobody knows while one does not report": [
      [router("a"), router("b")],
      { a: report(state()) },
      undefined,
      "NotReported",
    ],
    "one that carries no calls yet is not waited for": [
      [router("a"), router("b", false)],
      { a: report(state()) },
      true,
      "Programmed",
    ],
    "not without any R2": [[], {}, false, "NotReported"],
    "not when an R2 refuses it, in R2's words": [
      [router("a")],
      { a: report(state({ hash: "", refused: "bad path" })) },
      false,
      "Refused",
    ],
    "it is, but for what R2 cannot use of it": [
      [router("a")],
      { a: report(state({ problem: "matches[1] never fits" })) },
      true,
      "PartlyRefused",
    ],
  };

  it.each(Object.entries(cases))("%s", (_, [routers, reports, holds, reason]) => {
    const answer = routeProgrammed("tunnels/calc", served, routers, (uid) => reports[uid]);
    expect([answer.holds, answer.reason]).toEqual([holds, reason]);
    if (reason === "Refused") expect(answer.message).toBe("R2 refused it: bad path");
  });
});

const statusWith = (answer: Answer, more: Partial<RouteMoment> = {}) =>
  routeStatus(parentOutcomes(verdict!, answer), { ...moment, ...more });

describe("the status of a route", () => {
  it("has its parents' conditions, and their sum", () => {
    const status = statusWith(yes);
    expect(tunnelRouteStatusSchema.parse(status)).toEqual(status);
    expect(status).toMatchObject({
      ...{ observedGeneration: 2, status: "Programmed" },
      parents: [{ parentRef: refs[0], controllerName: "sallyport.dev/operator" }],
    });
    expect(status.conditions).toEqual(status.parents?.[0]?.conditions);
  });

  it("keeps what is known while a new R2 or a new operator has not heard yet", () => {
    const unknown = { holds: undefined, reason: "NotReported", message: "not yet" };
    const live = statusWith(yes);
    expect(statusWith(unknown, { before: live })).toEqual(live);
    expect(statusWith(unknown, { before: live, generation: 3 }).status).toBe("NotReported");
    expect(statusWith(unknown).conditions?.at(-1)).toMatchObject({ status: "False", reason: "NotReported" });
  });

  it("keeps what other tunnels said as long as the route names them, and what other controllers said", () => {
    const other = { name: "others", namespace: "tunnels" };
    const foreign = { parentRef: other, controllerName: "example.com/other", conditions: [] };
    const outcomes = [orphanOutcome(other, "TunnelNotFound", "there is none")];
    const first = routeStatus(outcomes, { ...moment, refs: [...refs, other] });
    const both = statusWith(yes, {
      before: { ...first, parents: [...first.parents!, foreign] },
      refs: [...refs, other],
    });
    expect(both.parents?.map(({ controllerName, parentRef }) => [controllerName, parentRef.name])).toEqual([
      ["sallyport.dev/operator", "others"],
      ["example.com/other", "others"],
      ["sallyport.dev/operator", "partners"],
    ]);
    expect(both.status).toBe("TunnelNotFound");
    expect(both.conditions?.[0]?.message).toBe("tunnels/others: there is none");
    expect(statusWith(yes, { before: both }).parents?.map(({ controllerName }) => controllerName)).toEqual([
      ...["example.com/other", "sallyport.dev/operator"],
    ]);
  });

  it("is not programmed where it is not accepted", () => {
    const [refused] = judgeRoutes(sampleTunnel(), [sampleRoute({ namespace: "apps" })], sampleFacts(), env);
    const status = routeStatus(parentOutcomes(refused!, yes), moment);
    expect(status.conditions?.map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ["Accepted", "False", "NotAllowedByListeners"],
      ["ResolvedRefs", "False", "RefNotPermitted"],
      ["Programmed", "False", "NotAccepted"],
    ]);
    expect(status.status).toBe("NotAllowedByListeners");
  });
});

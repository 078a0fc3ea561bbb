import { reverseTunnelStatusSchema } from "@sallyport/proto/resource-status";
import { describe, expect, it } from "vitest";
import type { RouterReport } from "../report/router-report.ts";
import { sampleFacts, sampleTunnel } from "../testing/sample.ts";
import { judgeTunnel } from "../validate/tunnel-verdict.ts";
import { type PodState, pairState, podState } from "./pair-state.ts";
import { cleanupStatus, type TunnelFacts, tunnelStatus, unreadableStatus } from "./tunnel-status.ts";

const tunnel = sampleTunnel();
const now = "2026-11-24T12:00:00Z";
const moment = { now, generation: 3, before: [] };

const carrying = (pair: number) => ({ pair, carriesCalls: true, mayCarryCalls: true, problem: "", links: 4 });
const down = (pair: number, problem: string) => ({
  pair,
  carriesCalls: false,
  mayCarryCalls: false,
  problem,
  links: 0,
});

function facts(more: Partial<TunnelFacts> = {}): TunnelFacts {
  return {
    ...{ tunnel, verdict: judgeTunnel(tunnel, sampleFacts()), pairs: [carrying(0), carrying(1)], routes: [] },
    programmed: { holds: true, reason: "Programmed", message: "15 objects are as wanted" },
    ...{ service: undefined, certificates: undefined },
    ...more,
  };
}

const told = (status: ReturnType<typeof tunnelStatus>) =>
  Object.fromEntries((status.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));

describe("the status of a tunnel", () => {
  it("is Ready when all pairs carry calls, with counts", () => {
    const status = tunnelStatus(facts(), moment);
    expect(reverseTunnelStatusSchema.parse(status)).toEqual(status);
    expect(status).toMatchObject({
      observedGeneration: 3,
      status: "Ready",
      pairs: 2,
      readyPairs: 2,
      links: 8,
      routes: 0,
    });
    expect(told(status)).toEqual({
      ...{ Accepted: "True Accepted", ResolvedRefs: "True ResolvedRefs", Programmed: "True Programmed" },
      ...{ Available: "True Available", Ready: "True Ready" },
    });
  });

  it("is available and not ready while one pair carries calls, and says what is wrong with the other", () => {
    const status = tunnelStatus(facts({ pairs: [carrying(0), down(1, "R1 (x) is not ready")] }), moment);
    expect(told(status)).toMatchObject({ Available: "True Available", Ready: "False PairsNotReady" });
    expect([status.status, status.readyPairs]).toEqual(["PairsNotReady", 1]);
    expect(status.conditions?.at(-1)?.message).toBe("1 of 2 pairs carry calls: pair 1: R1 (x) is not ready");
  });

  it("is neither when none does", () => {
    const status = tunnelStatus(facts({ pairs: [down(0, "a"), down(1, "b")] }), moment);
    expect(told(status)).toMatchObject({ Available: "False NoPairReady", Ready: "False NoPairReady" });
  });

  it("shows the first reason that matters in its column", () => {
    const programmed = { holds: false, reason: "Forbidden", message: "no" };
    expect(tunnelStatus(facts({ programmed, pairs: [down(0, "a")] }), moment).status).toBe("Forbidden");
  });

  it("keeps the time of a condition's last transition until its status changes", () => {
    const before = tunnelStatus(facts(), { ...moment, now: "2026-01-01T00:00:00Z" }).conditions ?? [];
    const after = tunnelStatus(facts({ pairs: [carrying(0), down(1, "x")] }), { ...moment, before });
    expect(after.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ...["Accepted", "ResolvedRefs", "Programmed", "Available"].map((type) => [type, "2026-01-01T00:00:00Z"]),
      ["Ready", now],
    ]);
  });

  it("is the same again when nothing has changed", () => {
    const before = tunnelStatus(facts(), { ...moment, now: "2026-01-01T00:00:00Z" });
    expect(tunnelStatus(facts(), { ...moment, before: before.conditions ?? [] })).toEqual(before);
  });

  const service = (spec: object, ingress?: object[]) => ({
    ...{ apiVersion: "v1", kind: "Service", metadata: { name: "x" }, spec },
    ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress } } }),
  });

  it.each([
    ["none without a Service", undefined, []],
    ["the cluster's own", service({ clusterIP: "10.96.0.7" }), [{ type: "IPAddress", value: "10.96.0.7" }]],
    ["none of a headless one", service({ clusterIP: "None" }), []],
    [
      "the load balancer's, when it has one",
      service({ clusterIP: "10.96.0.7" }, [{ ip: "192.0.2.1" }, { hostname: "lb.example.com" }]),
      [
        { type: "IPAddress", value: "192.0.2.1" },
        { type: "Hostname", value: "lb.example.com" },
      ],
    ],
  ])("has addresses: %s", (_, one, addresses) => {
    expect(tunnelStatus(facts({ service: one }), moment).addresses).toEqual(addresses);
  });

  it("says that a spec cannot be read, or that a tunnel cannot go, in the same shape", () => {
    for (const status of [unreadableStatus("spec.x: no", moment), cleanupStatus("no", moment)]) {
      expect(reverseTunnelStatusSchema.parse(status)).toEqual(status);
    }
    expect(told(unreadableStatus("x", moment))).toMatchObject({ Accepted: "False Invalid", Ready: "Unknown Invalid" });
    expect(cleanupStatus("x", moment).status).toBe("CleanupFailed");
  });
});

describe("a pair", () => {
  const pod = (name: string, pair: number, isReady = true): PodState => ({
    ...{ uid: `uid-${name}`, namespace: "n", name, pair, address: "10.0.0.1", isRunning: true, isReady },
  });
  const uplinks = (...states: ("active" | "connecting")[]): RouterReport => ({
    ...{ configuration: undefined, routes: undefined },
    uplinks: states.map((state, i) => ({
      ...{
        name: `r1-${i}`,
        state,
        links: state === "active" ? 2 : 0,
        roundTripUs: 0,
        lastError: "",
        peerCertificate: "",
      },
    })),
  });
  const both = { dmz: [pod("r1", 0)], intranet: [pod("r2", 0)] };
  const cases: Record<string, [pods: typeof both, report: RouterReport | undefined, problem: string, links: number]> = {
    "carries calls when R1 is ready and R2 is connected to an R1": [both, uplinks("active", "connecting"), "", 2],
    "does not without a pod of R1": [{ ...both, dmz: [] }, uplinks("active"), "R1 has no pod", 2],
    "does not while R1 is not ready": [
      { ...both, dmz: [pod("r1", 0, false)] },
      uplinks("active"),
      "R1 (r1) is not ready",
      2,
    ],
    "does not by another pair's R1": [{ ...both, dmz: [pod("r1", 1)] }, uplinks("active"), "R1 has no pod", 2],
    "carries calls while R2 is not ready, since it may lack another pair's R1 alone": [
      { ...both, intranet: [pod("r2", 0, false)] },
      uplinks("active", "connecting"),
      "",
      2,
    ],
    "does not while R2 is not running": [
      { ...both, intranet: [{ ...pod("r2", 0, false), isRunning: false }] },
      undefined,
      "R2 (r2) is not running",
      0,
    ],
    "does not while R2 is connected to no R1": [both, uplinks("connecting"), "R2 (r2) is connected to no R1", 0],
    "is not known to while R2 does not report": [both, undefined, "R2 (r2) does not report to the operator", 0],
  };

  it.each(Object.entries(cases))("%s", (_, [pods, report, problem, links]) => {
    const state = pairState(0, pods, (uid) => (uid === "uid-r2" ? report : undefined));
    expect(state).toEqual({
      ...{ pair: 0, carriesCalls: problem === "", problem, links },
      mayCarryCalls: problem === "" || problem.endsWith("does not report to the operator"),
    });
  });

  it("is told by pods that are not on their way out", () => {
    const object = (metadata: object, status: object = {}) => ({
      ...{ apiVersion: "v1", kind: "Pod", status },
      metadata: { name: "x", namespace: "n", uid: "u", labels: { "sallyport.dev/pair": "1" }, ...metadata },
    });
    const ready = { phase: "Running", podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] };
    expect(podState(object({}, ready))).toEqual({
      ...{ uid: "u", namespace: "n", name: "x", pair: 1, address: "10.0.0.1", isRunning: true, isReady: true },
    });
    expect(podState(object({}))).toMatchObject({ isReady: false, isRunning: false, address: "" });
    expect(podState(object({ deletionTimestamp: now }, ready))).toBeUndefined();
    expect(podState(object({}, { phase: "Failed" }))).toBeUndefined();
    expect(podState(object({ labels: {} }, ready))).toBeUndefined();
  });
});

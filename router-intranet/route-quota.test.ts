import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { describe, expect, it } from "vitest";
import { sampleRoute } from "./match/sample-route.ts";
import { type Admission, type Admitted, RouteQuotas } from "./route-quota.ts";

const route = (name: string, limits?: object) => ({
  key: `default/${name}`,
  document: sampleRoute({ name, ...(limits ? { limits } : {}) }),
});

function quotas(...routes: ReturnType<typeof route>[]) {
  const clock = new FakeClock();
  const all = new RouteQuotas(clock);
  all.update(routes);
  return { clock, all };
}

const admitted = (answer: Admitted): Admission => {
  if (answer.t === "over") throw answer.error;
  return answer.admission;
};
const times = (count: number, all: RouteQuotas, key: string) =>
  Array.from({ length: count }, () => all.admit(key)).map((answer) => (answer.t === "over" ? answer.limit : "ok"));

describe("M2: a route's limits", () => {
  it("without any admit everything", () => {
    const { all } = quotas(route("a"));
    expect(new Set(times(1000, all, "default/a"))).toEqual(new Set(["ok"]));
    expect(all.status).toEqual([]);
  });

  it("of calls at once: busy, with the limit and its route named, and free again when a call ends", () => {
    const { all } = quotas(route("a", { maxCalls: 2 }));
    const first = admitted(all.admit("default/a"));
    admitted(all.admit("default/a"));
    const over = all.admit("default/a");
    expect(over).toMatchObject({ t: "over", limit: "maxCalls", error: { code: "OVERLOADED" } });
    expect(over.t === "over" && over.error.message).toBe(
      "route default/a may carry 2 calls at once at one intranet router; try again later",
    );
    first.release();
    expect(times(2, all, "default/a")).toEqual(["ok", "maxCalls"]);
    expect(all.status).toEqual([{ route: "default/a", calls: 2, rejected: 2, maxCalls: 2 }]);
  });

  it("of calls a second fill up evenly and let a second's worth through at once", () => {
    const { all, clock } = quotas(route("a", { callsPerSecond: 2 }));
    expect(times(3, all, "default/a")).toEqual(["ok", "ok", "callsPerSecond"]);
    clock.advance(500);
    expect(times(2, all, "default/a")).toEqual(["ok", "callsPerSecond"]);
    clock.advance(60_000);
    expect(times(3, all, "default/a")).toEqual(["ok", "ok", "callsPerSecond"]);
  });

  it("of both: a call that is over the one does not use up the other", () => {
    const { all } = quotas(route("a", { maxCalls: 1, callsPerSecond: 2 }));
    const first = admitted(all.admit("default/a"));
    expect(times(5, all, "default/a")).toEqual(Array(5).fill("maxCalls"));
    first.release();
    admitted(all.admit("default/a")).release();
    expect(times(1, all, "default/a")).toEqual(["callsPerSecond"]);
  });

  it("leave other routes alone", () => {
    const { all } = quotas(route("a", { maxCalls: 1 }), route("b", { maxCalls: 1 }));
    expect([times(2, all, "default/a"), times(1, all, "default/b")]).toEqual([["ok", "maxCalls"], ["ok"]]);
  });
});

describe("M2: a reload", () => {
  it("keeps the counts of a route of the same name, and brings its new limits at once", () => {
    const { all } = quotas(route("a", { maxCalls: 1 }));
    const first = admitted(all.admit("default/a"));
    all.update([route("a", { maxCalls: 2 })]);
    expect(times(2, all, "default/a")).toEqual(["ok", "maxCalls"]);
    all.update([route("a", { maxCalls: 1 })]);
    first.release();
    expect(times(1, all, "default/a")).toEqual(["maxCalls"]);
  });

  it("that gives a route its first limit counts the calls that are under way", () => {
    const { all } = quotas(route("a"));
    admitted(all.admit("default/a"));
    all.update([route("a", { maxCalls: 1 })]);
    expect(times(1, all, "default/a")).toEqual(["maxCalls"]);
  });

  it("keeps what a second has used", () => {
    const { all } = quotas(route("a", { callsPerSecond: 1 }));
    admitted(all.admit("default/a")).release();
    all.update([route("a", { callsPerSecond: 1 })]);
    expect(times(1, all, "default/a")).toEqual(["callsPerSecond"]);
  });

  it("forgets a route that is gone, once its calls are over: no more are remembered than there are", () => {
    const { all } = quotas(route("a", { maxCalls: 1 }), route("b"), route("c"));
    const call = admitted(all.admit("default/a"));
    all.update([route("c")]);
    expect(all.size).toBe(2);
    // Back before its call has ended: it is counted still.
    all.update([route("a", { maxCalls: 1 }), route("c")]);
    expect(times(1, all, "default/a")).toEqual(["maxCalls"]);
    all.update([route("c")]);
    call.release();
    all.update([route("c")]);
    expect(all.size).toBe(1);
  });
});

import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { KubeError } from "./kube-error.ts";
import { LeaderElection, leaseDurationMs, renewDeadlineMs, retryMs } from "./leader-election.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { FakeClock, settled } from "./testing/fake-clock.ts";

const ref = { kind: "Lease", namespace: "sallyport", name: "sallyport-operator" } as const;
const unreachable = new KubeError("no answer", { status: 0, reason: "NoAnswer" });

function elections() {
  const api = new FakeApi();
  const clock = new FakeClock();
  const log = pino({ level: "silent" });
  const elect = (identity: string, own = api) =>
    new LeaderElection({ api: own, namespace: "sallyport", identity, clock, random: () => 0, log });
  const holder = () => (api.read(ref)?.spec as { holderIdentity: string } | undefined)?.holderIdentity;
  return { api, clock, elect, holder };
}

/** What a promise came to, so far. */
function outcome<T>(promise: Promise<T>): () => T | "open" {
  let value: T | "open" = "open";
  void promise.then((result) => {
    value = result;
  });
  return () => value;
}

const never = new AbortController().signal;

describe("the Lease", () => {
  it("belongs to the pod of whoever holds it, so that it goes with the last one", async () => {
    const { api, clock } = elections();
    const log = pino({ level: "silent" });
    const podOf = (name: string) => ({ apiVersion: "v1", kind: "Pod", name, uid: `uid-${name}` });
    const elect = (name: string) =>
      new LeaderElection({
        api,
        namespace: "sallyport",
        identity: name,
        pod: podOf(name),
        clock,
        random: () => 0,
        log,
      });
    const first = elect("a");
    await first.acquire(never);
    expect(api.read(ref)?.metadata.ownerReferences).toEqual([podOf("a")]);
    await first.release();
    await elect("b").acquire(never);
    expect(api.read(ref)?.metadata.ownerReferences).toEqual([podOf("b")]);
  });

  it("is taken over at once from a process of the same pod, which has been killed", async () => {
    const { api, clock, holder } = elections();
    const log = pino({ level: "silent" });
    const pod = { apiVersion: "v1", kind: "Pod", name: "operator-x", uid: "uid-x" };
    const elect = (identity: string) =>
      new LeaderElection({ api, namespace: "sallyport", identity, pod, clock, random: () => 0, log });
    await elect("operator-x_1").acquire(never);
    expect(await elect("operator-x_2").acquire(never)).toBe(true);
    expect(holder()).toBe("operator-x_2");
  });

  it("belongs to nobody where there is no pod", async () => {
    const { api, elect } = elections();
    await elect("a").acquire(never);
    expect(api.read(ref)?.metadata).not.toHaveProperty("ownerReferences");
  });
});

describe("one operator of several", () => {
  it("is the one that takes the Lease first; the other one waits", async () => {
    const { elect, holder, clock } = elections();
    expect(await elect("a").acquire(never)).toBe(true);
    const other = outcome(elect("b").acquire(never));
    await clock.advance(leaseDurationMs - 1);
    expect([other(), holder()]).toEqual(["open", "a"]);
  });

  it("takes over when the leader has not renewed for the Lease's length, by its own clock", async () => {
    const { elect, holder, clock } = elections();
    await elect("a").acquire(never);
    const other = outcome(elect("b").acquire(never));
    await clock.advance(leaseDurationMs + retryMs);
    expect([other(), holder()]).toEqual([true, "b"]);
  });

  it("waits as long as the leader renews", async () => {
    const { elect, holder, clock } = elections();
    const leader = elect("a");
    await leader.acquire(never);
    const held = outcome(leader.hold(never));
    const other = outcome(elect("b").acquire(never));
    await clock.advance(10 * leaseDurationMs);
    expect([held(), other(), holder()]).toEqual(["open", "open", "a"]);
  });

  it("takes over at once when the leader gives the Lease up", async () => {
    const { elect, holder, clock } = elections();
    const leader = elect("a");
    await leader.acquire(never);
    const other = outcome(elect("b").acquire(never));
    await settled();
    await leader.release();
    await clock.advance(retryMs);
    expect([other(), holder()]).toEqual([true, "b"]);
  });

  it("does not give up what is another's", async () => {
    const { elect, holder } = elections();
    await elect("a").acquire(never);
    await elect("b").release();
    expect(holder()).toBe("a");
  });
});

describe("the leader", () => {
  it("stops leading when it cannot renew, before another one may start", async () => {
    const { elect, api, clock } = elections();
    const leader = elect("a");
    await leader.acquire(never);
    const held = outcome(leader.hold(never));
    await clock.advance(3 * retryMs);
    api.fail("get", "Lease", unreachable, 1000);
    await clock.advance(renewDeadlineMs - 1);
    expect(held()).toBe("open");
    await clock.advance(retryMs);
    expect(held()).toBe(false);
    expect(renewDeadlineMs + retryMs).toBeLessThan(leaseDurationMs);
  });

  it("leads on when the API server was away for less", async () => {
    const { elect, api, clock } = elections();
    const leader = elect("a");
    await leader.acquire(never);
    const held = outcome(leader.hold(never));
    api.fail("update", "Lease", unreachable, 3);
    await clock.advance(60_000);
    expect(held()).toBe("open");
  });

  it("stops leading when an answer never comes", async () => {
    const { elect, api, clock } = elections();
    const leader = elect("a");
    await leader.acquire(never);
    api.get = () => new Promise(() => {});
    const held = outcome(leader.hold(never));
    await clock.advance(renewDeadlineMs + retryMs);
    expect(held()).toBe(false);
  });

  it("stops leading when somebody else took the Lease", async () => {
    const { elect, api, clock } = elections();
    const leader = elect("a");
    await leader.acquire(never);
    const held = outcome(leader.hold(never));
    const lease = api.read(ref)!;
    api.put({ ...lease, spec: { ...(lease.spec as object), holderIdentity: "thief" } });
    await clock.advance(renewDeadlineMs + retryMs);
    expect(held()).toBe(false);
  });

  it("is told to stop, and has not lost anything", async () => {
    const { elect, clock } = elections();
    const leader = elect("a");
    await leader.acquire(never);
    const stop = new AbortController();
    const held = outcome(leader.hold(stop.signal));
    stop.abort();
    await clock.advance(0);
    expect(held()).toBe(true);
  });
});

import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { KubeError } from "../kube-error.ts";
import { OperatorMetrics } from "../metrics.ts";
import type { PodState } from "../status/pair-state.ts";
import { FakeApi } from "../testing/fake-api.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { type Refresh, Refresher, triesMax } from "./refresher.ts";

const pod: PodState = {
  ...{ uid: "u", namespace: "n", name: "r2", pair: 0, address: "10.0.0.1", isRunning: true, isReady: true },
};
const ref = { kind: "Pod", namespace: "n", name: "r2" } as const;

function refresher() {
  const api = new FakeApi();
  api.put({ apiVersion: "v1", kind: "Pod", metadata: { namespace: "n", name: "r2" } });
  const clock = new FakeClock();
  const one = new Refresher({ clock, log: pino({ level: "silent" }), metrics: new OperatorMetrics() });
  const refresh = (hasIt: boolean | undefined, content = "g1", more: Partial<PodState> = {}) => {
    const wanted: Refresh = { pod: { ...pod, ...more }, content, hasIt };
    return one.refresh(api, [wanted]);
  };
  const touched = () => api.writes.length;
  const mark = () => api.read(ref)?.metadata.annotations?.["sallyport.dev/refresh"];
  return { api, clock, refresh, touched, mark };
}

describe("a pod that does not have what it is to have", () => {
  it("is touched until it says that it has it: each second at first, then less and less", async () => {
    const { clock, refresh, touched, mark } = refresher();
    const waits: (number | undefined)[] = [];
    for (let tries = 0; tries < triesMax; tries += 1) {
      waits.push(await refresh(false));
      await clock.advance(waits.at(-1)!);
    }
    expect(waits).toEqual([1000, 1000, 1000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]);
    expect([touched(), mark()]).toEqual([triesMax, `g1-${triesMax}`]);
    expect(await refresh(false)).toBeUndefined();
    expect(touched()).toBe(triesMax);
  });

  it("is not touched before its time, however often one asks", async () => {
    const { clock, refresh, touched } = refresher();
    await refresh(false);
    await clock.advance(400);
    expect([await refresh(false), touched()]).toEqual([600, 1]);
  });

  it("is touched anew for what is newer", async () => {
    const { refresh, mark } = refresher();
    await refresh(false);
    await refresh(false, "g2");
    expect(mark()).toBe("g2-1");
  });

  it("is left alone once it has it, or while it is not running", async () => {
    const { refresh, touched } = refresher();
    expect([await refresh(true), await refresh(false, "g1", { isRunning: false }), touched()]).toEqual([
      ...[undefined, undefined, 0],
    ]);
  });

  it("may be gone", async () => {
    const { api, refresh } = refresher();
    api.remove(ref);
    expect(await refresh(false)).toBe(1000);
    api.fail("patchMeta", "Pod", new KubeError("no", { status: 403, reason: "Forbidden" }));
    await expect(refresh(false, "g2")).rejects.toThrow("no");
  });
});

describe("a pod that cannot tell", () => {
  it("is believed to have what there was when it was seen first, and touched three times for what is newer", async () => {
    const { clock, refresh, touched, mark } = refresher();
    expect([await refresh(undefined), touched()]).toEqual([undefined, 0]);
    for (let tries = 0; tries < 5; tries += 1) {
      await refresh(undefined, "g2");
      await clock.advance(1000);
    }
    expect([touched(), mark()]).toEqual([3, "g2-3"]);
  });
});

import { pino } from "pino";
import { describe, expect, it } from "vitest";
import {
  EventRecorder,
  eventsKnownMax,
  eventsWaitingMax,
  type OperatorEvent,
  repeatAfterMs,
} from "./event-recorder.ts";
import { OperatorMetrics } from "./metrics.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { FakeClock, settled } from "./testing/fake-clock.ts";
import { tunnelObject } from "./testing/sample.ts";

function recorder() {
  const api = new FakeApi();
  const clock = new FakeClock();
  const metrics = new OperatorMetrics();
  const events = new EventRecorder({ api, clock, log: pino({ level: "silent" }), metrics, instance: "pod-1" });
  const regarding = api.put(tunnelObject());
  const event = (more: Partial<OperatorEvent> = {}): OperatorEvent => ({
    ...{ regarding, type: "Warning", reason: "NoPairReady", action: "Reconcile", note: "pair 0: no pod" },
    ...more,
  });
  const counted = async (outcome: string) =>
    (await metrics.registry.getSingleMetricAsString("sallyport_operator_events_total")).match(
      new RegExp(`outcome="${outcome}"} (\\d+)`),
    )?.[1];
  return { api, clock, events, event, counted };
}

describe("an Event", () => {
  it("is of events.k8s.io/v1, beside what it tells of", async () => {
    const { api, events, event } = recorder();
    events.record(event());
    await settled();
    expect(api.all("Event")).toMatchObject([
      {
        apiVersion: "events.k8s.io/v1",
        metadata: { namespace: "tunnels", name: expect.stringMatching(/^partners\.[0-9a-f]{16}$/) },
        eventTime: "2026-11-24T12:00:00.000000Z",
        reportingController: "sallyport.dev/operator",
        reportingInstance: "sallyport-operator-pod-1",
        ...{ action: "Reconcile", reason: "NoPairReady", type: "Warning", note: "pair 0: no pod" },
        regarding: { kind: "ReverseTunnel", namespace: "tunnels", name: "partners" },
      },
    ]);
  });

  it("that comes again within ten minutes is one that counts", async () => {
    const { api, clock, events, event, counted } = recorder();
    events.record(event());
    events.record(event());
    events.record(event({ note: "pair 1: no pod" }));
    await settled();
    expect([api.all("Event").length, await counted("repeated")]).toEqual([2, "1"]);
    await clock.advance(1_000);
    events.record(event());
    await settled();
    expect(api.all("Event").map(({ note, series }) => [note, series])).toEqual([
      ["pair 0: no pod", { count: 3, lastObservedTime: "2026-11-24T12:00:01.000000Z" }],
      ["pair 1: no pod", undefined],
    ]);
    await clock.advance(repeatAfterMs);
    events.record(event());
    await settled();
    expect(api.all("Event")).toHaveLength(3);
  });

  it("keeps to the API's lengths", async () => {
    const { api, events, event } = recorder();
    events.record(event({ note: "x".repeat(5_000) }));
    await settled();
    expect(api.all("Event")[0]?.note).toHaveLength(1_000);
  });

  it(`waits with ${eventsWaitingMax} others at most; what is more is counted`, async () => {
    const { api, events, event, counted } = recorder();
    api.apply = () => new Promise(() => {});
    // One is being sent.
    for (let i = 0; i < eventsWaitingMax + 1 + 3; i += 1) events.record(event({ note: String(i) }));
    expect(await counted("dropped")).toBe("3");
  });

  it(`is forgotten when ${eventsKnownMax} others came after it`, async () => {
    const { events, event, counted, clock } = recorder();
    for (let i = 0; i <= eventsKnownMax; i += 1) {
      events.record(event({ note: String(i) }));
      if (i % 200 === 0) await settled();
    }
    await clock.advance(1);
    events.record(event({ note: "1" }));
    events.record(event({ note: "0" }));
    await settled();
    expect([await counted("repeated"), await counted("sent")]).toEqual(["1", String(eventsKnownMax + 3)]);
  });
});

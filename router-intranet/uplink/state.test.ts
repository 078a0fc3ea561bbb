import { TunnelError } from "@sallyport/proto/error";
import { describe, expect, it } from "vitest";
import { backoffMs, lastingMs, nextUplink, type UplinkEvent, type UplinkState } from "./state.ts";

const lost = new TunnelError("LINK_LOST", "cut");
const states: UplinkState[] = [
  { t: "disconnected", failures: 2 },
  { t: "connecting", failures: 2 },
  { t: "registering", failures: 2 },
  { t: "active", failures: 2, sinceMs: 100 },
  { t: "draining", failures: 2, sinceMs: 100 },
  { t: "stopped" },
];
const events: UplinkEvent[] = [
  { t: "dial" },
  { t: "ready" },
  { t: "welcome", nowMs: 100 },
  { t: "ended", nowMs: 200, error: lost },
  { t: "peerDrains" },
  { t: "stop" },
];

/** state → event → state after, or "-" for illegal. */
const table: Record<UplinkState["t"], Partial<Record<UplinkEvent["t"], string>>> = {
  disconnected: { dial: "connecting dial", stop: "stopped stop" },
  connecting: { ready: "registering hello", ended: "disconnected retry", stop: "stopped stop" },
  registering: { welcome: "active", ended: "disconnected retry", stop: "stopped stop" },
  active: { peerDrains: "draining", ended: "disconnected retry", stop: "stopped stop" },
  draining: { ended: "disconnected retry", stop: "stopped stop" },
  stopped: {},
};

describe("T6: an uplink", () => {
  it.each(states.flatMap((state) => events.map((event) => [state.t, event.t, state, event] as const)))(
    "that is %s, on %s",
    (stateName, eventName, state, event) => {
      const step = nextUplink(state, event);
      const seen = step.t === "illegal" ? undefined : [step.state.t, step.effect].filter(Boolean).join(" ");
      expect(seen).toBe(table[stateName][eventName]);
    },
  );

  it("counts a short connection as a failure, a lasting one not", () => {
    const active: UplinkState = { t: "active", failures: 4, sinceMs: 1_000 };
    const after = (nowMs: number) => nextUplink(active, { t: "ended", nowMs, error: lost });
    expect(after(1_000 + lastingMs - 1)).toMatchObject({ state: { t: "disconnected", failures: 5 } });
    expect(after(1_000 + lastingMs)).toMatchObject({ state: { t: "disconnected", failures: 0 } });
  });

  it("waits from 50 ms to one and a half seconds, for ever", () => {
    const means = [0, 1, 2, 3, 4, 5, 50, 5_000].map((failures) => backoffMs(failures, 0.5));
    expect(means).toEqual([100, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
    expect([backoffMs(1, 0), backoffMs(99, 0.999)]).toEqual([50, 1_499]);
  });
});

import type { TunnelError } from "@sallyport/proto/error";

/** R2's way to one R1. docs/protocol.md, "R2's uplink". `failures` counts attempts since the last lasting connection. */
export type UplinkState =
  | { readonly t: "disconnected"; readonly failures: number }
  | { readonly t: "connecting"; readonly failures: number }
  | { readonly t: "registering"; readonly failures: number }
  | { readonly t: "active"; readonly failures: number; readonly sinceMs: number }
  | { readonly t: "draining"; readonly failures: number; readonly sinceMs: number }
  | { readonly t: "stopped" };

export type UplinkEvent =
  | { readonly t: "dial" }
  /** The peer has answered the stream. */
  | { readonly t: "ready" }
  | { readonly t: "welcome"; readonly nowMs: number }
  /** The attempt or connection has ended; no error: politely. */
  | { readonly t: "ended"; readonly nowMs: number; readonly error: TunnelError | undefined }
  | { readonly t: "peerDrains" }
  | { readonly t: "stop" };

export type UplinkEffect = "dial" | "hello" | "retry" | "stop";

export type UplinkStep =
  | { readonly t: "step"; readonly state: UplinkState; readonly effect?: UplinkEffect }
  | { readonly t: "illegal" };

/** A connection that was active this long was not a failure. */
export const lastingMs = 5_000;
const backoffFirstMs = 100;
const backoffMaxMs = 1_000;

export function nextUplink(state: UplinkState, event: UplinkEvent): UplinkStep {
  if (state.t === "stopped") return { t: "illegal" };
  if (event.t === "stop") return { t: "step", state: { t: "stopped" }, effect: "stop" };
  const { failures } = state;
  switch (event.t) {
    case "dial":
      if (state.t !== "disconnected") return { t: "illegal" };
      return { t: "step", state: { t: "connecting", failures }, effect: "dial" };
    case "ready":
      if (state.t !== "connecting") return { t: "illegal" };
      return { t: "step", state: { t: "registering", failures }, effect: "hello" };
    case "welcome":
      if (state.t !== "registering") return { t: "illegal" };
      return { t: "step", state: { t: "active", failures, sinceMs: event.nowMs } };
    case "peerDrains":
      if (state.t !== "active") return { t: "illegal" };
      return { t: "step", state: { ...state, t: "draining" } };
    case "ended": {
      if (state.t === "disconnected") return { t: "illegal" };
      const lasted = "sinceMs" in state && event.nowMs - state.sinceMs >= lastingMs;
      return { t: "step", state: { t: "disconnected", failures: lasted ? 0 : failures + 1 }, effect: "retry" };
    }
  }
}

/** Doubles from 100 ms to 1 s, ±50 %, so that many R2s do not come in step. `random` in [0, 1). */
export function backoffMs(failures: number, random: number): number {
  const meanMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.max(0, failures - 1));
  return Math.round(meanMs * (0.5 + random));
}

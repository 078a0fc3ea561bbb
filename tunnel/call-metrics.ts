import type { ErrorName } from "@sallyport/proto/error";
import { Counter, Histogram, type Registry } from "prom-client";

export interface CallDone {
  /** R1: the listener's name; R2: "namespace/name" of the route, or "" where none matched. */
  readonly by: string;
  /** HTTP status, 0 where there was none. */
  readonly status: number;
  readonly error: ErrorName | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}

/** Names beyond this many are counted as "other": a label must not grow without bound. */
const namesMax = 500;

/** Calls by listener (R1) or route (R2). Durations only by outcome: routes × buckets would be too many series. */
export class CallMetrics {
  readonly #names = new Set<string>();
  readonly #calls: Counter;
  readonly #bytes: Counter;
  readonly #seconds: Histogram;

  constructor(registry: Registry, label: "listener" | "route") {
    const registers = [registry];
    this.#calls = new Counter({
      name: "sallyport_calls_total",
      help: "Calls that have ended, by class of status (2xx …) and error code.",
      labelNames: [label, "status", "error"],
      registers,
    });
    this.#bytes = new Counter({
      name: "sallyport_call_bytes_total",
      help: "Body bytes of calls.",
      labelNames: [label, "direction"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "sallyport_call_duration_seconds",
      help: "From the request's head to the end of the response.",
      labelNames: ["outcome"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    });
    this.#label = label;
  }

  readonly #label: string;

  done(call: CallDone): void {
    const by = this.#bounded(call.by);
    const status = call.status === 0 ? "none" : `${Math.floor(call.status / 100)}xx`;
    this.#calls.inc({ [this.#label]: by, status, error: call.error ?? "" });
    if (call.requestBytes > 0) this.#bytes.inc({ [this.#label]: by, direction: "request" }, call.requestBytes);
    if (call.responseBytes > 0) this.#bytes.inc({ [this.#label]: by, direction: "response" }, call.responseBytes);
    this.#seconds.observe({ outcome: call.error ?? "ok" }, call.durationMs / 1000);
  }

  #bounded(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= namesMax) return "other";
    this.#names.add(name);
    return name;
  }
}

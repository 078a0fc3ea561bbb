import type { Registry } from "prom-client";
import { liveGauge, totalCounter } from "./link-metrics.ts";

/** What became of finished spans. */
export interface SpanCounters {
  /** R1: handed to an R2; R2: taken by the collector, R1s' spans among them. */
  exported: number;
  /** Never sent: too many wait, they take too much, or nobody takes them. */
  dropped: number;
  /** Sent, and lost on the way or refused. */
  failed: number;
}

export function noSpans(): SpanCounters {
  return { exported: 0, dropped: 0, failed: 0 };
}

/** `waiting`: spans of this router that are finished and neither sent nor given up. */
export function measureSpans(registry: Registry, counters: SpanCounters, waiting: () => number): void {
  const counter = (name: string, help: string, read: () => number): void => totalCounter(registry, name, help, read);
  counter(
    "sallyport_spans_exported_total",
    "Trace spans handed on: by R1 to an R2, by R2 to the collector.",
    () => counters.exported,
  );
  counter(
    "sallyport_spans_dropped_total",
    "Trace spans given up unsent: too many waited, or nobody takes them.",
    () => counters.dropped,
  );
  counter(
    "sallyport_spans_failed_total",
    "Trace spans lost on the way or refused by the collector.",
    () => counters.failed,
  );
  liveGauge(registry, "sallyport_spans_waiting", "Finished trace spans of this router that wait to be sent.", waiting);
}

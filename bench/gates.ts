import type { BulkRounds } from "./bulk.ts";
import type { Gate, Results } from "./results.ts";
import { find } from "./small-calls.ts";
import { pairedRatio, quantile } from "./statistics.ts";

/** R1 and R2 together, with TLS, credit, metrics and access log, over a bare proxy on Node of the same run. */
export const cpuRatioMax = 1.7;
/** 180 MB/s where a transfer without anything between makes 1,600. */
export const bulkShareMin = 180 / 1_600;
/** One batch handed over and one in the making: docs/protocol.md, "Turns". */
export const queuedAheadMaxBytes = 2 * 256 * 1024;

/** Of the rows that were measured. Ratios are of figures of the same run: a time alone says more of the machine. */
export function judge({ calls, bulk, beside }: Pick<Results, "calls" | "bulk" | "beside">): Gate[] {
  const gates: Gate[] = [];
  if (calls !== undefined) {
    const value = pairedRatio(find(calls, "tunnel").cpuUsPerCall, find(calls, "one hop").cpuUsPerCall);
    gates.push(atMost("CPU time per small call, R1 + R2 over one hop", value, cpuRatioMax));
  }
  if (bulk !== undefined) {
    for (const direction of ["down", "up"] as const) {
      const speeds = (name: BulkRounds["name"]) =>
        bulk.find((row) => row.name === name && row.direction === direction)?.megabytesPerSecond ?? [];
      const value = pairedRatio(speeds("tunnel"), speeds("direct"));
      gates.push(atLeast(`bulk ${direction}, tunnel over direct`, value, bulkShareMin));
    }
  }
  if (beside !== undefined) {
    const value = quantile(beside.queuedAheadBytes, 0.99);
    gates.push(atMost("bytes of a download ahead of a small answer, p99", value, queuedAheadMaxBytes));
  }
  return gates;
}

function atMost(what: string, value: number, limit: number): Gate {
  return { what, value, atMost: limit, holds: value <= limit };
}

function atLeast(what: string, value: number, limit: number): Gate {
  return { what, value, atLeast: limit, holds: value >= limit };
}

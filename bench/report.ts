import type { BulkRounds } from "./bulk.ts";
import type { BesideBulk, Gate, Results } from "./results.ts";
import { type CallRounds, medians } from "./small-calls.ts";
import { median, quantile, spread } from "./statistics.ts";
import { table } from "./table.ts";

/** What people read, in Markdown: medians of all rounds. */
export function report(results: Results): string {
  const { machine, date, calls, bulk, beside, rate, gates } = results;
  const where = `${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, Linux ${machine.kernel}, Node ${machine.node}`;
  const noise = `others took ${(machine.othersShare * 100).toFixed(0)} % of the cores' time`;
  const parts = [`${date}, ${where}; ${noise}${results.quick ? "; a quick run" : ""}.`];
  if (calls) parts.push("Small SOAP calls over 64 keep-alive connections", callTable(calls));
  if (bulk) parts.push("One large message", bulkTable(bulk));
  if (beside)
    parts.push("Small calls beside a download over the same link", aheadLine(beside), latencyTable(beside.calls));
  if (rate) parts.push("One client connection at a low rate", latencyTable(rate));
  if (gates.length > 0) parts.push("What must hold", gateTable(gates));
  return `${parts.join("\n\n")}\n`;
}

function callTable(rows: readonly CallRounds[]): string {
  const floor = rows.find(({ name }) => name === "one hop");
  const base = floor && median(floor.cpuUsPerCall);
  return table(
    ["", "calls/s", "p50 ms", "p99 ms", "CPU µs/call", "over one hop", "spread"],
    rows.map((row) => {
      const { callsPerSecond, p50Us, p99Us, cpuUsPerCall, cpuUsPerCallOf } = medians(row);
      const each = Object.entries(cpuUsPerCallOf).map(([name, us]) => `${name} ${us.toFixed(0)}`);
      const cpu = cpuUsPerCall === undefined ? "–" : cpuUsPerCall.toFixed(0);
      return [
        row.name,
        whole(callsPerSecond),
        ms(p50Us),
        ms(p99Us),
        each.length > 1 ? `${cpu} (${each.join(", ")})` : cpu,
        cpuUsPerCall === undefined || base === undefined ? "–" : (cpuUsPerCall / base).toFixed(2),
        cpuUsPerCall === undefined ? "–" : `${(spread(row.cpuUsPerCall) * 100).toFixed(0)} %`,
      ];
    }),
  );
}

function bulkTable(rows: readonly BulkRounds[]): string {
  return table(
    ["", "", "MB/s", "CPU s/GiB", "peak RSS MiB"],
    rows.map(({ name, direction, megabytesPerSecond, cpuSecondsPerGibibyte, peakRssMib }) => [
      name,
      direction,
      whole(median(megabytesPerSecond)),
      cpuSecondsPerGibibyte.length === 0 ? "–" : median(cpuSecondsPerGibibyte).toFixed(1),
      Object.entries(peakRssMib)
        .map(([process, mib]) => `${process} ${mib.toFixed(0)}`)
        .join(", ") || "–",
    ]),
  );
}

function latencyTable(rows: readonly CallRounds[]): string {
  return table(
    ["", "calls/s", "p50 ms", "p99 ms"],
    rows.map((row) => {
      const { callsPerSecond, p50Us, p99Us } = medians(row);
      return [row.name, whole(callsPerSecond), ms(p50Us), ms(p99Us)];
    }),
  );
}

function aheadLine({ queuedAheadBytes, socketQueueBytes }: BesideBulk): string {
  const line = (what: string, bytes: readonly number[]): string => {
    const kib = (share: number): string => `${(quantile(bytes, share) / 1024).toFixed(0)} KiB`;
    return `${what}: p50 ${kib(0.5)}, p99 ${kib(0.99)}, most ${kib(1)} (${bytes.length} samples).`;
  };
  const ahead = line("Bytes of a download that arrive before a small answer given to the same link", queuedAheadBytes);
  return `${ahead}\n${line("Bytes in the sockets of a link between two routers that carries a download", socketQueueBytes)}`;
}

function gateTable(gates: readonly Gate[]): string {
  return table(
    ["", "measured", "limit", ""],
    gates.map(({ what, value, atMost, atLeast, holds }) => [
      what,
      figure(value),
      atMost === undefined ? `at least ${figure(atLeast ?? 0)}` : `at most ${figure(atMost)}`,
      holds ? "holds" : "FAILS",
    ]),
  );
}

function figure(value: number): string {
  return value >= 1_000 ? whole(value) : value.toFixed(value < 1 ? 3 : 2);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function ms(us: number): string {
  return (us / 1_000).toFixed(2);
}

import type { OperatorReadings } from "./operator-run.ts";
import { median } from "./statistics.ts";
import { table } from "./table.ts";

/** Ten times the objects may make one more change dearer by this much, which is noise; a scan would make it dearer by more. */
export const growthMax = 1.5;

/** CPU time of one more change in the largest installation over that in the smallest. */
export function growth(readings: readonly OperatorReadings[]): number {
  const cost = ({ edits }: OperatorReadings): number => median(edits.map(({ cpuMs }) => cpuMs));
  return cost(readings.at(-1)!) / cost(readings[0]!);
}

/** What people read, in Markdown: a column for each size. */
export function operatorReport(readings: readonly OperatorReadings[]): string {
  const row = (name: string, cell: (one: OperatorReadings) => string): string[] => [name, ...readings.map(cell)];
  const edit =
    (pick: (round: OperatorReadings["edits"][number]) => number, digits: number) => (one: OperatorReadings) =>
      median(one.edits.map(pick)).toFixed(digits);
  const whole = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 0 });
  return table(
    ["", ...readings.map(({ tunnels, routes }) => `${whole(tunnels)} tunnels, ${whole(routes)} routes`)],
    [
      row("objects that the operator made", ({ objects }) => whole(objects)),
      row("pods, all of them Pending", ({ pods }) => whole(pods)),
      row("seconds to converge", (one) => one.convergeSeconds.toFixed(1)),
      row("CPU seconds until then", (one) => one.convergeCpuSeconds.toFixed(1)),
      row("writes until it is quiet", ({ convergeWrites }) => whole(convergeWrites)),
      row("peak RSS, MiB", (one) => whole(one.peakRssMib)),
      row("CPU while nothing changes, of a core", ({ idleShare }) => `${(idleShare * 100).toFixed(1)} %`),
      row(
        "one more change: CPU ms",
        edit(({ cpuMs }) => cpuMs, 1),
      ),
      row(
        "one more change: ms to its status",
        edit(({ seconds }) => seconds * 1_000, 0),
      ),
      row(
        "one more change: writes",
        edit(({ writes }) => writes, 1),
      ),
      row(
        "one more change: reconciliations",
        edit(({ reconciles }) => reconciles, 1),
      ),
    ],
  );
}

/** All series of a counter together, in Prometheus' text format. Throws when there is none such. */
export function counterSum(text: string, name: string): number {
  const isThere = text.includes(`# TYPE ${name} counter`);
  if (!isThere) throw new Error(`the operator has no metric ${name}`);
  const series = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return series.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

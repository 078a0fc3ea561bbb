import { readFileSync } from "node:fs";
import { table } from "./table.ts";

/** What V8 writes with --cpu-prof; times in µs. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly where: string;
  readonly us: number;
  /** Of the time that the process was not idle, 0 to 1. */
  readonly share: number;
}

/** A table of where the process's time went. */
export function profileTable(name: string, file: string): string {
  const profile = JSON.parse(readFileSync(file, "utf8")) as CpuProfile;
  const rows = topSelfTimes(profile, shown, startUs).map(({ where, us, share }) => {
    return [where, (us / 1_000).toFixed(0), `${(share * 100).toFixed(1)} %`];
  });
  return table([name, "self ms", "share"], rows);
}

const shown = 20;
/** Modules are loaded and code is compiled before that. */
const startUs = 4_000_000;
/** Frames in which the process waits. */
const idle = new Set(["(idle)", "(root)", "(program idle)"]);

/** Functions by the time spent in themselves, the most first; of what came later than `afterUs`. */
export function topSelfTimes({ nodes, samples, timeDeltas }: CpuProfile, count: number, afterUs = 0): SelfTime[] {
  const placeOf = new Map(nodes.map(({ id, callFrame }) => [id, placeName(callFrame)]));
  const times = new Map<string, number>();
  let busyUs = 0;
  let nowUs = 0;
  for (const [index, sample] of samples.entries()) {
    const place = placeOf.get(sample) ?? "(unknown)";
    const us = timeDeltas[index] ?? 0;
    nowUs += us;
    if (nowUs <= afterUs || idle.has(place)) continue;
    busyUs += us;
    times.set(place, (times.get(place) ?? 0) + us);
  }
  const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, count);
  return sorted.map(([where, us]) => ({ where, us, share: us / busyUs }));
}

/** "writev" or "#flushNow link.ts:250": the last two parts of a path tell files of one name apart. */
function placeName({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  return `${name} ${url.split("/").slice(-2).join("/")}:${lineNumber + 1}`;
}

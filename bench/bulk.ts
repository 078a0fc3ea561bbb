import { type Direction, moveBulk } from "./curl.ts";
import { cpuMs, forgetPeak, peakRssMib } from "./process-usage.ts";
import type { Scene, Subject } from "./scene.ts";

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;

/** One subject's figures for one direction, a number per round. */
export interface BulkRounds {
  readonly name: Subject["name"];
  readonly direction: Direction;
  /** Millions of bytes a second. */
  readonly megabytesPerSecond: readonly number[];
  /** Of all processes between together. */
  readonly cpuSecondsPerGibibyte: readonly number[];
  /** The most memory of each process in any round, MiB. */
  readonly peakRssMib: Readonly<Record<string, number>>;
}

/** One call of `bytes` after the other: down and up, the subjects in turn. */
export async function measureBulk(
  subjects: readonly Subject[],
  plan: { readonly rounds: number; readonly bytes: number },
  scene: Scene,
  say: (line: string) => void,
): Promise<BulkRounds[]> {
  const directions = ["down", "up"] as const;
  const kinds = directions.flatMap((direction) => subjects.map((subject) => ({ subject, direction })));
  const rounds: Round[][] = kinds.map(() => []);
  for (let round = 0; round < plan.rounds; round++) {
    for (const [index, { subject, direction }] of kinds.entries()) {
      rounds[index]!.push(await measureRound(subject, direction, plan.bytes, scene));
    }
    const shown = kinds.map(({ subject, direction }, i) => {
      return `${subject.name} ${direction} ${Math.round(rounds[i]!.at(-1)!.megabytesPerSecond)} MB/s`;
    });
    say(`  round ${round + 1} of ${plan.rounds}: ${shown.join(", ")}`);
  }
  return kinds.map(({ subject, direction }, index) => toColumns(subject, direction, rounds[index]!));
}

interface Round {
  readonly megabytesPerSecond: number;
  readonly cpuSecondsPerGibibyte: number;
  readonly peakRssMib: readonly number[];
}

async function measureRound(subject: Subject, direction: Direction, bytes: number, scene: Scene): Promise<Round> {
  const pids = subject.processes.map(({ pid }) => pid);
  for (const pid of pids) forgetPeak(pid);
  const used = (): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = used();
  const seconds = await moveBulk(subject.url, { direction, bytes, scratch: scene.scratch }, scene.signal);
  return {
    megabytesPerSecond: bytes / 1e6 / seconds,
    cpuSecondsPerGibibyte: (used() - before) / 1_000 / (bytes / gibibyte),
    peakRssMib: pids.map(peakRssMib),
  };
}

function toColumns({ name, processes }: Subject, direction: Direction, rounds: readonly Round[]): BulkRounds {
  const peaks = processes.map((process, i) => [process.name, Math.max(...rounds.map((round) => round.peakRssMib[i]!))]);
  return {
    name,
    direction,
    megabytesPerSecond: rounds.map((round) => round.megabytesPerSecond),
    cpuSecondsPerGibibyte: processes.length === 0 ? [] : rounds.map((round) => round.cpuSecondsPerGibibyte),
    peakRssMib: Object.fromEntries(peaks),
  };
}

import { cpuMs } from "./process-usage.ts";
import type { Scene, Subject } from "./scene.ts";
import { median, spread } from "./statistics.ts";
import { type Calls, callOver, type Load } from "./wrk.ts";

export interface SmallCallsPlan {
  readonly rounds: number;
  readonly load: Load;
  /** Calls before the first round; V8 compiles what is called often. 0: as many as a second brings. */
  readonly warmUpCalls: number;
}

/** One subject's figures, a number per round. */
export interface CallRounds {
  readonly name: Subject["name"];
  readonly callsPerSecond: readonly number[];
  readonly p50Us: readonly number[];
  readonly p99Us: readonly number[];
  /** CPU time in µs of each process for a call, and of all together. Empty for `direct`. */
  readonly cpuUsPerCall: readonly number[];
  readonly cpuUsPerCallOf: Readonly<Record<string, readonly number[]>>;
}

/** The subjects in turn, round by round, so that what disturbs the machine disturbs all of them. */
export async function measureCalls(
  subjects: readonly Subject[],
  plan: SmallCallsPlan,
  scene: Scene,
  say: (line: string) => void,
): Promise<CallRounds[]> {
  for (const subject of subjects) await warmUp(subject, plan, scene.signal);
  const rounds: Round[][] = subjects.map(() => []);
  for (let round = 0; round < plan.rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      rounds[index]!.push(await measureRound(subject, plan.load, scene.signal));
    }
    say(
      `  round ${round + 1} of ${plan.rounds}: ${subjects.map(({ name }, i) => inShort(name, rounds[i]!.at(-1)!)).join(", ")}`,
    );
  }
  return subjects.map((subject, index) => toColumns(subject, rounds[index]!));
}

/** The least and the most of a round's figures for the same thing, as a share: how steady the machine was. */
export function unsteadiness(rounds: readonly CallRounds[]): number {
  return Math.max(
    ...rounds.filter(({ cpuUsPerCall }) => cpuUsPerCall.length > 0).map((row) => spread(row.cpuUsPerCall)),
  );
}

export function find(rounds: readonly CallRounds[], name: Subject["name"]): CallRounds {
  const found = rounds.find((row) => row.name === name);
  if (found === undefined) throw new Error(`${name} was not measured`);
  return found;
}

/** The slower the machine, the longer; but not for ever. */
const warmUpRunsMax = 20;

async function warmUp(subject: Subject, { load, warmUpCalls }: SmallCallsPlan, signal: AbortSignal): Promise<void> {
  let calls = 0;
  for (let run = 0; run < warmUpRunsMax; run++) {
    calls += (await callThrough(subject, { ...load, seconds: 1 }, signal)).calls;
    if (calls >= warmUpCalls) return;
  }
}

/** Calls that fail because a process is gone are told of as that. */
async function callThrough({ url, processes }: Subject, load: Load, signal: AbortSignal): Promise<Calls> {
  try {
    return await callOver(url, load, signal);
  } catch (error) {
    const gone = processes.find(({ isEnded }) => isEnded);
    throw gone === undefined ? error : new Error(gone.lastWords, { cause: error });
  }
}

interface Round extends Calls {
  readonly cpuUs: readonly number[];
}

async function measureRound(subject: Subject, load: Load, signal: AbortSignal): Promise<Round> {
  const before = subject.processes.map(({ pid }) => cpuMs(pid));
  const calls = await callThrough(subject, load, signal);
  const cpuUs = subject.processes.map(({ pid }, i) => ((cpuMs(pid) - before[i]!) * 1_000) / calls.calls);
  return { ...calls, cpuUs };
}

function toColumns({ name, processes }: Subject, rounds: readonly Round[]): CallRounds {
  const each = processes.map(({ name: process }, i) => [process, rounds.map(({ cpuUs }) => cpuUs[i]!)] as const);
  const total = rounds.map(({ cpuUs }) => cpuUs.reduce((sum, us) => sum + us, 0));
  return {
    name,
    callsPerSecond: rounds.map((round) => round.callsPerSecond),
    p50Us: rounds.map((round) => round.p50Us),
    p99Us: rounds.map((round) => round.p99Us),
    cpuUsPerCall: processes.length === 0 ? [] : total,
    cpuUsPerCallOf: Object.fromEntries(each),
  };
}

function inShort(name: string, { callsPerSecond, cpuUs }: Round): string {
  const cpu = cpuUs.length === 0 ? "" : ` (${cpuUs.map((us) => us.toFixed(0)).join(" + ")} µs)`;
  return `${name} ${Math.round(callsPerSecond)}/s${cpu}`;
}

/** Of the medians of all rounds. */
export function medians(rounds: CallRounds) {
  const of = (values: readonly number[]): number | undefined => (values.length === 0 ? undefined : median(values));
  return {
    callsPerSecond: median(rounds.callsPerSecond),
    p50Us: median(rounds.p50Us),
    p99Us: median(rounds.p99Us),
    cpuUsPerCall: of(rounds.cpuUsPerCall),
    cpuUsPerCallOf: Object.fromEntries(
      Object.entries(rounds.cpuUsPerCallOf).map(([name, values]) => [name, median(values)]),
    ),
  };
}

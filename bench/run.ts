import { measureBulk } from "./bulk.ts";
import { moveBulk } from "./curl.ts";
import { judge } from "./gates.ts";
import { MachineWatch } from "./machine.ts";
import type { Options } from "./options.ts";
import { measureQueuedAhead } from "./queued-ahead.ts";
import type { BesideBulk, Results } from "./results.ts";
import type { Scene, Subject } from "./scene.ts";
import { type CallRounds, measureCalls } from "./small-calls.ts";
import { queuedOnPort } from "./socket-queues.ts";

export type Say = (line: string) => void;

const mebibyte = 1024 * 1024;

interface Plan {
  readonly calls: { readonly rounds: number; readonly seconds: number };
  readonly bulk: { readonly rounds: number; readonly bytes: number };
  readonly beside: { readonly samples: number; readonly seconds: number };
  readonly rate: { readonly rounds: number; readonly seconds: number };
}

const fullPlan: Plan = {
  calls: { rounds: 5, seconds: 4 },
  bulk: { rounds: 3, bytes: 1024 * mebibyte },
  beside: { samples: 400, seconds: 4 },
  rate: { rounds: 2, seconds: 5 },
};

const quickPlan: Plan = {
  calls: { rounds: 3, seconds: 2 },
  bulk: { rounds: 2, bytes: 256 * mebibyte },
  beside: { samples: 100, seconds: 1 },
  rate: { rounds: 1, seconds: 2 },
};

/** After so many the CPU time of a call no longer falls: after 30,000 it was still half as much again (2026-11-24). */
const warmUpCalls = 100_000;

/** All rows that `options` asks for, one after the other. */
export async function runBench(options: Options, scene: Scene, say: Say): Promise<Results> {
  const watch = new MachineWatch();
  const plan = options.quick ? quickPlan : fullPlan;
  const { rows } = options;
  const direct = await scene.startDestination();
  const oneHop = await scene.startOneHop();
  const found: { -readonly [Key in "calls" | "bulk" | "beside" | "rate"]?: Results[Key] } = {};
  if (rows.has("calls") || rows.has("rate")) {
    const tunnel = await scene.startTunnel();
    if (rows.has("calls")) found.calls = await measureSmall([direct, oneHop, tunnel], plan, scene, say);
    if (rows.has("rate")) found.rate = await measureRate([direct, oneHop, tunnel], plan, scene, say);
    await scene.stop(tunnel);
  }
  if (rows.has("bulk")) {
    const tunnel = await scene.startTunnel();
    say(`one message of ${plan.bulk.bytes / mebibyte} MiB, down and up:`);
    found.bulk = await measureBulk([direct, oneHop, tunnel], plan.bulk, scene, say);
    await scene.stop(tunnel);
  }
  if (rows.has("beside")) found.beside = await measureBeside([direct, oneHop], plan, scene, say);
  return {
    date: new Date().toISOString(),
    quick: options.quick,
    machine: watch.describe(scene.pids),
    ...found,
    gates: judge(found),
  };
}

async function measureSmall(subjects: readonly Subject[], plan: Plan, scene: Scene, say: Say) {
  const haproxy = await scene.startHaproxy();
  if (haproxy === undefined) say("HAProxy is not installed: its row is left out (Debian: apt-get install haproxy)");
  const all = haproxy === undefined ? subjects : [...subjects, haproxy];
  say("small SOAP calls over 64 connections:");
  const load = { connections: 64, seconds: plan.calls.seconds };
  const measured = await measureCalls(all, { rounds: plan.calls.rounds, load, warmUpCalls }, scene, say);
  if (haproxy !== undefined) await scene.stop(haproxy);
  return measured;
}

function measureRate(subjects: readonly Subject[], plan: Plan, scene: Scene, say: Say) {
  say("one connection, a call each 20 ms:");
  const load = { connections: 1, seconds: plan.rate.seconds, pauseMs: 20 };
  return measureCalls(subjects, { rounds: plan.rate.rounds, load, warmUpCalls: 0 }, scene, say);
}

async function measureBeside(others: readonly Subject[], plan: Plan, scene: Scene, say: Say): Promise<BesideBulk> {
  const tunnel = await scene.startTunnel({ links: 1 });
  say("small calls over one connection, beside a download over the same link:");
  const load = { connections: 1, seconds: plan.beside.seconds };
  const calls: CallRounds[] = [];
  const socketQueueBytes: number[] = [];
  for (const subject of [...others, tunnel]) {
    const measured = await besideDownload(subject, scene, async () => {
      const watch = watchLink(subject, socketQueueBytes);
      try {
        return await measureCalls([subject], { rounds: 1, load, warmUpCalls: 0 }, scene, say);
      } finally {
        clearInterval(watch);
      }
    });
    calls.push(...measured);
  }
  await scene.stop(tunnel);
  say("bytes ahead of a small answer …");
  const queuedAheadBytes = await measureQueuedAhead(plan.beside.samples, scene.signal);
  return { queuedAheadBytes, socketQueueBytes, calls };
}

function watchLink({ linkPort }: Subject, found: number[]): NodeJS.Timeout | undefined {
  return linkPort === undefined ? undefined : setInterval(() => found.push(queuedOnPort(linkPort)), 20);
}

async function besideDownload<Found>(subject: Subject, scene: Scene, act: () => Promise<Found>): Promise<Found> {
  const stop = new AbortController();
  const bulk = download(subject, scene, AbortSignal.any([stop.signal, scene.signal]));
  try {
    // A download that breaks ends the measurement too.
    return await Promise.race([act(), bulk.then(() => Promise.reject(new Error("the download ended")))]);
  } finally {
    stop.abort();
    await bulk;
  }
}

/** Without end: until the signal. */
async function download({ url }: Subject, { scratch }: Scene, signal: AbortSignal): Promise<void> {
  try {
    await moveBulk(url, { direction: "down", bytes: 2 ** 40, scratch }, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { controlPlane } from "../e2e/cluster/control-plane.ts";
import { freePorts } from "../e2e/cluster/server.ts";
import { KubeApi } from "../operator/kube/api.ts";
import { Connection, loadKubeConfig } from "../operator/kube/connection.ts";
import { type KubeObject, keyOf, ownedKinds } from "../operator/kube-object.ts";
import { Child } from "./child.ts";
import { OperatorBoard } from "./operator-board.ts";
import { documentsOf, edited, type Size } from "./operator-documents.ts";
import { counterSum } from "./operator-report.ts";
import { cpuMs, peakRssMib } from "./process-usage.ts";

/** What one size of an installation costs. */
export interface OperatorReadings extends Size {
  /** What the operator made, without people's own. */
  readonly objects: number;
  readonly pods: number;
  readonly convergeSeconds: number;
  readonly convergeCpuSeconds: number;
  readonly convergeWrites: number;
  readonly peakRssMib: number;
  /** Share of one core while nothing changes. */
  readonly idleShare: number;
  /** One number per round, each the mean of the round's edits. */
  readonly edits: readonly EditRound[];
}

export interface EditRound {
  readonly cpuMs: number;
  /** From the edit to the status of the new generation. */
  readonly seconds: number;
  readonly writes: number;
  readonly reconciles: number;
}

const repository = fileURLToPath(new URL("..", import.meta.url));
const definitions = ["crds/sallyport.dev_reversetunnels.yaml", "crds/sallyport.dev_tunnelroutes.yaml"];
const creatorsAtOnce = 8;
const [quietMs, quietMaxMs, idleMs, afterRoundMs, healthMs] = [4_000, 120_000, 20_000, 500, 1_000];
/** CPU time is told in steps of 10 ms, hence many edits to a round. */
const [warmUpRounds, editRounds, editsPerRound] = [5, 5, 10];

/** A control plane of its own; everything is stopped at the end. */
export async function measureOperator(
  size: Size,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<OperatorReadings> {
  await using plane = await controlPlane({ definitions: definitions.map((file) => `${repository}${file}`) });
  const over = new AbortController();
  const ends = AbortSignal.any([signal, over.signal]);
  const connection = new Connection(loadKubeConfig({ KUBECONFIG: plane.kubeconfig }));
  const api = new KubeApi({ connection, signal: ends, random: Math.random });
  const { surroundings, tunnels, routes } = documentsOf(size);
  say(`${size.tunnels} tunnels, ${size.routes} routes: creating the documents …`);
  for (const documents of [surroundings, tunnels, routes]) await createAll(api, documents, ends);
  const board = new OperatorBoard();
  await board.start(api, ends, (error) => over.abort(error));
  const [metricsPort = 0] = await freePorts(1);
  const beganMs = performance.now();
  const operator = startOperator(plane.kubeconfig, metricsPort, `${plane.logs}/operator.log`);
  const health = setInterval(() => operator.isEnded && over.abort(new Error(operator.lastWords)), healthMs);
  try {
    await board.until(() => board.done === size.tunnels + size.routes, ends);
    const [convergeMs, convergeCpuMs] = [performance.now() - beganMs, cpuMs(operator.pid)];
    say(`converged in ${(convergeMs / 1_000).toFixed(1)} s; waiting until it is quiet …`);
    const convergeWrites = (await quietCounts(metricsPort, ends)).writes;
    const peak = peakRssMib(operator.pid);
    const idleShare = await idle(operator.pid, ends);
    const edits = await editAll({ api, board, operator, metricsPort, routes, signal: ends, say });
    const objects = await ownedObjects(api);
    const pods = (await api.list("Pod")).items.length;
    return {
      ...{ ...size, objects, pods, convergeWrites, peakRssMib: peak, idleShare, edits },
      ...{ convergeSeconds: convergeMs / 1_000, convergeCpuSeconds: convergeCpuMs / 1_000 },
    };
  } finally {
    clearInterval(health);
    await operator.stop();
    over.abort(new Error("it is over"));
  }
}

function startOperator(kubeconfig: string, metricsPort: number, logFile: string): Child {
  const flags = ["--dmz-image=r1:bench", "--intranet-image=r2:bench", `--metrics-port=${metricsPort}`];
  return Child.program(process.execPath, [`${repository}operator/main.ts`, ...flags, "--health-port=0"], {
    ...{ name: "operator", logFile },
    env: { KUBECONFIG: kubeconfig },
  });
}

async function createAll(api: KubeApi, objects: readonly KubeObject[], signal: AbortSignal): Promise<void> {
  const left = objects.values();
  const creator = async (): Promise<void> => {
    for (const object of left) {
      signal.throwIfAborted();
      await api.create(object);
    }
  };
  await Promise.all(Array.from({ length: creatorsAtOnce }, creator));
}

interface Counts {
  readonly writes: number;
  readonly reconciles: number;
}

async function countsOf(port: number, signal: AbortSignal): Promise<Counts> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal });
  const text = await answer.text();
  const of = (name: string): number => counterSum(text, `sallyport_operator_${name}_total`);
  return { writes: of("writes"), reconciles: of("reconciles") };
}

/** The counts once they have not changed for a while. */
async function quietCounts(port: number, signal: AbortSignal): Promise<Counts> {
  const limit = performance.now() + quietMaxMs;
  let before = await countsOf(port, signal);
  while (performance.now() < limit) {
    await sleep(quietMs, undefined, { signal });
    const now = await countsOf(port, signal);
    if (now.writes === before.writes && now.reconciles === before.reconciles) return now;
    before = now;
  }
  throw new Error(`the operator is still at work after ${quietMaxMs / 1_000} s in which nothing was changed`);
}

async function idle(pid: number, signal: AbortSignal): Promise<number> {
  const before = cpuMs(pid);
  await sleep(idleMs, undefined, { signal });
  return (cpuMs(pid) - before) / idleMs;
}

interface Editing {
  readonly api: KubeApi;
  readonly board: OperatorBoard;
  readonly operator: Child;
  readonly metricsPort: number;
  readonly routes: readonly KubeObject[];
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** The first rounds do not count: an operator that has had little to do is not compiled as well as one that had much. */
async function editAll(editing: Editing): Promise<EditRound[]> {
  const rounds: EditRound[] = [];
  for (let round = 0; round < warmUpRounds + editRounds; round += 1) {
    const found = await editRound(editing, round);
    if (round >= warmUpRounds) rounds.push(found);
    editing.say(`${round < warmUpRounds ? "warm-up" : "round"}: ${found.cpuMs.toFixed(1)} ms of CPU per edit`);
  }
  return rounds;
}

/** One edit after the other, each of a route of another tunnel and waited for. */
async function editRound(editing: Editing, round: number): Promise<EditRound> {
  const { api, board, operator, metricsPort, routes, signal } = editing;
  // Metrics are counted over all objects when they are asked for: outside of what is measured.
  const before = await countsOf(metricsPort, signal);
  await sleep(afterRoundMs, undefined, { signal });
  const [cpuBefore, beganMs] = [cpuMs(operator.pid), performance.now()];
  for (let edit = 0; edit < editsPerRound; edit += 1) {
    const written = await api.apply(edited(routes[edit]!, round));
    const { generation = 0 } = written.metadata;
    if (generation !== round + 2) throw new Error(`the edit of ${keyOf(written.metadata)} changed nothing`);
    await board.until(() => board.generationDone(written) === generation, signal);
  }
  const seconds = (performance.now() - beganMs) / 1_000 / editsPerRound;
  await sleep(afterRoundMs, undefined, { signal });
  const cpu = cpuMs(operator.pid) - cpuBefore;
  const after = await countsOf(metricsPort, signal);
  return {
    ...{ cpuMs: cpu / editsPerRound, seconds },
    writes: (after.writes - before.writes) / editsPerRound,
    reconciles: (after.reconciles - before.reconciles) / editsPerRound,
  };
}

async function ownedObjects(api: KubeApi): Promise<number> {
  const labelSelector = "app.kubernetes.io/managed-by=sallyport-operator";
  let count = 0;
  // There is no cert-manager here.
  for (const kind of ownedKinds) {
    if (kind !== "Certificate") count += (await api.list(kind, { labelSelector })).items.length;
  }
  return count;
}

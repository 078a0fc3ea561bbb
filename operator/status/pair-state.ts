import type { KubeObject } from "../kube-object.ts";
import { label } from "../names.ts";
import type { RouterReport } from "../report/router-report.ts";

export interface PodState {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly pair: number;
  /** "" until it has one. */
  readonly address: string;
  readonly isRunning: boolean;
  readonly isReady: boolean;
}

/** A pod as far as it counts; undefined for one that is on its way out, or that is no router's. */
export function podState(pod: KubeObject): PodState | undefined {
  const { uid, namespace, name, labels = {}, deletionTimestamp } = pod.metadata;
  const pair = Number(labels[label.pair]);
  if (deletionTimestamp !== undefined || uid === undefined || !Number.isInteger(pair)) return undefined;
  const status = (pod.status ?? {}) as PodStatus;
  if (status.phase === "Failed" || status.phase === "Succeeded") return undefined;
  const isReady = status.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
  const isRunning = status.phase === "Running";
  return { uid, namespace: namespace ?? "", name, pair, address: status.podIP ?? "", isRunning, isReady };
}

interface PodStatus {
  readonly phase?: string;
  readonly podIP?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

export interface PairState {
  readonly pair: number;
  /** Whether its routers carry calls: R1 is ready, and R2 is connected to an R1. */
  readonly carriesCalls: boolean;
  /** It does as far as one can tell: its routers are ready, but R2 has not told yet, perhaps because the operator is new. */
  readonly mayCarryCalls: boolean;
  /** Why not, for people; "" when it does. */
  readonly problem: string;
  readonly links: number;
}

export interface RouterPods {
  readonly dmz: readonly PodState[];
  readonly intranet: readonly PodState[];
}

export type ReportOf = (podUid: string) => RouterReport | undefined;

export function pairState(pair: number, pods: RouterPods, reportOf: ReportOf): PairState {
  const dmz = pods.dmz.filter((pod) => pod.pair === pair);
  const intranet = pods.intranet.filter((pod) => pod.pair === pair);
  const uplinks = intranet.flatMap(({ uid }) => reportOf(uid)?.uplinks ?? []);
  const links = uplinks.reduce((sum, uplink) => sum + uplink.links, 0);
  const { problem, isSilent = false } = problemOf({ dmz, intranet }, reportOf);
  const carriesCalls = problem === "";
  return { pair, carriesCalls, mayCarryCalls: carriesCalls || isSilent, problem, links };
}

interface Problem {
  readonly problem: string;
  readonly isSilent?: boolean;
}

function problemOf({ dmz, intranet }: RouterPods, reportOf: ReportOf): Problem {
  if (dmz.length === 0) return { problem: "R1 has no pod" };
  if (!dmz.some(({ isReady }) => isReady)) return { problem: `R1 (${dmz[0]?.name}) is not ready` };
  if (intranet.length === 0) return { problem: "R2 has no pod" };
  // Not whether R2 is ready: it is only while it is connected to every R1, and another pair's may be on its way.
  const reports = intranet.map(({ uid }) => reportOf(uid)?.uplinks);
  if (reports.some((uplinks) => uplinks?.some(({ state }) => state === "active") === true)) return { problem: "" };
  const running = intranet.filter(({ isRunning }) => isRunning);
  if (running.length === 0) return { problem: `R2 (${intranet[0]?.name}) is not running` };
  if (reports.every((uplinks) => uplinks === undefined))
    return { problem: `R2 (${running[0]?.name}) does not report to the operator`, isSilent: true };
  return { problem: `R2 (${running[0]?.name}) is connected to no R1` };
}

import type { KubeObject } from "../kube-object.ts";

export interface PairRollout {
  readonly pair: number;
  /** Neither of its Deployments exists. */
  readonly isNew: boolean;
  /** One of its Deployments is not as it is wanted. */
  readonly differs: boolean;
  /** Its Deployments' pods are the ones that are wanted, and no others. */
  readonly isSettled: boolean;
  readonly carriesCalls: boolean;
  /** So too where that is not known yet. */
  readonly mayCarryCalls: boolean;
}

/**
 * The pairs whose Deployments may be applied now. What carries no calls has none to lose and goes at once; of those that do one
 * goes at a time, and only while every other pair does too. docs/adr/0011, "Order".
 */
export function pairsToApply(pairs: readonly PairRollout[]): number[] {
  const atOnce = pairs.filter(({ isNew, differs, mayCarryCalls }) => isNew || (differs && !mayCarryCalls));
  if (atOnce.some(({ isNew }) => !isNew)) return atOnce.map(({ pair }) => pair);
  const turns = pairs.filter(({ isNew, differs, mayCarryCalls }) => !isNew && differs && mayCarryCalls);
  // Those first that may be broken.
  const next = turns.find(({ carriesCalls }) => !carriesCalls) ?? turns[0];
  const others = pairs.filter(({ pair, isNew, differs }) => pair !== next?.pair && !differs && !isNew);
  const mayGo = next !== undefined && others.every(({ isSettled, carriesCalls }) => isSettled && carriesCalls);
  return [...atOnce.map(({ pair }) => pair), ...(mayGo ? [next.pair] : [])];
}

/** Whether the Deployment's controller has done all that it was told. */
export function isSettled(deployment: KubeObject | undefined): boolean {
  if (deployment === undefined) return false;
  const status = (deployment.status ?? {}) as DeploymentStatus;
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const isSeen = observedGeneration >= (deployment.metadata.generation ?? 0);
  return isSeen && replicas === 1 && updatedReplicas === 1 && availableReplicas === 1;
}

interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly availableReplicas?: number;
}

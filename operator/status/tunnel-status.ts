import type { ReverseTunnel } from "@sallyport/proto/resource";
import type { Condition, ReverseTunnelStatus } from "@sallyport/proto/resource-status";
import type { Finding } from "../facts.ts";
import type { KubeObject } from "../kube-object.ts";
import { selectorOf } from "../names.ts";
import { reasons } from "../validate/reasons.ts";
import type { RouteVerdict } from "../validate/route-verdict.ts";
import type { TunnelVerdict } from "../validate/tunnel-verdict.ts";
import { type Answer, condition, type StatusMoment, tellingReason } from "./condition.ts";
import type { PairState } from "./pair-state.ts";

export interface TunnelFacts {
  readonly tunnel: ReverseTunnel;
  readonly verdict: TunnelVerdict;
  /** What became of making the objects. */
  readonly programmed: Finding;
  readonly pairs: readonly PairState[];
  readonly routes: readonly RouteVerdict[];
  /** The client Service as it is. */
  readonly service: KubeObject | undefined;
  readonly certificates: ReverseTunnelStatus["certificates"];
}

/** The status of a tunnel, whole. */
export function tunnelStatus(facts: TunnelFacts, moment: StatusMoment): ReverseTunnelStatus {
  const { tunnel, verdict, pairs, routes, service } = facts;
  const conditions = [
    condition("Accepted", verdict.accepted, moment),
    condition("ResolvedRefs", verdict.resolvedRefs, moment),
    condition("Programmed", facts.programmed, moment),
    condition("Available", availability(pairs), moment),
    condition("Ready", readiness(pairs), moment),
  ];
  return {
    observedGeneration: moment.generation,
    status: tellingReason(conditions, reasons.ready),
    pairs: pairs.length,
    readyPairs: pairs.filter(({ carriesCalls }) => carriesCalls).length,
    links: pairs.reduce((sum, { links }) => sum + links, 0),
    routes: routes.filter(({ served }) => served !== undefined).length,
    listeners: tunnel.spec.dmz.listeners.map(({ name }) => ({ name, attachedRoutes: attachedTo(name, routes) })),
    addresses: addressesOf(service),
    selector: Object.entries(selectorOf(tunnel.metadata, { side: "dmz" }))
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    ...(facts.certificates === undefined ? {} : { certificates: facts.certificates }),
    conditions,
  };
}

/** The status of a tunnel whose spec this operator cannot read: nothing but that. */
export function unreadableStatus(message: string, moment: StatusMoment): ReverseTunnelStatus {
  const no: Answer = { holds: false, reason: reasons.invalid, message };
  const unknown: Answer = { holds: undefined, reason: reasons.invalid, message: "the spec cannot be read" };
  const conditions: Condition[] = [
    condition("Accepted", no, moment),
    ...["ResolvedRefs", "Programmed", "Available", "Ready"].map((type) => condition(type, unknown, moment)),
  ];
  return { observedGeneration: moment.generation, status: reasons.invalid, conditions };
}

/** The status of a tunnel that is to go and cannot yet. */
export function cleanupStatus(message: string, moment: StatusMoment): ReverseTunnelStatus {
  const failed: Answer = { holds: false, reason: reasons.cleanupFailed, message };
  const ending: Answer = { holds: false, reason: reasons.terminating, message: "the tunnel is being deleted" };
  const conditions = [
    condition("Programmed", failed, moment),
    ...["Available", "Ready"].map((type) => condition(type, ending, moment)),
  ];
  return { observedGeneration: moment.generation, status: reasons.cleanupFailed, conditions };
}

function attachedTo(listener: string, routes: readonly RouteVerdict[]): number {
  return routes.filter(({ served, listeners }) => served !== undefined && listeners.includes(listener)).length;
}

function availability(pairs: readonly PairState[]): Answer {
  const ready = pairs.filter(({ carriesCalls }) => carriesCalls).length;
  if (ready > 0) {
    return { holds: true, reason: reasons.available, message: `${ready} of ${pairs.length} pairs carry calls` };
  }
  return { holds: false, reason: reasons.noPairReady, message: `no pair carries calls: ${problemsOf(pairs)}` };
}

function readiness(pairs: readonly PairState[]): Answer {
  const ready = pairs.filter(({ carriesCalls }) => carriesCalls).length;
  if (ready === pairs.length) {
    return { holds: true, reason: reasons.ready, message: `all ${ready} pairs carry calls` };
  }
  const reason = ready === 0 ? reasons.noPairReady : reasons.pairsNotReady;
  return { holds: false, reason, message: `${ready} of ${pairs.length} pairs carry calls: ${problemsOf(pairs)}` };
}

function problemsOf(pairs: readonly PairState[]): string {
  return pairs
    .filter(({ carriesCalls }) => !carriesCalls)
    .map(({ pair, problem }) => `pair ${pair}: ${problem}`)
    .join("; ");
}

interface ServiceShape {
  readonly spec?: { readonly clusterIP?: string };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { ip?: string; hostname?: string }[] } };
}

const addressesMax = 16;

/** The load balancer's addresses, or the Service's own within the cluster. */
function addressesOf(service: KubeObject | undefined): NonNullable<ReverseTunnelStatus["addresses"]> {
  const { spec, status } = (service ?? {}) as ServiceShape;
  const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip = "", hostname = "" }) =>
    ip === "" ? ({ type: "Hostname", value: hostname } as const) : ({ type: "IPAddress", value: ip } as const),
  );
  if (ingress.length > 0) return ingress.slice(0, addressesMax);
  const clusterIp = spec?.clusterIP;
  if (clusterIp === undefined || clusterIp === "" || clusterIp === "None") return [];
  return [{ type: "IPAddress", value: clusterIp }];
}

import type { ReverseTunnel, TunnelRoute } from "@sallyport/proto/resource";
import type { TunnelRouteStatus } from "@sallyport/proto/resource-status";
import { tunnelLimits } from "@sallyport/proto/reverse-tunnel";
import type { Clock } from "../clock.ts";
import type { Clusters } from "../cluster.ts";
import { type Env, type Facts, type Finding, namespacesOf } from "../facts.ts";
import { lacksRight } from "../kube-error.ts";
import { type KubeObject, keyOf, refOf } from "../kube-object.ts";
import type { Log } from "../log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { finalizer, label, namesOf, type Side } from "../names.ts";
import type { RouterReports } from "../report/router-report.ts";
import type { StatusMoment } from "../status/condition.ts";
import { type PodState, pairState, podState, type RouterPods } from "../status/pair-state.ts";
import {
  orphanOutcome,
  type ParentOutcome,
  parentOutcomes,
  routeProgrammed,
  routeStatus,
} from "../status/route-status.ts";
import { cleanupStatus, tunnelStatus, unreadableStatus } from "../status/tunnel-status.ts";
import { reasons } from "../validate/reasons.ts";
import { judgeRoutes, type RouteVerdict } from "../validate/route-verdict.ts";
import { judgeTunnel, type TunnelVerdict } from "../validate/tunnel-verdict.ts";
import type { Applier } from "./applier.ts";
import { deleteAll } from "./cleanup.ts";
import type { Dependencies } from "./dependencies.ts";
import { gatherFacts } from "./gather.ts";
import type { IdentityKeeper } from "./identity-keeper.ts";
import { type OwnedIndex, tunnelOf } from "./owned-index.ts";
import { parseResource } from "./parsed.ts";
import type { Programmed, Programmer } from "./programmer.ts";
import { type RouteIndex, tunnelNamedBy } from "./route-index.ts";
import type { StatusWriter } from "./status-writer.ts";

export interface ReconcilerOptions {
  readonly clusters: Clusters;
  readonly env: Env;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
  readonly reports: RouterReports;
  readonly routes: RouteIndex;
  readonly owned: OwnedIndex;
  readonly dependencies: Dependencies;
  readonly applier: Applier;
  readonly identities: IdentityKeeper;
  readonly programmer: Programmer;
  readonly statuses: StatusWriter;
}

/** Everything is looked at again after this long, whatever the watches told. */
export const resyncMs = 10 * 60_000;
/** While something that no watch tells of is missing. */
const unresolvedMs = 15_000;

const cleanupPassesMax = 5;

/** Brings one tunnel and what belongs to it to what its documents ask for. */
export class Reconciler {
  readonly #options: ReconcilerOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Answers when to come back, in ms; undefined: when something changes. Throws what is to be tried again. */
  async reconcile(key: string): Promise<number | undefined> {
    const [namespace, name = ""] = key.split("/");
    const object = this.#options.clusters.intranet.get("ReverseTunnel", namespace, name);
    if (object === undefined) return this.#forget(key);
    if (object.metadata.deletionTimestamp !== undefined) return this.#cleanUp(object);
    const held = await this.#hold(object);
    const parsed = parseResource("ReverseTunnel", held);
    if (parsed.t === "ok") return this.#bringAbout(held, parsed.resource);
    await this.#options.statuses.write(held, (current) => unreadableStatus(parsed.message, this.#moment(current)));
    return resyncMs;
  }

  /** The finalizer comes before the first object. */
  async #hold(object: KubeObject): Promise<KubeObject> {
    const { finalizers = [], resourceVersion } = object.metadata;
    if (finalizers.includes(finalizer)) return object;
    const { api, store } = this.#tunnels();
    const patch = {
      finalizers: [...finalizers, finalizer],
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    const held = await api.patchMeta(refOf(object), patch);
    store.put(held);
    return held;
  }

  async #bringAbout(object: KubeObject, tunnel: ReverseTunnel): Promise<number | undefined> {
    const { clusters, env, identities, dependencies, reports } = this.#options;
    const key = keyOf(tunnel.metadata);
    const { routes, unreadable } = this.#routesOf(key);
    const { facts: seen, things } = gatherFacts(clusters, tunnel, routes, undefined);
    // Secrets of a namespace are read only once it is known to be open to the tunnel.
    const isAccepted = judgeTunnel(tunnel, seen).accepted.holds;
    const facts = { ...seen, identityProblem: isAccepted ? await identities.problemOf(tunnel) : undefined };
    dependencies.set(key, things);
    const verdict = judgeTunnel(tunnel, facts);
    const verdicts = judgeRoutes(tunnel, routes, facts, env);
    const pods = this.#podsOf(tunnel);
    const reportOf = (uid: string) => reports.of(uid);
    const pairs = Array.from({ length: tunnel.spec.pairs }, (_, pair) => pairState(pair, pods, reportOf));
    const programmed = verdict.accepted.holds
      ? await this.#options.programmer.program({
          ...{ tunnel, routes: verdicts, pairs, pods, reportOf },
          dmzRouters: this.#dmzRoutersOf(tunnel),
        })
      : await this.#withdraw(tunnel);
    this.#ask(key, pods, programmed);
    await this.#tell(object, { tunnel, verdict, verdicts, facts, pods, pairs, programmed });
    await this.#tellUnreadable(key, unreadable);
    if (programmed.error !== undefined) throw programmed.error;
    // A Secret of one's own, or cert-manager, may come without a word of it.
    const latestMs = verdict.resolvedRefs.holds ? resyncMs : unresolvedMs;
    return Math.min(latestMs, programmed.againMs ?? latestMs);
  }

  async #withdraw(tunnel: ReverseTunnel): Promise<Programmed> {
    const why: Finding = { holds: false, reason: reasons.notAccepted, message: "nothing is made: see Accepted" };
    const nothing = { finding: why, identity: undefined, againMs: undefined };
    try {
      await this.#options.programmer.withdraw(tunnel);
      return { ...nothing, error: undefined };
    } catch (error) {
      return { ...nothing, error: error as Error };
    }
  }

  #ask(key: string, { intranet }: RouterPods, { identity }: Programmed): void {
    const targets = intranet.filter(({ address }) => address !== "").map(({ uid, address }) => ({ id: uid, address }));
    this.#options.reports.want({ tunnel: key, targets, identity: identity?.operator });
  }

  async #tell(
    object: KubeObject,
    known: {
      readonly tunnel: ReverseTunnel;
      readonly verdict: TunnelVerdict;
      readonly verdicts: readonly RouteVerdict[];
      readonly facts: Facts;
      readonly pods: RouterPods;
      readonly pairs: Parameters<typeof tunnelStatus>[0]["pairs"];
      readonly programmed: Programmed;
    },
  ): Promise<void> {
    const { clusters, statuses, reports } = this.#options;
    const { tunnel, verdict, verdicts, pods, pairs, programmed } = known;
    const service = clusters.dmz.get("Service", namespacesOf(tunnel).dmz, namesOf(tunnel.metadata).clientService);
    const certificates = programmed.identity?.certificates;
    const facts = { tunnel, verdict, programmed: programmed.finding, pairs, routes: verdicts, service, certificates };
    await statuses.write(object, (current) => tunnelStatus(facts, this.#moment(current)));
    const reportOf = (uid: string) => reports.of(uid);
    for (const one of verdicts) {
      const answer =
        one.served === undefined || !verdict.accepted.holds
          ? {
              holds: false,
              reason: reasons.notAccepted,
              message: "not given to any router: see Accepted, here and of the tunnel",
            }
          : routeProgrammed(one.key, one.served, pods.intranet, reportOf);
      await this.#tellRoute(one.key, parentOutcomes(one, answer));
    }
  }

  async #tellRoute(key: string, outcomes: readonly ParentOutcome[]): Promise<void> {
    const [namespace, name = ""] = key.split("/");
    const object = this.#options.clusters.intranet.get("TunnelRoute", namespace, name);
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
    await this.#options.statuses.write(object, (current) => {
      const { generation = 0 } = current.metadata;
      const before = current.status as TunnelRouteStatus | undefined;
      return routeStatus(outcomes, { now: this.#now(), generation, before, refs: rawParentRefs(current) });
    });
  }

  #routesOf(key: string): { readonly routes: TunnelRoute[]; readonly unreadable: [KubeObject, string][] } {
    const routes: TunnelRoute[] = [];
    const unreadable: [KubeObject, string][] = [];
    for (const object of this.#options.routes.of(key)) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      const parsed = parseResource("TunnelRoute", object);
      if (parsed.t === "ok") routes.push(parsed.resource);
      else unreadable.push([object, parsed.message]);
    }
    return { routes, unreadable };
  }

  async #tellUnreadable(tunnel: string, unreadable: readonly [KubeObject, string][]): Promise<void> {
    for (const [object, message] of unreadable) {
      const outcomes = rawParentRefs(object, tunnel).map((ref) => orphanOutcome(ref, reasons.invalid, message));
      await this.#tellRoute(keyOf(object.metadata), outcomes);
    }
  }

  /** How many R1s R2s may be connected to: one that is on its way out still takes calls for a while. */
  #dmzRoutersOf(tunnel: ReverseTunnel): number {
    const key = keyOf(tunnel.metadata);
    let count = tunnel.spec.pairs;
    const namespace = namespacesOf(tunnel).dmz;
    for (const pod of this.#options.clusters.dmz.store("Pod").all()) {
      if (tunnelOf(pod) !== key || pod.metadata.labels?.[label.side] !== "dmz") continue;
      if (pod.metadata.namespace !== namespace) continue;
      const pair = Number(pod.metadata.labels[label.pair]);
      if (Number.isInteger(pair) && pair < tunnelLimits.pairsMax) count = Math.max(count, pair + 1);
    }
    return count;
  }

  #podsOf(tunnel: ReverseTunnel): RouterPods {
    const key = keyOf(tunnel.metadata);
    const of = (side: Side): PodState[] => {
      const pods: PodState[] = [];
      for (const pod of this.#options.clusters[side].store("Pod").all()) {
        if (tunnelOf(pod) !== key || pod.metadata.labels?.[label.side] !== side) continue;
        // Labels can be written by whoever may make a pod somewhere.
        if (pod.metadata.namespace !== namespacesOf(tunnel)[side]) continue;
        const state = podState(pod);
        if (state !== undefined) pods.push(state);
      }
      return pods.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    };
    return { dmz: of("dmz"), intranet: of("intranet") };
  }

  /** The tunnel is to go: so is everything of it, and then the finalizer. */
  async #cleanUp(object: KubeObject): Promise<number | undefined> {
    const { statuses } = this.#options;
    const { finalizers = [] } = object.metadata;
    if (!finalizers.includes(finalizer)) return undefined;
    this.#options.reports.want({ tunnel: keyOf(object.metadata), targets: [], identity: undefined });
    try {
      await this.#deleteAll(object);
    } catch (error) {
      const { message } = error as Error;
      const mend = lacksRight(error)
        ? "give the operator the rights in docs/operator.md"
        : 'the operator tries again; docs/operator.md, "Deletion", has a way out';
      await statuses.write(object, (current) => cleanupStatus(`${message}; ${mend}`, this.#moment(current)));
      throw error;
    }
    await this.#release(object, finalizers);
    return undefined;
  }

  /** What came in between is found by looking once more. */
  async #deleteAll(object: KubeObject): Promise<void> {
    for (let passes = 0; passes < cleanupPassesMax; passes += 1) {
      if ((await deleteAll(this.#options.clusters, this.#options.applier, object)) === 0) return;
    }
    throw new Error("objects of the tunnel come again as fast as they are deleted; is there a second operator?");
  }

  async #release(object: KubeObject, finalizers: readonly string[]): Promise<void> {
    const { api } = this.#tunnels();
    const { resourceVersion } =
      this.#options.clusters.intranet.get("ReverseTunnel", object.metadata.namespace, object.metadata.name)?.metadata ??
      object.metadata;
    await api.patchMeta(refOf(object), {
      finalizers: finalizers.filter((one) => one !== finalizer),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    });
  }

  /** There is no such tunnel: nothing may be left of it, and its routes are told. */
  async #forget(key: string): Promise<undefined> {
    const { owned, applier, dependencies, reports, routes } = this.#options;
    reports.want({ tunnel: key, targets: [], identity: undefined });
    dependencies.set(key, new Set());
    const [namespace = ""] = key.split("/");
    // What is not watched is not known to be gone.
    if (this.#options.clusters.intranet.watchedNamespaces?.has(namespace) !== false) {
      await applier.prune(owned.of(key), []);
    }
    for (const route of routes.of(key)) {
      const message = `there is no tunnel ${key}; create it, or correct parentRefs`;
      const outcomes = rawParentRefs(route, key).map((ref) => orphanOutcome(ref, reasons.tunnelNotFound, message));
      await this.#tellRoute(keyOf(route.metadata), outcomes);
    }
    return undefined;
  }

  #tunnels() {
    const { intranet } = this.#options.clusters;
    return { api: intranet.api, store: intranet.store("ReverseTunnel") };
  }

  #moment(object: KubeObject): StatusMoment {
    const status = (object.status ?? {}) as { readonly conditions?: StatusMoment["before"] };
    return { now: this.#now(), generation: object.metadata.generation ?? 0, before: status.conditions ?? [] };
  }

  #now(): string {
    return `${this.#options.clock.wall().toISOString().slice(0, 19)}Z`;
  }
}

type ParentRef = TunnelRoute["spec"]["parentRefs"][number];

/** As they are written; of one tunnel, or all. */
function rawParentRefs(route: KubeObject, tunnel?: string): ParentRef[] {
  const { parentRefs = [] } = (route.spec ?? {}) as { readonly parentRefs?: readonly ParentRef[] };
  return parentRefs.filter((ref) => tunnel === undefined || tunnelNamedBy(ref, route) === tunnel);
}

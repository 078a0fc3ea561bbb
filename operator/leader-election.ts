import { type Clock, pause } from "./clock.ts";
import type { ClusterApi } from "./cluster-api.ts";
import { isConflict } from "./kube-error.ts";
import { type KubeObject, kinds, type ObjectRef, type OwnerReference } from "./kube-object.ts";
import type { Log } from "./log.ts";

/** As other controllers have it: a leader that cannot renew has stopped before another one starts. */
export const leaseDurationMs = 15_000;
export const renewDeadlineMs = 10_000;
export const retryMs = 2_000;

export const leaseName = "sallyport-operator";

export interface LeaderElectionOptions {
  readonly api: ClusterApi;
  readonly namespace: string;
  /** Unlike any other operator's. */
  readonly identity: string;
  /** The pod that the Lease goes with, if nobody takes it over; it has to be in the Lease's namespace. */
  readonly pod?: OwnerReference | undefined;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** One of several operators acts: the one that holds the Lease. */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #ref: ObjectRef;
  /** The Lease as it was seen last, and when it was first seen so: other clocks are not believed. */
  #observed: { readonly version: string; readonly atMs: number } | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#ref = { kind: "Lease", namespace: options.namespace, name: leaseName };
  }

  /** Resolves true once this operator holds the Lease, false when `signal` is aborted before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#try()) return true;
      await pause(this.#options.clock, this.#jitteredRetryMs(), signal);
    }
    return false;
  }

  /** Renews until `signal` is aborted (resolves true) or the Lease is lost (resolves false). */
  async hold(signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    let renewedMs = clock.now();
    while (!signal.aborted) {
      await pause(clock, retryMs, signal);
      if (signal.aborted) return true;
      const startedMs = clock.now();
      const renewed = await Promise.race([this.#try(), this.#deadline(renewedMs + renewDeadlineMs)]);
      if (renewed) renewedMs = startedMs;
      else if (clock.now() - renewedMs >= renewDeadlineMs) {
        log.error({ sinceMs: clock.now() - renewedMs }, "the lease could not be renewed");
        return false;
      }
    }
    return true;
  }

  /** Gives the Lease up, so that another operator need not wait for its end. */
  async release(): Promise<void> {
    const { api, identity, log } = this.#options;
    try {
      const lease = await api.get(this.#ref);
      if (lease === undefined || specOf(lease).holderIdentity !== identity) return;
      await api.update({ ...lease, spec: { ...specOf(lease), holderIdentity: "", leaseDurationSeconds: 1 } });
    } catch (error) {
      log.warn({ error: (error as Error).message }, "the lease could not be released; it ends by itself");
    }
  }

  async #deadline(atMs: number): Promise<false> {
    const { clock } = this.#options;
    await pause(clock, Math.max(0, atMs - clock.now()), new AbortController().signal);
    return false;
  }

  /** Takes or renews the Lease if that is possible now. */
  async #try(): Promise<boolean> {
    const { api, log } = this.#options;
    try {
      const lease = await api.get(this.#ref);
      if (lease === undefined) {
        await api.create(this.#fresh());
        return true;
      }
      const next = this.#next(lease);
      if (next === undefined) return false;
      await api.update({ ...lease, metadata: { ...lease.metadata, ...this.#owner() }, spec: next });
      return true;
    } catch (error) {
      if (!isConflict(error)) log.warn({ error: (error as Error).message }, "the lease could not be read or written");
      return false;
    }
  }

  /** What the Lease becomes when it is ours to have; undefined while it is another's. */
  #next(lease: KubeObject): LeaseSpec | undefined {
    const { identity, clock } = this.#options;
    const spec = specOf(lease);
    const renewTime = this.#microTime();
    if (spec.holderIdentity === identity) return { ...spec, renewTime, leaseDurationSeconds: leaseDurationMs / 1000 };
    const version = lease.metadata.resourceVersion ?? "";
    if (this.#observed?.version !== version) this.#observed = { version, atMs: clock.now() };
    const durationMs = (spec.leaseDurationSeconds ?? 0) * 1000;
    const isFree =
      this.#isOfThisPod(lease) || (spec.holderIdentity ?? "") === "" || clock.now() >= this.#observed.atMs + durationMs;
    if (!isFree) return undefined;
    const leaseTransitions = (spec.leaseTransitions ?? 0) + 1;
    return { ...(this.#fresh().spec as LeaseSpec), leaseTransitions };
  }

  #fresh(): KubeObject {
    const { namespace, identity } = this.#options;
    const time = this.#microTime();
    return {
      apiVersion: kinds.Lease.apiVersion,
      kind: "Lease",
      metadata: { namespace, name: leaseName, ...this.#owner() },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: leaseDurationMs / 1000,
        acquireTime: time,
        renewTime: time,
        leaseTransitions: 0,
      },
    };
  }

  /** Whoever held it in this pod has ended: a container is started again only then. */
  #isOfThisPod({ metadata }: KubeObject): boolean {
    const { pod } = this.#options;
    return pod !== undefined && metadata.ownerReferences?.some(({ uid }) => uid === pod.uid) === true;
  }

  /** So that the garbage collector takes the last operator's Lease away. */
  #owner(): { readonly ownerReferences?: readonly OwnerReference[] } {
    const { pod } = this.#options;
    return pod === undefined ? {} : { ownerReferences: [pod] };
  }

  #microTime(): string {
    return this.#options.clock.wall().toISOString().replace("Z", "000Z");
  }

  #jitteredRetryMs(): number {
    return Math.round(retryMs * (1 + this.#options.random() / 5));
  }
}

function specOf(lease: KubeObject): LeaseSpec {
  return (lease.spec as LeaseSpec | undefined) ?? {};
}

import { backOffMs } from "./back-off.ts";
import { type Clock, pause } from "./clock.ts";
import type { ClusterApi, ListOptions, WatchEvent } from "./cluster-api.ts";
import { isExpired, isForbidden, isNotFound } from "./kube-error.ts";
import type { KindName } from "./kube-object.ts";
import type { Log } from "./log.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { Store } from "./store.ts";

/** A server that sends bookmarks says something every minute; one that was silent for longer than this has gone. */
export const silenceMaxMs = 150_000;
/** How often it is asked for a kind that it does not have. */
const absentRetryMs = 60_000;

export interface ReflectorOptions extends ListOptions {
  readonly kind: KindName;
  readonly api: ClusterApi;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
  /** A kind that a cluster may not have, or not let the operator read. */
  readonly optional?: boolean;
}

/** "waiting": for the first list. "absent": the cluster has no such kind, or shows none. */
export type ReflectorState = "waiting" | "synced" | "absent";

/** Keeps a store like the cluster: lists, then watches; lists again when the server has forgotten where we were. */
export class Reflector {
  readonly #options: ReflectorOptions;
  #state: ReflectorState = "waiting";
  #onState: () => void = () => {};
  #failures = 0;
  /** The version up to which everything was told. */
  #seen: string | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
  }

  get kind(): KindName {
    return this.#options.kind;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Told once, whenever the state has changed. */
  onState(listener: () => void): void {
    this.#onState = listener;
  }

  /** Runs until `signal` is aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#seen ??= await this.#list();
        await this.#watch(this.#seen, signal);
      } catch (error) {
        if (signal.aborted) return;
        // To go on from where a broken watch stood is cheap; only the server's word makes it useless.
        if (isExpired(error)) this.#seen = undefined;
        await this.#waitAfter(error as Error, signal);
      }
    }
  }

  async #list(): Promise<string> {
    const { kind, api, store, namespace, labelSelector, metrics } = this.#options;
    const { items, resourceVersion } = await api.list(kind, { namespace, labelSelector });
    metrics.lists.inc({ kind });
    store.replace(items, namespace);
    this.#enter("synced");
    return resourceVersion;
  }

  /** Resolves when the server ends the watch in time. */
  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { kind, api, namespace, labelSelector, clock, metrics } = this.#options;
    const silent = new AbortController();
    const guard = (): (() => void) =>
      clock.after(silenceMaxMs, () => {
        metrics.watchesSilent.inc({ kind });
        silent.abort(new Error(`nothing came for ${silenceMaxMs / 1000} s`));
      });
    let unguard = guard();
    const onEvent = (event: WatchEvent): void => {
      unguard();
      unguard = guard();
      this.#failures = 0;
      this.#take(event);
    };
    try {
      const ends = AbortSignal.any([signal, silent.signal]);
      await api.watch(kind, { namespace, labelSelector, resourceVersion, onEvent, signal: ends });
    } finally {
      unguard();
    }
  }

  #take(event: WatchEvent): void {
    const { store } = this.#options;
    if (event.t === "changed") store.put(event.object);
    if (event.t === "deleted") store.remove(event.object);
    const version = event.t === "bookmark" ? event.resourceVersion : event.object.metadata.resourceVersion;
    if (version !== undefined && version !== "") this.#seen = version;
  }

  async #waitAfter(error: Error, signal: AbortSignal): Promise<void> {
    const { kind, clock, random, log, metrics, optional = false } = this.#options;
    if (optional && (isNotFound(error) || isForbidden(error))) {
      this.#options.store.replace([], this.#options.namespace);
      this.#enter("absent");
      return pause(clock, absentRetryMs, signal);
    }
    this.#failures += 1;
    metrics.watchFailures.inc({ kind });
    const isFirst = this.#failures === 1 && isExpired(error);
    const waitMs = isFirst ? 0 : backOffMs(this.#failures, { firstMs: 500, maxMs: 30_000, random });
    log.warn({ kind, error: error.message, failures: this.#failures, waitMs }, "watch broke off");
    return pause(clock, waitMs, signal);
  }

  #enter(state: ReflectorState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#onState();
  }
}

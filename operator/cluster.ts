import type { Clock } from "./clock.ts";
import type { ClusterApi } from "./cluster-api.ts";
import { type KindName, type KubeObject, kinds } from "./kube-object.ts";
import type { Log } from "./log.ts";
import type { OperatorMetrics } from "./metrics.ts";
import { ownedSelector } from "./names.ts";
import { Reflector, type ReflectorState } from "./reflector.ts";
import { Store } from "./store.ts";

interface Watched {
  /** Only what the operator made; it sees no Secret or ConfigMap of anyone else. */
  readonly isOwned?: boolean;
  /** A kind that a cluster may do without. */
  readonly optional?: boolean;
}

const watched = {
  ReverseTunnel: {},
  TunnelRoute: {},
  Namespace: {},
  Service: {},
  ReferenceGrant: { optional: true },
  Certificate: { isOwned: true, optional: true },
  Pod: { isOwned: true },
  ConfigMap: { isOwned: true },
  Secret: { isOwned: true },
  Deployment: { isOwned: true },
  PodDisruptionBudget: { isOwned: true },
  NetworkPolicy: { isOwned: true },
} as const satisfies Partial<Record<KindName, Watched>>;

export type StoredKind = keyof typeof watched;
export const storedKinds = Object.keys(watched) as StoredKind[];

export interface ClusterOptions {
  readonly api: ClusterApi;
  /** Undefined: all. */
  readonly watchNamespaces: readonly string[] | undefined;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
}

/** One cluster: its API server, and a store of each kind that is watched. */
export class Cluster {
  readonly api: ClusterApi;
  readonly watchedNamespaces: ReadonlySet<string> | undefined;
  readonly #stores = new Map<StoredKind, Store>();
  readonly #reflectors: Reflector[] = [];

  constructor(options: ClusterOptions) {
    const { watchNamespaces, ...rest } = options;
    this.api = options.api;
    this.watchedNamespaces = watchNamespaces === undefined ? undefined : new Set(watchNamespaces);
    for (const kind of storedKinds) {
      const store = new Store();
      this.#stores.set(kind, store);
      const { isOwned = false, optional = false }: Watched = watched[kind];
      const labelSelector = isOwned ? ownedSelector : undefined;
      const namespaces = kinds[kind].namespaced ? (watchNamespaces ?? [undefined]) : [undefined];
      for (const namespace of namespaces) {
        this.#reflectors.push(new Reflector({ ...rest, kind, store, namespace, labelSelector, optional }));
      }
    }
  }

  store(kind: StoredKind): Store {
    return this.#stores.get(kind)!;
  }

  get(kind: StoredKind, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.store(kind).get(namespace, name);
  }

  /** Whether the cluster has the kind and shows it. */
  has(kind: StoredKind): boolean {
    return this.#statesOf(kind).every((state) => state === "synced");
  }

  /** Whether everything has been listed once. Before that nothing may be decided. */
  get isSynced(): boolean {
    return this.#reflectors.every(({ state }) => state !== "waiting");
  }

  /** Kinds that have not been listed yet: for people. */
  get waitingFor(): StoredKind[] {
    return storedKinds.filter((kind) => this.#statesOf(kind).includes("waiting"));
  }

  /** Runs until `signal` is aborted; never rejects. `onSynced` is called once. */
  async run(signal: AbortSignal, onSynced: () => void): Promise<void> {
    let told = false;
    for (const reflector of this.#reflectors) {
      reflector.onState(() => {
        if (told || !this.isSynced) return;
        told = true;
        onSynced();
      });
    }
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  #statesOf(kind: StoredKind): ReflectorState[] {
    return this.#reflectors.filter((reflector) => reflector.kind === kind).map(({ state }) => state);
  }
}

/** The clusters of the two sides; today both are the operator's own. Tunnels and routes are of the intranet's. */
export interface Clusters {
  readonly dmz: Cluster;
  readonly intranet: Cluster;
}

/** Each cluster once. */
export function eachCluster({ dmz, intranet }: Clusters): Cluster[] {
  return [...new Set([intranet, dmz])];
}

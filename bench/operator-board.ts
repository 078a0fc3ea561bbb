import type { ClusterApi } from "../operator/cluster-api.ts";
import { type KubeObject, keyOf } from "../operator/kube-object.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly observedGeneration?: number;
}

const kinds = ["ReverseTunnel", "TunnelRoute"] as const;

/** Watches which tunnels and routes have a status of their latest generation. */
export class OperatorBoard {
  readonly #done = new Set<string>();
  readonly #generations = new Map<string, number>();
  readonly #looks = new Set<() => void>();

  /** Watches until `signal`; `onFailed`: a watch broke off. */
  async start(api: ClusterApi, signal: AbortSignal, onFailed: (error: Error) => void): Promise<void> {
    for (const kind of kinds) {
      const { items, resourceVersion } = await api.list(kind);
      for (const item of items) this.put(item);
      this.#watch(api, kind, resourceVersion, signal).catch((error: Error) => {
        if (!signal.aborted) onFailed(error);
      });
    }
  }

  /** How many have what was waited for. */
  get done(): number {
    return this.#done.size;
  }

  generationDone(object: KubeObject): number {
    return this.#generations.get(placeOf(object)) ?? 0;
  }

  /** Resolves when `holds` does; it is asked at every change. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        this.#looks.delete(look);
        signal.removeEventListener("abort", onAbort);
        act();
      };
      const look = (): void => {
        if (holds()) end(resolve);
      };
      const onAbort = (): void => end(() => reject(signal.reason as Error));
      this.#looks.add(look);
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      else look();
    });
  }

  put(object: KubeObject): void {
    const place = placeOf(object);
    if (isDone(object)) {
      this.#done.add(place);
      this.#generations.set(place, object.metadata.generation ?? 0);
    } else {
      this.#done.delete(place);
    }
    for (const look of this.#looks) look();
  }

  async #watch(api: ClusterApi, kind: (typeof kinds)[number], from: string, signal: AbortSignal): Promise<void> {
    let resourceVersion = from;
    while (!signal.aborted) {
      await api.watch(kind, {
        ...{ resourceVersion, signal },
        onEvent: (event) => {
          if (event.t === "bookmark") resourceVersion = event.resourceVersion;
          else resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
          if (event.t === "changed") this.put(event.object);
        },
      });
    }
  }
}

/** A tunnel is Accepted and Programmed, a route Accepted with ResolvedRefs by each parent, all of the latest generation. */
export function isDone({ kind, metadata, status }: KubeObject): boolean {
  const holds = (conditions: readonly Condition[] = [], ...types: string[]): boolean =>
    types.every((type) =>
      conditions.some(
        (one) => one.type === type && one.status === "True" && one.observedGeneration === metadata.generation,
      ),
    );
  const { conditions, parents = [] } = (status ?? {}) as {
    readonly conditions?: readonly Condition[];
    readonly parents?: readonly { readonly conditions?: readonly Condition[] }[];
  };
  if (kind === "ReverseTunnel") return holds(conditions, "Accepted", "Programmed");
  return parents.length > 0 && parents.every((parent) => holds(parent.conditions, "Accepted", "ResolvedRefs"));
}

function placeOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${keyOf(metadata)}`;
}

import { type Cluster, type Clusters, eachCluster } from "../cluster.ts";
import { type KubeObject, ownedKinds, refOf, refText } from "../kube-object.ts";
import { annotation, fieldManager, label } from "../names.ts";

/** An object of a tunnel that is in a cluster. */
export interface OwnedObject {
  readonly cluster: Cluster;
  readonly object: KubeObject;
}

/** What there is of each tunnel, as the stores have it. Bounded by what the clusters have. */
export class OwnedIndex {
  readonly #byTunnel = new Map<string, Map<string, OwnedObject>>();

  constructor(clusters: Clusters) {
    for (const cluster of eachCluster(clusters)) {
      for (const kind of ownedKinds) {
        cluster.store(kind).onChange(({ before, after }) => {
          if (before !== undefined) this.#remove(before);
          if (after !== undefined) this.#add(cluster, after);
        });
      }
    }
  }

  /** All objects that say that they are the tunnel's, `key`: "namespace/name". */
  of(key: string): readonly OwnedObject[] {
    return [...(this.#byTunnel.get(key)?.values() ?? [])];
  }

  /** Tunnels of which there is something. */
  tunnels(): readonly string[] {
    return [...this.#byTunnel.keys()];
  }

  #add(cluster: Cluster, object: KubeObject): void {
    const key = tunnelOf(object);
    if (key === undefined) return;
    const objects = this.#byTunnel.get(key) ?? new Map<string, OwnedObject>();
    objects.set(refText(refOf(object)), { cluster, object });
    this.#byTunnel.set(key, objects);
  }

  #remove(object: KubeObject): void {
    const key = tunnelOf(object);
    const objects = key === undefined ? undefined : this.#byTunnel.get(key);
    if (key === undefined || objects === undefined) return;
    objects.delete(refText(refOf(object)));
    if (objects.size === 0) this.#byTunnel.delete(key);
  }
}

/** "namespace/name" of the tunnel whose object this is; undefined for one that the operator did not make. */
export function tunnelOf({ metadata }: KubeObject): string | undefined {
  if (metadata.labels?.[label.managedBy] !== fieldManager) return undefined;
  return metadata.annotations?.[annotation.tunnel];
}

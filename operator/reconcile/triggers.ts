import { isDeepStrictEqual } from "node:util";
import { type Cluster, type Clusters, eachCluster } from "../cluster.ts";
import { type KubeObject, keyOf, ownedKinds } from "../kube-object.ts";
import { podState } from "../status/pair-state.ts";
import type { StoreChange } from "../store.ts";
import { type Dependencies, thing } from "./dependencies.ts";
import { tunnelOf } from "./owned-index.ts";

/** Tells which tunnels are touched by what changes in the clusters. Routes have `RouteIndex`. */
export function wireTriggers(
  clusters: Clusters,
  dependencies: Dependencies,
  onTouched: (tunnel: string) => void,
): void {
  onChange(clusters.intranet, "ReverseTunnel", ({ before, after }) => {
    if (before !== undefined && after !== undefined && isSameWish(before, after)) return;
    onTouched(keyOf((after ?? before)!.metadata));
  });
  const tellOwner = ({ before, after }: StoreChange): void => {
    for (const tunnel of new Set([before, after].map((one) => one && tunnelOf(one)))) {
      if (tunnel !== undefined) onTouched(tunnel);
    }
  };
  const tellAskers = (name: string): void => {
    for (const tunnel of dependencies.on(name)) onTouched(tunnel);
  };
  for (const cluster of eachCluster(clusters)) {
    for (const kind of ownedKinds) onChange(cluster, kind, tellOwner);
    onChange(cluster, "Pod", (change) => {
      const [before, after] = [change.before, change.after].map((pod) => pod && podState(pod));
      if (!isDeepStrictEqual(before, after)) tellOwner(change);
    });
    onChange(cluster, "Namespace", (change) => {
      const [before, after] = [change.before, change.after].map(namespaceFacts);
      if (!isDeepStrictEqual(before, after)) tellAskers(thing.namespace(nameOf(change)));
    });
    onChange(cluster, "Service", (change) => {
      if (isDeepStrictEqual(change.before?.spec, change.after?.spec)) return;
      tellAskers(thing.service(keyOf((change.after ?? change.before)!.metadata)));
    });
    onChange(cluster, "ReferenceGrant", (change) => {
      tellAskers(thing.grantsIn((change.after ?? change.before)!.metadata.namespace ?? ""));
    });
  }
}

function onChange(
  cluster: Cluster,
  kind: Parameters<Cluster["store"]>[0],
  listener: (change: StoreChange) => void,
): void {
  cluster.store(kind).onChange(listener);
}

/** What the operator writes itself, to the status, asks for nothing. */
function isSameWish(before: KubeObject, after: KubeObject): boolean {
  const { uid, generation, deletionTimestamp, annotations, finalizers } = after.metadata;
  return isDeepStrictEqual(
    [uid, generation, deletionTimestamp, annotations, finalizers],
    [
      before.metadata.uid,
      before.metadata.generation,
      before.metadata.deletionTimestamp,
      before.metadata.annotations,
      before.metadata.finalizers,
    ],
  );
}

function namespaceFacts(namespace: KubeObject | undefined) {
  return namespace && [namespace.metadata.labels, namespace.metadata.deletionTimestamp !== undefined];
}

function nameOf({ before, after }: StoreChange): string {
  return (after ?? before)!.metadata.name;
}

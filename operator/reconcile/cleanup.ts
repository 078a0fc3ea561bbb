import { type Cluster, type Clusters, eachCluster } from "../cluster.ts";
import { isNotFound } from "../kube-error.ts";
import { type KindName, type KubeObject, keyOf, ownedKinds } from "../kube-object.ts";
import { label, tunnelHash } from "../names.ts";
import type { Applier } from "./applier.ts";
import { tunnelOf } from "./owned-index.ts";

/** Pods first, what they use after them; and what makes Secrets before the Secrets. */
const order: readonly KindName[] = ["Deployment", "Certificate", ...ownedKinds].filter(
  (kind, index, all) => all.indexOf(kind) === index,
) as KindName[];

/**
 * Deletes everything of a tunnel, in whatever namespace it is, and answers how much there still is. It asks the API server and not
 * the stores: what is missed here stays for ever. Throws KubeError.
 */
export async function deleteAll(clusters: Clusters, applier: Applier, tunnel: KubeObject): Promise<number> {
  let left = 0;
  for (const cluster of eachCluster(clusters)) {
    for (const kind of order) {
      for (const object of await ownedBy(cluster, kind, tunnel)) {
        // It is on its way already; others' finalizers may keep it, and that is not ours to wait for.
        if (object.metadata.deletionTimestamp !== undefined) continue;
        await applier.delete(cluster, object);
        left += 1;
      }
    }
  }
  return left;
}

async function ownedBy(cluster: Cluster, kind: KindName, tunnel: KubeObject): Promise<KubeObject[]> {
  const { namespace = "", name } = tunnel.metadata;
  const key = keyOf(tunnel.metadata);
  const labelSelector = `${label.tunnel}=${tunnelHash({ namespace, name })}`;
  const scopes = cluster.watchedNamespaces === undefined ? [undefined] : [...cluster.watchedNamespaces];
  const found: KubeObject[] = [];
  for (const scope of scopes) {
    const { items } = await cluster.api.list(kind, { namespace: scope, labelSelector }).catch((error: unknown) => {
      // A cluster without cert-manager has no Certificates.
      if (isNotFound(error)) return { items: [] };
      throw error;
    });
    found.push(...items);
  }
  // Labels are hashes and may be alike.
  return found.filter((object) => tunnelOf(object) === key);
}

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cluster, clusterOf, type NodeState, startCluster } from "./cluster.ts";
import { Helm } from "./helm.ts";
import { Kubectl } from "./kubectl.ts";
import { runVariable } from "./owner.ts";

/**
 * The cluster that all test files of a run share. It is started the first time that a file asks, and stopped by run.ts at
 * the end of the run; keep to namespaces of your own, and remove them.
 *
 * With $SALLYPORT_E2E_KUBECONFIG it is the cluster which that leads to, and nothing is started. `load()` then pushes nothing
 * and answers the image's name below $SALLYPORT_E2E_REGISTRY, where it must have been pushed to beforehand.
 */
export async function sharedCluster(): Promise<Cluster> {
  const brought = process.env.SALLYPORT_E2E_KUBECONFIG;
  if (brought !== undefined && brought !== "") return broughtCluster(brought);
  const folder = process.env[runVariable];
  if (folder === undefined) throw new Error("no test run: run it by bash e2e/run, whose configuration has run.ts");
  const file = join(folder, "cluster.json");
  if (!existsSync(file)) {
    const { container, nodeAddress, kubeconfig } = await startCluster();
    const state: NodeState = { container, address: nodeAddress, kubeconfig };
    writeFileSync(file, JSON.stringify(state));
  }
  return clusterOf(JSON.parse(readFileSync(file, "utf8")) as NodeState);
}

async function broughtCluster(kubeconfig: string): Promise<Cluster> {
  const kubectl = await Kubectl.of(kubeconfig);
  const registry = process.env.SALLYPORT_E2E_REGISTRY ?? "";
  const named = (image: string) => (registry === "" ? image : `${registry.replace(/\/$/, "")}/${image}`);
  const path = 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  return {
    kubeconfig,
    kubectl,
    helm: new Helm(kubeconfig),
    nodeAddress: await kubectl.run(["get", "nodes", `--output=${path}`]),
    load: async (image) => named(image),
    loadAll: async (images) => images.map(named),
  };
}

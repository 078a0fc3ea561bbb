import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { docker, dockerPipe } from "./docker.ts";
import { Helm } from "./helm.ts";
import { Kubectl } from "./kubectl.ts";
import { startNode } from "./node.ts";
import { temporaryFolder } from "./owner.ts";

/** A Kubernetes cluster that runs pods. */
export interface Cluster {
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  readonly helm: Helm;
  /** The address at which this machine reaches the node's ports, and so every Service of type NodePort. */
  readonly nodeAddress: string;
  /** Makes a local image usable in pods. Answers the name to write into `image:`; pods must not pull (IfNotPresent). */
  load(image: string): Promise<string>;
  /** The same for several at once, whose common layers are copied once. */
  loadAll(images: readonly string[]): Promise<string[]>;
}

/** A cluster that the test has to stop. */
export interface OwnCluster extends Cluster, AsyncDisposable {
  /** The node's container. */
  readonly container: string;
  /** Removes the node with all that is in it. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** The node's name, a DNS label; by default "node". */
  readonly name?: string;
  /** The Docker network that the node is in; by default Docker's own. */
  readonly network?: string;
  /**
   * How often the kubelet looks at its pods, and so how late it may notice a changed ConfigMap; a Go duration. By default
   * the kubelet's own: 1m.
   */
  readonly syncFrequency?: string;
  /** Files of CustomResourceDefinitions, there before the garbage collector starts, which is slow to notice new kinds. */
  readonly definitions?: readonly string[];
}

/** What is known of a node that has been started. Plain data: another process can use it too. */
export interface NodeState {
  readonly container: string;
  readonly address: string;
  readonly kubeconfig: string;
}

/**
 * Starts a cluster of one node: a container with etcd, the control plane, containerd, kubelet, kube-proxy and CoreDNS. It
 * has no LoadBalancer, no StorageClass, and NetworkPolicies do nothing. Throws with the node's last words when it fails.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<OwnCluster> {
  const { container, address, kubeconfig } = await startNode(options);
  const folder = temporaryFolder();
  const path = join(folder, "kubeconfig");
  writeFileSync(path, kubeconfig, { mode: 0o600 });
  const cluster = await clusterOf({ container, address, kubeconfig: path });
  const stop = async () => {
    await docker(["container", "rm", "--force", "--volumes", container]);
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...cluster, container, stop, [Symbol.asyncDispose]: stop };
}

/** The cluster of a node that runs. */
export async function clusterOf({ container, address, kubeconfig }: NodeState): Promise<Cluster> {
  const loadAll = async (images: readonly string[]) => {
    const into = ["exec", "--interactive", container, "ctr", "--namespace=k8s.io", "images", "import", "-"];
    await dockerPipe(["save", ...images], into);
    return [...images];
  };
  return {
    kubeconfig,
    kubectl: await Kubectl.of(kubeconfig),
    helm: new Helm(kubeconfig),
    nodeAddress: address,
    loadAll,
    load: async (image) => {
      await loadAll([image]);
      return image;
    },
  };
}

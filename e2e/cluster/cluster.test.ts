import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cluster, startCluster } from "./cluster.ts";
import { docker } from "./docker.ts";
import { buildImage } from "./image.ts";
import type { KubernetesObject } from "./kubectl.ts";
import { createNetwork } from "./network.ts";
import { runtimeImage } from "./runtime-image.ts";
import { sharedCluster } from "./shared.ts";
import { until } from "./until.ts";

const app = fileURLToPath(new URL("app", import.meta.url));
const appImage = "sallyport-e2e/app:1";
const namespace = "e2e-cluster";
const ownCluster = (process.env.SALLYPORT_E2E_KUBECONFIG ?? "") === "";

describe("the cluster that the tests of a run share", () => {
  let cluster: Cluster;
  let image: string;
  const kubectl = (...args: string[]) => cluster.kubectl.run([`--namespace=${namespace}`, ...args]);

  beforeAll(async () => {
    cluster = await sharedCluster();
    // A brought cluster has it already.
    if (ownCluster) await buildImage({ context: app, tag: appImage, args: { BASE_IMAGE: await runtimeImage() } });
    image = await cluster.load(appImage);
    await cluster.helm.run(["install", "web", `${app}/chart`, ...release(image, "--create-namespace")]);
  }, 600_000);
  afterAll(() => cluster?.kubectl.run(["delete", "namespace", namespace, "--ignore-not-found", "--wait=false"]));

  test("is the same one each time it is asked for", async () => {
    expect((await sharedCluster()).kubeconfig).toBe(cluster.kubeconfig);
  });

  test("has nodes that are Ready", async () => {
    await cluster.kubectl.run(["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=5s"]);
  });

  test("runs an unprivileged program for Node, whose probes pass", async () => {
    await cluster.kubectl.wait("Available", "deployment/web", namespace, 5);
    expect(await kubectl("get", "deployment", "web", "--output=jsonpath={.status.readyReplicas}")).toBe("1");
  });

  test("gives pods each other's Services by name", async () => {
    // kube-proxy wires a Service up to a second after its pods are ready.
    const answer = await until("the service answers", () => fetchInPod(`http://web.${namespace}.svc.cluster.local/`));
    expect(answer).toMatch(/^web-\S+ v24\.\d+\.\d+$/);
  });

  test("answers this machine on the port of a NodePort Service", async () => {
    const port = await kubectl("get", "service", "web", "--output=jsonpath={.spec.ports[0].nodePort}");
    const answer = await until("the port answers", () => fetchHere(`http://${cluster.nodeAddress}:${port}/ready`));
    expect(answer).toBe("yes");
  });

  test("brings a changed ConfigMap into a running pod, within the minute of the kubelet's own period and its delay", async () => {
    const pod = await podName();
    await kubectl("patch", "configmap", "web", '--patch={"data":{"greeting":"good evening"}}');
    const limitMs = 120_000;
    await until("the file has changed", async () => expect(await readInPod("/config")).toBe("good evening"), {
      limitMs,
    });
    expect(await podName()).toBe(pod);
  }, 150_000);

  test("shows a program's log", async () => {
    expect(await kubectl("logs", "deployment/web")).toBe("listening on 8080");
  });

  test("runs a program in a pod, and says what it said when it fails", async () => {
    const exec = ["exec", "deployment/web", "--", "/usr/local/bin/node", "--eval"];
    expect(await kubectl(...exec, "console.log(process.getuid())")).toBe("65532");
    await expect(kubectl(...exec, "console.error('no'); process.exit(3)")).rejects.toThrow(/says \(3\):\nno\n/);
  });

  test("takes an upgrade of a chart and rolls it out", async () => {
    const before = await podName();
    await kubectl("rollout", "restart", "deployment/web");
    await cluster.helm.run(["upgrade", "web", `${app}/chart`, ...release(image), "--set=greeting=hi"]);
    await kubectl("rollout", "status", "deployment/web", "--timeout=50s");
    await until("the old pod is gone", async () => expect(await podName()).not.toBe(before));
    expect(await cluster.helm.run(["list", `--namespace=${namespace}`, "--short"])).toBe("web");
  });

  test("leaves nothing of a namespace that is deleted", async () => {
    await cluster.kubectl.run(["delete", "namespace", namespace, "--timeout=55s"]);
    const all = [
      "get",
      "pods,services,configmaps",
      "--all-namespaces",
      `--field-selector=metadata.namespace=${namespace}`,
    ];
    expect(await cluster.kubectl.run([...all, "--output=name"])).toBe("");
  });

  async function podName(): Promise<string> {
    const { items } = await cluster.kubectl.get<{ items: KubernetesObject[] }>("pods", "--namespace", namespace);
    return items.map((pod) => pod.metadata.name).join(" ");
  }

  function readInPod(path: string): Promise<string> {
    return fetchInPod(`http://127.0.0.1:8080${path}`);
  }

  function fetchInPod(url: string): Promise<string> {
    const program = `fetch(${JSON.stringify(url)}).then((r) => r.text()).then((text) => process.stdout.write(text))`;
    return kubectl("exec", "deployment/web", "--", "/usr/local/bin/node", "--eval", program);
  }
});

describe.runIf(ownCluster)("a cluster of a test's own", () => {
  test("lies in the network it is told, looks after its pods as often as it is told, and leaves nothing once it is stopped", async () => {
    const network = "sallyport-e2e-cluster-test";
    await using _ = await createNetwork(network);
    const before = await volumes();
    const cluster = await startCluster({ name: "other", network, syncFrequency: "7s" });
    const config = JSON.parse(await cluster.kubectl.run(["get", "--raw=/api/v1/nodes/other/proxy/configz"]));
    expect(config.kubeletconfig.syncFrequency).toBe("7s");
    expect(
      await docker(["network", "inspect", network, "--format", "{{range .Containers}}{{.Name}} {{end}}"]),
    ).not.toBe("");
    expect(readFileSync(cluster.kubeconfig, "utf8")).toContain("https://127.0.0.1:");
    await cluster.stop();
    expect(
      await docker(["container", "ls", "--all", "--quiet", "--no-trunc", "--filter", `id=${cluster.container}`]),
    ).toBe("");
    expect(await volumes()).toBe(before);
    await expect(cluster.kubectl.run(["get", "nodes"])).rejects.toThrow();
  }, 300_000);
});

function release(image: string, ...more: string[]): string[] {
  return [`--namespace=${namespace}`, `--set=image=${image}`, "--wait", "--timeout=120s", ...more];
}

function volumes(): Promise<string> {
  return docker(["volume", "ls", "--quiet"]);
}

async function fetchHere(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  return response.text();
}

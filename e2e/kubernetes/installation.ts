import { fileURLToPath } from "node:url";
import { type Cluster, type OwnCluster, startCluster } from "../cluster/cluster.ts";
import { docker } from "../cluster/docker.ts";
import type { KubernetesObject } from "../cluster/kubectl.ts";
import { until } from "../cluster/until.ts";
import { addCall, documents } from "./documents.ts";
import { type Images, loadImages } from "./images.ts";
import { calculator, client, clientNamespace } from "./workloads.ts";

const chart = fileURLToPath(new URL("../../charts/sallyport", import.meta.url));
const release = "sallyport";
/** Longer than any call of these tests may take. */
const callLimitMs = 15_000;

/** The namespaces of docs/kubernetes.md. */
export const namespaces = { system: "sallyport-system", tunnels: "tunnels", dmz: "dmz", apps: "apps" } as const;

/** Whatever runs routers has to run them under the strictest of Kubernetes' own policies. */
const restricted = { "pod-security.kubernetes.io/enforce": "restricted" };

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly observedGeneration?: number;
  readonly message: string;
}

/** What came back for a call. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Sallyport in a real cluster, installed as docs/kubernetes.md tells, with the calculator as the service to call. */
export class Installation implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly images: Images;

  constructor(cluster: Cluster, images: Images) {
    this.cluster = cluster;
    this.images = images;
  }

  /**
   * A cluster of the test's own, with the images, the namespaces, a service `calculator` in `apps` and a client's pod, but
   * without Sallyport: install() is what brings it.
   */
  static async prepare(): Promise<Installation & { readonly cluster: OwnCluster }> {
    const cluster = await startCluster();
    const installation = new Installation(cluster, await loadImages(cluster));
    await installation.createNamespaces();
    await cluster.kubectl.apply([...calculator(installation.images), ...client(installation.images)]);
    await cluster.kubectl.wait("Available", "deployment/calculator", namespaces.apps);
    await cluster.kubectl.wait("Available", "deployment/client", clientNamespace);
    return installation as Installation & { readonly cluster: OwnCluster };
  }

  /** Ends the cluster, if it is the test's own. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.cluster as Partial<OwnCluster>).stop?.();
  }

  async createNamespaces(): Promise<void> {
    const routers = { ...restricted, "sallyport.dev/tunnels-from": namespaces.tunnels };
    await this.cluster.kubectl.apply([
      namespace(namespaces.system, restricted),
      namespace(namespaces.tunnels),
      namespace(namespaces.dmz, routers),
      namespace(namespaces.apps, routers),
      namespace(clientNamespace),
    ]);
  }

  /** `helm install`, with further arguments such as `--set=replicas=2`, and waits until the operator is ready. */
  async install(...args: string[]): Promise<void> {
    const into = ["--create-namespace", "--wait", "--timeout=120s"];
    await this.helm("install", release, chart, ...into, ...this.imageValues(), ...args);
  }

  async upgrade(...args: string[]): Promise<void> {
    await this.helm("upgrade", release, chart, "--reuse-values", "--wait", "--timeout=120s", ...args);
  }

  async uninstall(...args: string[]): Promise<void> {
    await this.helm("uninstall", release, "--wait", "--timeout=120s", ...args);
  }

  /** Applies the two documents of docs/kubernetes.md, and waits until the tunnel is ready. */
  async applyDocuments(): Promise<void> {
    await this.cluster.kubectl.run(["apply", "--filename=-"], { input: documents() });
    await this.cluster.kubectl.wait("Ready", "reversetunnel/partners", namespaces.tunnels, 120);
  }

  /** The SOAP call of docs/kubernetes.md, through the tunnel's Service in the DMZ. Throws when it is not answered. */
  async add(): Promise<Answer> {
    return this.call(`http://${await this.clientService()}.${namespaces.dmz}:8080/calculator`, addCall);
  }

  /** `helm ARGS…` in the release's namespace. */
  helm(...args: string[]): Promise<string> {
    return this.cluster.helm.run([...args, `--namespace=${namespaces.system}`]);
  }

  /** `kubectl ARGS…`. */
  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectl.run(args);
  }

  /** Values that name the images which have been loaded. */
  imageValues(): string[] {
    const { operator, r1, r2 } = this.images;
    return [
      ...imageValue("image", operator),
      ...imageValue("routers.dmz.image", r1),
      ...imageValue("routers.intranet.image", r2),
    ];
  }

  /** The name of the Service in the DMZ that a tunnel's clients call. */
  async clientService(tunnel = "partners"): Promise<string> {
    const { items } = await this.list("services", namespaces.dmz, "sallyport.dev/side=dmz,!sallyport.dev/pair");
    const named = `${namespaces.tunnels}/${tunnel}`;
    const [service] = items.filter(({ metadata }) => annotationOf(metadata, "sallyport.dev/tunnel") === named);
    if (service === undefined) throw new Error(`there is no Service of the tunnel ${named} in ${namespaces.dmz}`);
    return service.metadata.name;
  }

  list(kind: string, namespace: string, selector = ""): Promise<{ items: KubernetesObject[] }> {
    return this.cluster.kubectl.get(kind, `--namespace=${namespace}`, `--selector=${selector}`);
  }

  /** A call from the client's pod, to a URL as pods know it. Throws when no answer comes. */
  async call(url: string, { method = "GET", headers = {}, body }: CallOptions = {}): Promise<Answer> {
    const options = JSON.stringify({ method, headers, body });
    const program = `
      const response = await fetch(${JSON.stringify(url)}, { ...${options}, signal: AbortSignal.timeout(${callLimitMs}) });
      const { status, headers } = response;
      console.log(JSON.stringify({ status, headers: Object.fromEntries(headers), body: await response.text() }));`;
    return JSON.parse(await this.inClient(program)) as Answer;
  }

  /** Runs a program for Node, an ES module, in the client's pod: what it prints. It is killed after `limitMs`. */
  inClient(program: string, limitMs = 60_000): Promise<string> {
    const node = ["/usr/local/bin/node", "--input-type=module", "--eval", program];
    const exec = ["exec", `--namespace=${clientNamespace}`, "deployment/client", "--", ...node];
    return this.cluster.kubectl.run(exec, { limitMs });
  }

  /** Sends a signal to the process of a pod whose command line has `program`, by its node. */
  async signal(podUid: string, program: string, signal: "STOP" | "CONT"): Promise<void> {
    const { container } = this.cluster as Partial<OwnCluster>;
    if (container === undefined) throw new Error("only in a cluster of the test's own processes can be signalled");
    const script = `for folder in /proc/[0-9]*; do
      if grep -q "$1" "$folder/cgroup" && grep -aq "$2" "$folder/cmdline"; then kill -"$3" "\${folder#/proc/}" && found=1; fi
    done 2>/dev/null
    test -n "$found"`;
    const uid = podUid.replaceAll("-", "[-_]");
    await docker(["exec", container, "sh", "-c", script, "sh", uid, program, signal]);
  }

  /** The conditions in an object's status, by type. */
  async conditions(kind: string, name: string, of: string): Promise<Readonly<Record<string, Condition>>> {
    const object = await this.cluster.kubectl.get(kind, name, `--namespace=${of}`);
    const { conditions = [] } = (object.status ?? {}) as { conditions?: Condition[] };
    return Object.fromEntries(conditions.map((condition) => [condition.type, condition]));
  }

  /** Waits until a condition of an object is as wanted, and answers it. Throws with all conditions when it does not come. */
  untilCondition(
    [kind, name, of]: readonly [string, string, string],
    type: string,
    wanted: Partial<Condition>,
    limitMs = 60_000,
  ): Promise<Condition> {
    const work = async () => {
      const all = await this.conditions(kind, name, of);
      const condition = all[type];
      const fits = Object.entries(wanted).every(([field, value]) => condition?.[field as keyof Condition] === value);
      if (condition === undefined || !fits) throw new Error(JSON.stringify(all));
      return condition;
    };
    return until(`${type} of ${kind}/${name} is ${JSON.stringify(wanted)}`, work, { limitMs });
  }

  /** Events about an object, oldest first, as "Type Reason message". */
  async events(namespace: string, name: string): Promise<string[]> {
    const about = ["--sort-by=.metadata.creationTimestamp", `--field-selector=involvedObject.name=${name}`];
    const { items } = await this.cluster.kubectl.get<{ items: Event[] }>(
      "events",
      `--namespace=${namespace}`,
      ...about,
    );
    return items.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  }
}

interface Event {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

function namespace(name: string, labels: Readonly<Record<string, string>> = {}): KubernetesObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** "host:5000/name:tag" as the chart's values of an image. */
function imageValue(value: string, image: string): string[] {
  const [, repository, tag] = /^(.+):([^:/]+)$/.exec(image) ?? [];
  return [`--set-string=${value}.repository=${repository}`, `--set-string=${value}.tag=${tag}`];
}

function annotationOf(metadata: KubernetesObject["metadata"], name: string): string | undefined {
  return (metadata.annotations as Readonly<Record<string, string>> | undefined)?.[name];
}

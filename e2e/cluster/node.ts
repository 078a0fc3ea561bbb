import { basename } from "node:path";
import type { Readable } from "node:stream";
import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import type { ClusterOptions } from "./cluster.ts";
import { docker, ownerLabel } from "./docker.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { nodeImage } from "./node-image.ts";
import { owner } from "./owner.ts";
import { accountKeys, createAuthority, type KeyPair } from "./pki.ts";

export interface StartedNode {
  /** The container's id. */
  readonly container: string;
  /** Where this machine reaches its ports. */
  readonly address: string;
  /** The text of an administrator's kubeconfig, by way of a port on 127.0.0.1. */
  readonly kubeconfig: string;
}

interface Content {
  readonly content: string;
  readonly target: string;
}

const apiPort = 6443;
/** Seen: 11 s, and a minute on a machine that is busy. */
const startLimitMs = 180_000;
const linesKept = 60;

/** Publishes its ports on loopback only, as testcontainers by itself does not. */
class NodeContainer extends GenericContainer {
  protected override async beforeContainerCreated(): Promise<void> {
    const bindings = { [`${apiPort}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: "0" }] };
    this.hostConfig.PortBindings = { ...this.hostConfig.PortBindings, ...bindings };
  }
}

/** Starts the container of a cluster's node, and waits until the cluster is ready. Throws with the node's last words. */
export async function startNode(options: ClusterOptions): Promise<StartedNode> {
  const image = await nodeImage();
  const { authority, admin, files } = await credentials(options.name ?? "node");
  const said: string[] = [];
  const container = await nodeContainer(image, options, files, said)
    .start()
    .catch((error: Error) => {
      throw new Error(`the cluster's node does not start: ${error.message}\n${said.join("")}`);
    });
  const server = `https://127.0.0.1:${await publishedPort(container.getId())}`;
  return {
    container: container.getId(),
    address: await addressOf(container),
    kubeconfig: kubeconfig(server, authority, admin),
  };
}

function nodeContainer(image: string, options: ClusterOptions, files: Content[], said: string[]): GenericContainer {
  const name = options.name ?? "node";
  const kubelet = options.syncFrequency === undefined ? "" : `--sync-frequency=${options.syncFrequency}`;
  const definitions = (options.definitions ?? []).map((source) => ({
    source,
    target: `/opt/definitions/${basename(source)}`,
  }));
  // Its reaper is an image that would have to be pulled; docker.ts removes what is left behind, by owner.
  process.env.TESTCONTAINERS_RYUK_DISABLED = "true";
  const container = new NodeContainer(image)
    .withPrivilegedMode()
    .withHostname(name)
    .withLabels({ [ownerLabel]: owner() })
    .withTmpFs({ "/run": "" })
    .withExposedPorts(apiPort)
    .withEnvironment({ NODE_NAME: name, KUBELET_ARGS: kubelet })
    .withCopyContentToContainer(files)
    .withCopyFilesToContainer(definitions)
    .withLogConsumer((stream) => keepLastLines(stream, said))
    .withWaitStrategy(Wait.forLogMessage(/CLUSTER READY/))
    .withStartupTimeout(startLimitMs);
  return options.network === undefined ? container : container.withNetworkMode(options.network);
}

function keepLastLines(stream: Readable, said: string[]): void {
  stream.on("data", (line: Buffer | string) => {
    said.push(line.toString());
    if (said.length > linesKept) said.shift();
  });
}

async function publishedPort(container: string): Promise<string> {
  const published = await docker(["port", container, `${apiPort}/tcp`]);
  const [, port] = /^127\.0\.0\.1:(\d+)$/m.exec(published) ?? [];
  if (port === undefined) throw new Error(`port ${apiPort} of the node is not published on 127.0.0.1: ${published}`);
  return port;
}

async function addressOf(container: StartedTestContainer): Promise<string> {
  const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
  const addresses = (await docker(["inspect", "--format", format, container.getId()])).split(" ");
  const [address] = addresses.filter((one) => one !== "");
  if (address === undefined) throw new Error("the node has no address; is its Docker network gone?");
  return address;
}

/** All that a node's programs need to know each other by. */
async function credentials(node: string): Promise<{ authority: string; admin: KeyPair; files: Content[] }> {
  const authority = await createAuthority();
  const names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
  const api = await authority.forServer([...names, "localhost", node], ["127.0.0.1", "10.96.0.1"]);
  const accounts = accountKeys();
  const admin = await authority.forUser("admin", "system:masters");
  const users: Record<string, KeyPair> = {
    admin,
    "controller-manager": await authority.forUser("system:kube-controller-manager"),
    coredns: await authority.forUser("coredns", "system:masters"),
    "kube-proxy": await authority.forUser("system:kube-proxy"),
    kubelet: await authority.forUser(`system:node:${node}`, "system:nodes"),
    scheduler: await authority.forUser("system:kube-scheduler"),
  };
  const files = [
    pki("ca.crt", authority.certificate),
    ...pair("apiserver", api),
    ...pair("apiserver-kubelet", await authority.forUser("apiserver-kubelet", "system:masters")),
    ...pair("kubelet", await authority.forServer([node], ["127.0.0.1"])),
    pki("accounts.pub", accounts.publicKey),
    pki("accounts.key", accounts.privateKey),
    ...Object.entries(users).map(([name, user]) => ({
      content: kubeconfig(`https://127.0.0.1:${apiPort}`, authority.certificate, user),
      target: `/etc/kubernetes/${name}.conf`,
    })),
  ];
  return { authority: authority.certificate, admin, files };
}

function pair(name: string, { certificate, key }: KeyPair): Content[] {
  return [pki(`${name}.crt`, certificate), pki(`${name}.key`, key)];
}

function pki(name: string, content: string): Content {
  return { content, target: `/etc/kubernetes/pki/${name}` };
}

import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binariesFolder } from "./binaries.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { Kubectl } from "./kubectl.ts";
import { temporaryFolder } from "./owner.ts";
import { accountKeys } from "./pki.ts";
import { freePorts, Server } from "./server.ts";
import { until } from "./until.ts";

export interface ControlPlaneOptions {
  /**
   * Files of CustomResourceDefinitions. They are there before the controller manager starts; its garbage
   * collector looks for kinds that are new to it only every half minute.
   */
  readonly definitions?: readonly string[];
}

/** A Kubernetes API without nodes: etcd, kube-apiserver and kube-controller-manager. */
export interface ControlPlane extends AsyncDisposable {
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  /** The API's address. */
  readonly server: string;
  /** The folder of the servers' logs: etcd.log, kube-apiserver.log, kube-controller-manager.log. */
  readonly logs: string;
  /** Ends the servers and removes their files. */
  stop(): Promise<void>;
}

/** Seen: 7 s, and 30 s on a machine that is busy. */
const startLimitMs = 120_000;

/**
 * Starts a control plane on loopback, as processes and with no container engine. Deployments get their pods, which stay
 * Pending. Everything is gone after `stop()`, and when this process ends. Throws with the end of the log of what failed.
 */
export async function controlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const folder = temporaryFolder();
  const servers: Server[] = [];
  const stop = async () => {
    for (const server of servers.toReversed()) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { kubectl, server } = await start(folder, servers, options.definitions ?? []);
    return { kubeconfig: kubectl.kubeconfig, kubectl, server, logs: folder, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(folder: string, servers: Server[], definitions: readonly string[]) {
  const programs = await binariesFolder();
  const [etcdPort, peerPort, apiPort, controllerPort] = (await freePorts(4)) as [number, number, number, number];
  const token = writeCredentials(folder);
  const run = (name: string, args: readonly string[]) => {
    const server = new Server(name, join(programs, name), args, join(folder, `${name}.log`));
    servers.push(server);
    return server.failed;
  };
  const failed = [run("etcd", etcdArguments(folder, etcdPort, peerPort))];
  failed.push(run("kube-apiserver", apiServerArguments(folder, etcdPort, apiPort)));
  const certificate = join(folder, "pki/apiserver.crt");
  const authority = () => readFileSync(certificate, "utf8");
  await comeUp("kube-apiserver has made its certificate", failed, authority);
  const [config, server] = [join(folder, "kubeconfig"), `https://127.0.0.1:${apiPort}`];
  writeFileSync(config, kubeconfig(server, authority(), { token }));
  const kubectl = await Kubectl.of(config);
  await comeUp("kube-apiserver is ready", failed, () => kubectl.run(["get", "--raw=/readyz"]));
  await define(kubectl, definitions);
  failed.push(run("kube-controller-manager", controllerArguments(folder, config, controllerPort)));
  // Pods are refused in a namespace that has none.
  await comeUp("there is a service account", failed, () => kubectl.run(["get", "serviceaccount", "default"]));
  return { kubectl, server };
}

/** A key that signs service accounts' tokens, and the administrator's token, which is returned. */
function writeCredentials(folder: string): string {
  const { publicKey, privateKey } = accountKeys();
  const token = randomUUID();
  mkdirSync(join(folder, "pki"));
  writeFileSync(join(folder, "accounts.pub"), publicKey);
  writeFileSync(join(folder, "accounts.key"), privateKey);
  writeFileSync(join(folder, "tokens.csv"), `${token},admin,admin,system:masters\n`);
  return token;
}

function etcdArguments(folder: string, port: number, peerPort: number): string[] {
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  return [
    ...["--name=e2e", `--data-dir=${join(folder, "etcd")}`, `--initial-cluster=e2e=${peer}`],
    ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
    // Its data need not outlive the machine's power.
    "--unsafe-no-fsync",
  ];
}

function apiServerArguments(folder: string, etcdPort: number, port: number): string[] {
  return [
    ...[`--etcd-servers=http://127.0.0.1:${etcdPort}`, `--secure-port=${port}`],
    ...["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"],
    ...[`--cert-dir=${join(folder, "pki")}`, `--token-auth-file=${join(folder, "tokens.csv")}`],
    ...["--authorization-mode=RBAC", "--allow-privileged=true", "--service-cluster-ip-range=10.96.0.0/16"],
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${join(folder, "accounts.pub")}`,
    `--service-account-signing-key-file=${join(folder, "accounts.key")}`,
  ];
}

function controllerArguments(folder: string, config: string, port: number): string[] {
  return [
    ...[`--kubeconfig=${config}`, "--leader-elect=false", "--bind-address=127.0.0.1", `--secure-port=${port}`],
    `--service-account-private-key-file=${join(folder, "accounts.key")}`,
    ...[`--root-ca-file=${join(folder, "pki/apiserver.crt")}`, "--use-service-account-credentials=true"],
    // Its clients' limits are meant for a cluster in production.
    ...["--kube-api-qps=200", "--kube-api-burst=400"],
  ];
}

async function define(kubectl: Kubectl, definitions: readonly string[]): Promise<void> {
  if (definitions.length === 0) return;
  await kubectl.run(["apply", "--server-side", ...definitions.map((path) => `--filename=${path}`)]);
  await kubectl.run(["wait", "--for=condition=Established", "customresourcedefinitions", "--all", "--timeout=30s"]);
}

/** Throws when one of the servers ends, or when it takes too long. */
async function comeUp<T>(what: string, failed: readonly Promise<never>[], work: () => T | Promise<T>): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([until(what, work, { limitMs: startLimitMs, signal: over.signal }), ...failed]);
  } finally {
    over.abort();
  }
}

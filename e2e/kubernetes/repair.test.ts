import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { OwnCluster } from "../cluster/cluster.ts";
import { docker } from "../cluster/docker.ts";
import type { KubernetesObject } from "../cluster/kubectl.ts";
import { until } from "../cluster/until.ts";
import { Installation, namespaces } from "./installation.ts";

const tunnel = ["reversetunnel", "partners", namespaces.tunnels] as const;
const ready = { status: "True" } as const;
/** What "within seconds" is at most, on a machine with other work. */
const repairMs = 30_000;

type Router = "r1" | "r2";
const namespaceOf: Readonly<Record<Router, string>> = { r1: namespaces.dmz, r2: namespaces.apps };

interface Pod extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & { readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly containerID: string }[];
  };
}

let installation: Installation & { readonly cluster: OwnCluster };
let prefix: string;

beforeAll(async () => {
  installation = await Installation.prepare();
  await installation.install();
  await installation.applyDocuments();
  prefix = await installation.clientService();
}, 600_000);
afterAll(() => installation?.[Symbol.asyncDispose]());
afterEach(() => installation.untilCondition(tunnel, "Ready", ready));

test("readiness follows the management connection: cut it and R1 leaves its Service's endpoints, Ready turns False with a reason; mend it and all returns by itself, no restart", async () => {
  const before = await lives();
  await connection("cut");
  const { message } = await installation.untilCondition(tunnel, "Ready", { status: "False" }, repairMs);
  expect(message).toMatch(/connected to no R1|is not ready/);
  await until("R1s have left the endpoints", async () => expect(await endpoints()).toEqual([false, false]));
  await installation.untilCondition(tunnel, "Available", { status: "False", reason: "NoPairReady" }, repairMs);
  await connection("mend");
  await installation.untilCondition(tunnel, "Ready", ready, repairMs);
  await until("R1s are back in the endpoints", async () => expect(await endpoints()).toEqual([true, true]));
  expect(await installation.add()).toMatchObject({ status: 200 });
  expect(await lives()).toEqual(before);
  expect(await told()).toEqual(expect.arrayContaining([expect.stringMatching(/^Warning NoPairReady /)]));
}, 180_000);

describe("repaired within seconds, seen as Events:", () => {
  test.each(["r1", "r2"] as const)(
    "a deleted pod of %s",
    async (router) => {
      const { metadata } = await pod(router);
      await installation.kubectl("delete", "pod", metadata.name, `--namespace=${namespaceOf[router]}`, "--wait=false");
      await until("another pod is there", async () => expect((await pod(router)).metadata.uid).not.toBe(metadata.uid));
      await installation.untilCondition(tunnel, "Ready", ready);
      expect(await installation.add()).toMatchObject({ status: 200 });
      const why = new RegExp(`^Warning PairsNotReady .*pair 0: ${router.toUpperCase()} `);
      expect(await told()).toEqual(expect.arrayContaining([expect.stringMatching(why)]));
    },
    120_000,
  );

  test.each(["r1", "r2"] as const)(
    "a killed %s",
    async (router) => {
      const before = await pod(router);
      const lossesBefore = await losses();
      await kill(before);
      await until("it was started again", async () => expect(restarts(await pod(router))).toBe(restarts(before) + 1));
      await installation.untilCondition(tunnel, "Ready", ready);
      expect(await installation.add()).toMatchObject({ status: 200 });
      expect((await pod(router)).metadata.uid).toBe(before.metadata.uid);
      await until("it is told", async () => expect(await losses()).toBeGreaterThan(lossesBefore));
    },
    120_000,
  );

  test("a Deployment changed by hand", async () => {
    const deployment = ["deployment", `${prefix}-r1-0`, `--namespace=${namespaces.dmz}`];
    await installation.kubectl("scale", ...deployment, "--replicas=3");
    const replicas = () => installation.kubectl("get", ...deployment, "--output=jsonpath={.spec.replicas}");
    await until("there is one again", async () => expect(await replicas()).toBe("1"), { limitMs: repairMs });
    await untilTold(`Normal Repaired Deployment ${namespaces.dmz}/${prefix}-r1-0 was changed, and has been put right`);
  }, 120_000);

  test.each([
    ["Deployment", namespaces.apps, "r2-0"],
    ["Secret", namespaces.dmz, "r1-tls"],
    ["Secret", namespaces.apps, "ca"],
    ["ConfigMap", namespaces.apps, "routes"],
    ["Service", namespaces.dmz, "r1-1"],
  ])(
    "a %s deleted in %s: %s",
    async (kind, namespace, name) => {
      const object = [kind.toLowerCase(), `${prefix}-${name}`, `--namespace=${namespace}`];
      await installation.kubectl("delete", ...object);
      await until("it is there again", () => installation.kubectl("get", ...object), { limitMs: repairMs });
      await untilTold(`Normal Repaired ${kind} ${namespace}/${prefix}-${name} was gone, and has been made again`);
      await installation.untilCondition(tunnel, "Ready", ready);
      expect(await installation.add()).toMatchObject({ status: 200 });
    },
    120_000,
  );

  test("the operator killed in mid-reconcile", async () => {
    const second = ["reversetunnel", "second", namespaces.tunnels] as const;
    // Between the first and the last object of the second tunnel the operator cannot get on.
    await installation.cluster.kubectl.apply(quota());
    await installation.cluster.kubectl.apply(secondTunnel());
    await installation.untilCondition(second, "Programmed", { status: "False", reason: "ApplyFailed" });
    const before = await operatorPod();
    await kill(before);
    await installation.kubectl("delete", "resourcequota", "few", `--namespace=${namespaces.dmz}`);
    await installation.untilCondition(second, "Ready", ready);
    expect(restarts(await operatorPod())).toBe(restarts(before) + 1);
    expect(await told("second")).toEqual(
      expect.arrayContaining([expect.stringMatching(/^Warning ApplyFailed /), expect.stringMatching(/^Normal Ready /)]),
    );
    await installation.kubectl("delete", ...second.slice(0, 2), `--namespace=${second[2]}`, "--timeout=60s");
  }, 180_000);
});

/** Drops what goes between R2s and R1s' port, or lets it through again. */
async function connection(how: "cut" | "mend"): Promise<void> {
  for (const port of ["--dport", "--sport"]) {
    const rule = ["FORWARD", "--protocol", "tcp", port, "7443", "--jump", "DROP"];
    await inNode("iptables", how === "cut" ? "--insert" : "--delete", ...rule);
  }
}

function inNode(...command: string[]): Promise<string> {
  return docker(["exec", installation.cluster.container, ...command]);
}

/** SIGKILL for the program of a pod's container, from outside. */
async function kill({ status }: Pod): Promise<void> {
  const id = status.containerStatuses?.[0]?.containerID.replace("containerd://", "") ?? "";
  await inNode("ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", id);
}

/** The pod of a router of pair 0. */
async function pod(router: Router): Promise<Pod> {
  const pods = await podsOf(namespaceOf[router], `app.kubernetes.io/instance=${prefix},sallyport.dev/pair=0`);
  const [one, ...more] = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (one === undefined || more.length > 0) throw new Error(`there are ${pods.length} pods of ${router}, pair 0`);
  return one;
}

async function operatorPod(): Promise<Pod> {
  const [one] = await podsOf(namespaces.system, "app.kubernetes.io/component=operator");
  if (one === undefined) throw new Error("the operator has no pod");
  return one;
}

async function podsOf(namespace: string, selector: string): Promise<readonly Pod[]> {
  return (await installation.list("pods", namespace, selector)).items as unknown as readonly Pod[];
}

function restarts({ status }: Pod): number {
  return status.containerStatuses?.[0]?.restartCount ?? 0;
}

/** Every router's pod with its restarts. */
async function lives(): Promise<string[]> {
  const all = [];
  for (const namespace of Object.values(namespaceOf)) all.push(...(await podsOf(namespace, "sallyport.dev/pair")));
  return all.map((one) => `${one.metadata.uid} ${restarts(one)}`).toSorted();
}

/** Whether each R1 behind the clients' Service is ready. */
async function endpoints(): Promise<boolean[]> {
  const { items } = await installation.list("endpointslices", namespaces.dmz, `kubernetes.io/service-name=${prefix}`);
  const slices = items as unknown as { endpoints?: { conditions: { ready: boolean } }[] }[];
  return slices.flatMap((slice) => (slice.endpoints ?? []).map(({ conditions }) => conditions.ready));
}

function told(name = "partners"): Promise<string[]> {
  return installation.events(namespaces.tunnels, name);
}

/** How often the tunnel was told to lack a pair, or all. */
async function losses(): Promise<number> {
  const events = await installation.list("events.v1.events.k8s.io", namespaces.tunnels);
  const lost = (events.items as unknown as { reason: string; series?: { count: number } }[]).filter(({ reason }) =>
    /^(PairsNotReady|NoPairReady)$/.test(reason),
  );
  return lost.reduce((sum, { series }) => sum + (series?.count ?? 1), 0);
}

/** Events are told after the deed. */
function untilTold(event: string): Promise<void> {
  return until(`the event "${event}"`, async () => expect(await told()).toContain(event), { limitMs: repairMs });
}

/** As many Deployments as there are. */
function quota(): KubernetesObject {
  const spec = { hard: { "count/deployments.apps": "2" } };
  return { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "few", namespace: namespaces.dmz }, spec };
}

function secondTunnel(): KubernetesObject {
  const listeners = [{ name: "http", protocol: "HTTP", port: 8080 }];
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "ReverseTunnel",
    metadata: { name: "second", namespace: namespaces.tunnels },
    spec: { pairs: 1, dmz: { namespace: namespaces.dmz, listeners }, intranet: { namespace: namespaces.apps } },
  };
}

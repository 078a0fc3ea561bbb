import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KubernetesObject } from "../cluster/kubectl.ts";
import { until } from "../cluster/until.ts";
import { documentsOf } from "./documents.ts";
import { retagged } from "./images.ts";
import { Installation, namespaces } from "./installation.ts";
import { Load } from "./load.ts";

const tunnel = ["reversetunnel", "partners", namespaces.tunnels] as const;
const routers = "sallyport.dev/pair";
/** Enough for a kubelet that is told at once; a cluster of one's own may need the ten minutes that are the default. */
const settled = '--set-json=extraArgs=["--ca-settle-time=10s"]';

describe("helm upgrade and a CA roll-over with load running: zero failed calls", () => {
  let installation: Installation;
  let url: string;

  beforeAll(async () => {
    installation = await Installation.prepare();
    await installation.install(settled);
    await installation.cluster.kubectl.run(["apply", "--filename=-"], { input: documentsOf("kubernetes.md") });
    await installation.cluster.kubectl.wait("Ready", "reversetunnel/partners", namespaces.tunnels, 120);
    url = `http://${await installation.clientService()}.${namespaces.dmz}:8080/calculator`;
  }, 600_000);
  afterAll(() => installation?.[Symbol.asyncDispose]());

  test("helm upgrade to other images rolls every router, pair by pair", async () => {
    const before = await podsOf(installation);
    const images = await retagged(installation.cluster, installation.images);
    const load = await Load.start(installation, { url, clients: 4, pauseMs: 20 });
    await installation.upgrade(...new Installation(installation.cluster, images).imageValues());
    await untilRolled(installation, before, 4);
    const { failed, failures, calls, connections, slowestMs } = await load.end();
    console.log(`helm upgrade: ${calls} calls, ${connections} connections, ${failed} failed, slowest ${slowestMs} ms`);
    expect(failures).toEqual([]);
    expect(failed).toBe(0);
    expect(calls).toBeGreaterThan(500);
    expect(await imagesOf(installation)).toEqual([images.r1, images.r1, images.r2, images.r2]);
  }, 300_000);

  test("a new CA is trusted, signs, and the old one is dropped; every leaf is of it, no pod restarts", async () => {
    const before = { pods: await podsOf(installation), ca: await certificateOf(installation, namespaces.apps, "-ca") };
    const load = await Load.start(installation, { url, clients: 4, pauseMs: 20 });
    await installation.kubectl("annotate", ...qualified(tunnel), "sallyport.dev/renew-ca=test");
    const ca = await untilReplaced(installation, before.ca);
    await installation.untilCondition(tunnel, "Ready", { status: "True" });
    const { failed, failures, calls, slowestMs } = await load.end();
    console.log(`CA roll-over: ${calls} calls, ${failed} failed, slowest ${slowestMs} ms`);
    expect(failures).toEqual([]);
    expect(failed).toBe(0);
    expect(calls).toBeGreaterThan(500);
    for (const [namespace, suffix] of [
      [namespaces.dmz, "-r1-tls"],
      [namespaces.apps, "-r2-tls"],
      [namespaces.apps, "-operator-tls"],
    ] as const) {
      const leaf = await certificateOf(installation, namespace, suffix);
      expect(leaf.verify(ca.publicKey), `${suffix} is of the new CA`).toBe(true);
      expect(leaf.verify(before.ca.publicKey), `${suffix} is of the old CA`).toBe(false);
    }
    expect(await podsOf(installation)).toEqual(before.pods);
  }, 300_000);

  test("kubectl scale to three pairs and back: no failed call, objects appear and disappear", async () => {
    const load = await Load.start(installation, { url, clients: 2, pauseMs: 50 });
    await installation.kubectl("scale", ...qualified(tunnel), "--replicas=3");
    await until("three pairs carry calls", async () => expect(await pairsReady(installation)).toBe(3), {
      limitMs: 90_000,
    });
    expect(await pairsOf(installation)).toEqual(["0", "0", "1", "1", "2", "2"]);
    await installation.kubectl("scale", ...qualified(tunnel), "--replicas=2");
    await until(
      "the third pair is gone",
      async () => {
        expect(await pairsOf(installation)).toEqual(["0", "0", "1", "1"]);
        expect(Object.keys(await podsOf(installation))).toHaveLength(4);
      },
      { limitMs: 90_000 },
    );
    await until("both others carry calls", async () => expect(await pairsReady(installation)).toBe(2));
    const { failed, failures, calls, slowestMs } = await load.end();
    console.log(`scale: ${calls} calls, ${failed} failed, slowest ${slowestMs} ms`);
    expect(failures).toEqual([]);
    expect(failed).toBe(0);
    expect(calls).toBeGreaterThan(100);
  }, 300_000);
});

function qualified([kind, name, namespace]: readonly [string, string, string]): string[] {
  return [`${kind}/${name}`, `--namespace=${namespace}`];
}

/** Uids and restarts of the routers' pods, by name; those that end as well. */
async function podsOf(installation: Installation): Promise<Readonly<Record<string, string>>> {
  const pods: [string, string][] = [];
  for (const namespace of [namespaces.dmz, namespaces.apps]) {
    const { items } = await installation.list("pods", namespace, routers);
    for (const { metadata, status } of items) {
      const { containerStatuses = [] } = status as { containerStatuses?: { restartCount: number }[] };
      pods.push([metadata.name, `${metadata.uid} ${containerStatuses[0]?.restartCount}`]);
    }
  }
  return Object.fromEntries(pods);
}

async function untilRolled(installation: Installation, before: object, count: number): Promise<void> {
  const check = async () => {
    const now = Object.keys(await podsOf(installation));
    expect(now).toHaveLength(count);
    expect(now.filter((name) => name in before)).toEqual([]);
    const { Programmed, Ready } = await installation.conditions(...tunnel);
    expect([Programmed?.status, Ready?.status]).toEqual(["True", "True"]);
  };
  await until("every router is another one, and ready", check, { limitMs: 180_000 });
}

async function imagesOf(installation: Installation): Promise<string[]> {
  const images: string[] = [];
  for (const namespace of [namespaces.dmz, namespaces.apps]) {
    const { items } = await installation.list("pods", namespace, routers);
    for (const { spec } of items)
      images.push(...(spec as { containers: { image: string }[] }).containers.map(({ image }) => image));
  }
  return images;
}

async function secretOf(
  installation: Installation,
  namespace: string,
  suffix: string,
): Promise<KubernetesObject & { readonly data: Readonly<Record<string, string>> }> {
  const { items } = await installation.list("secrets", namespace, "sallyport.dev/tunnel");
  const found = items.find(({ metadata }) => metadata.name.endsWith(suffix));
  if (found === undefined) throw new Error(`there is no Secret …${suffix} in ${namespace}`);
  return found as KubernetesObject & { readonly data: Readonly<Record<string, string>> };
}

async function certificateOf(installation: Installation, namespace: string, suffix: string): Promise<X509Certificate> {
  const { data } = await secretOf(installation, namespace, suffix);
  return new X509Certificate(Buffer.from(data["tls.crt"] ?? "", "base64"));
}

/** The new CA, once nothing of the old one is left. */
function untilReplaced(installation: Installation, old: X509Certificate): Promise<X509Certificate> {
  const check = async () => {
    const ca = await certificateOf(installation, namespaces.apps, "-ca");
    expect(ca.fingerprint256).not.toBe(old.fingerprint256);
    for (const [namespace, suffix] of [
      [namespaces.dmz, "-r1-tls"],
      [namespaces.apps, "-r2-tls"],
    ] as const) {
      const { data } = await secretOf(installation, namespace, suffix);
      const trusted = Buffer.from(data["ca.crt"] ?? "", "base64").toString();
      expect(trusted.trim()).toBe(ca.toString().trim());
    }
    return ca;
  };
  return until("the old CA is no longer trusted", check, { limitMs: 120_000 });
}

/** The pair of every Deployment. */
async function pairsOf(installation: Installation): Promise<string[]> {
  const pairs: string[] = [];
  for (const namespace of [namespaces.dmz, namespaces.apps]) {
    const { items } = await installation.list("deployments", namespace, routers);
    for (const { metadata } of items) pairs.push((metadata.labels as Record<string, string>)[routers] ?? "");
  }
  return pairs.sort();
}

/** As `kubectl get` shows it in the column READY. */
async function pairsReady(installation: Installation): Promise<number> {
  const [kind, name, namespace] = tunnel;
  const row = await installation.kubectl("get", kind, name, `--namespace=${namespace}`);
  const [head = "", values = ""] = row.split("\n");
  return Number(values.split(/\s+/)[head.split(/\s+/).indexOf("READY")]);
}

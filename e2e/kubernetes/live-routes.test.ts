import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KubernetesObject } from "../cluster/kubectl.ts";
import { until } from "../cluster/until.ts";
import { documentsOf } from "./documents.ts";
import { Installation, namespaces } from "./installation.ts";

const route = ["tunnelroute", "edited", namespaces.apps] as const;
const edits = 5;
/** The issue's, from the end of `kubectl apply` to the call that goes by the edit. */
const liveWithinMs = 5_000;
const header = "x-edition";

describe("status from the data plane", () => {
  let installation: Installation;
  let url: string;

  beforeAll(async () => {
    installation = await Installation.prepare();
    await installation.install();
    // Without the page's route, which would take what the edited one no longer does.
    const [tunnel = ""] = documentsOf("kubernetes.md").split(/^---$/m);
    await installation.cluster.kubectl.apply(tunnel);
    await installation.cluster.kubectl.wait("Ready", "reversetunnel/partners", namespaces.tunnels, 120);
    url = `http://${await installation.clientService()}.${namespaces.dmz}:8080/calculator`;
  }, 600_000);
  afterAll(() => installation?.[Symbol.asyncDispose]());

  test("a route edit live within 5 s of kubectl apply at the kubelet's default sync period", async () => {
    const tookMs: number[] = [];
    for (let edition = 0; edition < edits; edition += 1) {
      await installation.cluster.kubectl.apply(edited(String(edition)));
      const applied = performance.now();
      const generation = await generationOf();
      await installation.untilCondition(route, "Programmed", { status: "True", observedGeneration: generation });
      tookMs.push(Math.round(performance.now() - applied));
      // Over both R2s, since every one of these is a new connection to any R1, which takes links to all of them.
      expect(new Set(await statusesOf(String(edition)))).toEqual(new Set([200]));
      if (edition > 0) expect(new Set(await statusesOf(String(edition - 1)))).toEqual(new Set([404]));
    }
    console.log(`route edits: Programmed, as kubectl sees it, ${tookMs.join(", ")} ms after kubectl apply`);
    expect(Math.max(...tookMs)).toBeLessThan(liveWithinMs);
  }, 120_000);

  test("Programmed only when every R2 reports the route's hash", async () => {
    const { metadata } = await someR2();
    const before = await generationOf();
    await freeze(metadata.name, "STOP");
    try {
      await installation.cluster.kubectl.apply(edited("frozen"));
      const generation = await generationOf();
      expect(generation).toBeGreaterThan(before);
      const condition = await installation.untilCondition(route, "Programmed", {
        status: "False",
        observedGeneration: generation,
      });
      expect(condition.reason).toBe("Pending");
    } finally {
      await freeze(metadata.name, "CONT");
    }
    await installation.untilCondition(route, "Programmed", {
      status: "True",
      observedGeneration: await generationOf(),
    });
    expect(new Set(await statusesOf("frozen"))).toEqual(new Set([200]));
  }, 120_000);

  test("kubectl get counts pairs, those that are ready, links and routes", async () => {
    const count = () =>
      until("all pairs are ready again", async () => {
        const row = await columns("reversetunnel", "partners", namespaces.tunnels);
        expect(row).toMatchObject({ STATUS: "Ready", PAIRS: "2", READY: "2", ROUTES: "1" });
        return row;
      });
    expect(Number((await count()).LINKS)).toBeGreaterThanOrEqual(2);
    await installation.kubectl("delete", "tunnelroute/edited", `--namespace=${namespaces.apps}`);
    await until("no route is left", async () =>
      expect(await columns("reversetunnel", "partners", namespaces.tunnels)).toMatchObject({ ROUTES: "0" }),
    );
  });

  async function columns(kind: string, name: string, namespace: string): Promise<Readonly<Record<string, string>>> {
    const [head = "", row = ""] = (await installation.kubectl("get", kind, name, `--namespace=${namespace}`)).split(
      "\n",
    );
    const values = row.split(/\s+/);
    return Object.fromEntries(head.split(/\s+/).map((column, index) => [column, values[index] ?? ""]));
  }

  async function generationOf(): Promise<number> {
    const [kind, name, namespace] = route;
    const { metadata } = await installation.cluster.kubectl.get(kind, name, `--namespace=${namespace}`).catch(() => ({
      metadata: { generation: 0 } as KubernetesObject["metadata"] | { generation: number },
    }));
    return metadata.generation as number;
  }

  /** What twenty calls that want an edition are answered, each by a connection of its own. */
  async function statusesOf(edition: string): Promise<number[]> {
    const program = `
      const statuses = [];
      for (let n = 0; n < 20; n += 1) {
        const headers = { ${JSON.stringify(header)}: ${JSON.stringify(edition)}, connection: "close" };
        const response = await fetch(${JSON.stringify(url)}, { headers });
        await response.arrayBuffer();
        statuses.push(response.status);
      }
      console.log(JSON.stringify(statuses));`;
    return JSON.parse(await installation.inClient(program)) as number[];
  }

  async function someR2(): Promise<KubernetesObject> {
    const { items } = await installation.list("pods", namespaces.apps, "sallyport.dev/pair=1");
    if (items[0] === undefined) throw new Error("there is no R2 of pair 1");
    return items[0];
  }

  /** Stops R2's process, or lets it go on, by its node: nothing in its container may. */
  async function freeze(pod: string, signal: "STOP" | "CONT"): Promise<void> {
    const { metadata } = await installation.cluster.kubectl.get("pod", pod, `--namespace=${namespaces.apps}`);
    await installation.signal(String(metadata.uid), "/app/r2.mjs", signal);
  }
});

function edited(edition: string): KubernetesObject {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "TunnelRoute",
    metadata: { name: "edited", namespace: namespaces.apps },
    spec: {
      parentRefs: [{ name: "partners", namespace: namespaces.tunnels }],
      matches: [{ headers: [{ name: header, value: edition }] }],
      backendRefs: [{ name: "calculator", port: 80 }],
    },
  };
}

import { parseManifest, readShard, shardHash } from "@sallyport/proto/route-shards";
import { parseDmzConfigFile, parseIntranetConfigFile } from "@sallyport/proto/router-config-file";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { KubeObject } from "../kube-object.ts";
import { env, sampleFacts, sampleRoute, sampleTunnel } from "../testing/sample.ts";
import { judgeRoutes } from "../validate/route-verdict.ts";
import { desired } from "./desired.ts";
import { graceSeconds } from "./pod.ts";
import { type RouteShards, shardRoutes } from "./route-shards.ts";

const tunnel = sampleTunnel();

function served(count: number) {
  const routes = Array.from({ length: count }, (_, i) =>
    sampleRoute({ name: `r${i}`, spec: { matches: [{ path: { value: `/r${i}` } }] } }),
  );
  return judgeRoutes(tunnel, routes, sampleFacts(), env).flatMap(({ served: one }) => one ?? []);
}

function manifestOf(routes: Parameters<typeof shardRoutes>[0]) {
  const sharded = shardRoutes(routes);
  if (sharded.t !== "ok") throw new Error(sharded.message);
  return sharded.routes.manifest;
}

function shards(count: number): RouteShards {
  const sharded = shardRoutes(served(count));
  if (sharded.t !== "ok") throw new Error(sharded.message);
  return sharded.routes;
}

interface Deployment extends KubeObject {
  readonly spec: {
    readonly strategy: object;
    readonly template: { readonly metadata: KubeObject["metadata"]; readonly spec: PodSpec };
  };
}

interface PodSpec {
  readonly containers: readonly { readonly [field: string]: unknown }[];
  readonly [field: string]: unknown;
}

function deployments(objects: readonly KubeObject[]): Deployment[] {
  return objects.filter(({ kind }) => kind === "Deployment") as Deployment[];
}

function dataOf(objects: readonly KubeObject[], file: string): string {
  const map = objects.find((one) => file in ((one.data as object | undefined) ?? {}));
  return (map!.data as Record<string, string>)[file] ?? "";
}

describe("the objects of a typical tunnel", () => {
  it("are these", async () => {
    const objects = desired(tunnel, shards(2), env);
    const text = objects.map((object) => stringify(object)).join("---\n");
    await expect(text).toMatchFileSnapshot("./testing/typical-tunnel.yaml");
  });

  it("are the same bytes for the same input", () => {
    const once = JSON.stringify(desired(sampleTunnel(), shards(40), env));
    expect(JSON.stringify(desired(sampleTunnel(), shards(40), env))).toBe(once);
  });

  it("are all found by their labels and name their tunnel, whatever namespace they are in", () => {
    for (const { metadata } of desired(tunnel, shards(2), env)) {
      expect(metadata.labels?.["sallyport.dev/tunnel"]).toMatch(/^[0-9a-f]{20}$/);
      expect(metadata.annotations?.["sallyport.dev/tunnel"]).toBe("tunnels/partners");
      expect(metadata).not.toHaveProperty("ownerReferences");
      expect(metadata.namespace).toBe(metadata.labels?.["sallyport.dev/side"] === "dmz" ? "dmz" : "tunnels");
    }
  });

  it("have no PodDisruptionBudget with one pair, which would keep its node from ever being drained", () => {
    const kinds = desired(sampleTunnel({ spec: { pairs: 1 } }), shards(0), env).map(({ kind }) => kind);
    expect(kinds).not.toContain("PodDisruptionBudget");
    expect(kinds.filter((kind) => kind === "Deployment")).toHaveLength(2);
  });
});

describe("the routers' configuration", () => {
  const objects = desired(tunnel, shards(2), env);

  it("is one that R1 takes", () => {
    const config = parseDmzConfigFile(dataOf(objects, "r1.yaml"), "r1.yaml");
    expect(config).toMatchObject({
      tunnel: "tunnels/partners",
      listeners: [{ name: "http", protocol: "HTTP", port: 10_080 }],
      tunnelEndpoint: { port: 7443 },
      health: { port: 8085 },
      admin: { port: 8086 },
      limits: { drainMs: 25_000, drainNoticeMs: 5_000 },
    });
  });

  it("is one that R2 takes, and names every R1 by itself", () => {
    const config = parseIntranetConfigFile(dataOf(objects, "r2.yaml"), "r2.yaml");
    const name = objects.find(({ kind }) => kind === "Deployment")?.metadata.name.replace(/-0$/, "");
    expect(config).toMatchObject({
      operator: { port: 7444 },
      routeShards: "/etc/sallyport/routes",
      dmz: [
        { name: "r1-0", address: `${name}-0.dmz.svc.cluster.local`, port: 7443 },
        { name: "r1-1", address: `${name}-1.dmz.svc.cluster.local`, port: 7443 },
      ],
    });
  });

  it("starts a router anew only when it changes what no running one takes", () => {
    const marks = (spec: object) =>
      deployments(desired(sampleTunnel({ spec }), shards(0), env)).map(
        ({ spec: { template } }) => template.metadata.annotations?.["sallyport.dev/restart"],
      );
    expect(marks({ logLevel: "debug" })).toEqual(marks({}));
    expect(marks({ pool: { min: 1, max: 3 } })[0]).not.toBe(marks({})[0]);
    // A third R1 is dialled by R2s that run.
    expect(marks({ pairs: 3 }).slice(0, 2)).toEqual(marks({}).slice(0, 2));
  });
});

describe("a router's pod", () => {
  const pods = deployments(desired(tunnel, shards(0), env)).map(({ spec }) => spec.template.spec);

  it("holds under the Pod Security Standard restricted, and has no token", () => {
    for (const pod of pods) {
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      });
      for (const container of pod.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(container).not.toHaveProperty("env");
      }
    }
  });

  it("can read its key, which others cannot", () => {
    for (const pod of pods) {
      const volumes = pod.volumes as { name: string; secret?: { defaultMode: number } }[];
      expect(volumes.find(({ name }) => name === "identity")?.secret?.defaultMode).toBe(0o440);
      const { fsGroup, runAsGroup } = pod.securityContext as { fsGroup: number; runAsGroup: number };
      expect(fsGroup).toBe(runAsGroup);
    }
  });

  it("is given time for the notice, the drain and a margin", () => {
    const slow = sampleTunnel({ spec: { drain: { notice: "7s", timeout: "1m" } } });
    expect([graceSeconds(slow, "dmz"), graceSeconds(slow, "intranet")]).toEqual([77, 70]);
    expect(pods.map((pod) => pod.terminationGracePeriodSeconds)).toEqual([40, 35, 40, 35]);
  });

  it("keeps away from other pairs' nodes: rather, or surely; never from its own successor's", () => {
    const spread = (value: string) => {
      const strict = sampleTunnel({ dmz: { template: { spread: value } } });
      return deployments(desired(strict, shards(0), env))[0]?.spec.template.spec.affinity;
    };
    const term = {
      topologyKey: "kubernetes.io/hostname",
      labelSelector: {
        matchLabels: { "sallyport.dev/tunnel": expect.any(String), "sallyport.dev/side": "dmz" },
        matchExpressions: [{ key: "sallyport.dev/pair", operator: "NotIn", values: ["0"] }],
      },
    };
    expect(spread("Required")).toEqual({
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
    });
    expect(spread("Preferred")).toEqual({
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }] },
    });
  });

  it("keeps what the tunnel says of it, but the operator's labels", () => {
    const template = {
      labels: { team: "blue" },
      nodeSelector: { zone: "dmz" },
      resources: { requests: { cpu: 1 } },
      imagePullSecrets: [{ name: "mine" }],
      priorityClassName: "high",
      affinity: { nodeAffinity: { x: 1 } },
    };
    const [first] = deployments(
      desired(sampleTunnel({ dmz: { template } }), shards(0), { ...env, imagePullSecrets: ["ours"] }),
    );
    expect(first?.spec.template.metadata.labels).toMatchObject({ team: "blue", "sallyport.dev/side": "dmz" });
    expect(first?.spec.template.spec).toMatchObject({
      nodeSelector: { zone: "dmz" },
      imagePullSecrets: [{ name: "ours" }, { name: "mine" }],
      priorityClassName: "high",
      affinity: { nodeAffinity: { x: 1 }, podAntiAffinity: {} },
      containers: [{ resources: { requests: { cpu: 1 } } }],
    });
  });
});

describe("routes in shards", () => {
  it("are whole: R2 reads what the manifest names", async () => {
    const { manifest, shards: packed } = shards(100);
    expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
    expect([...packed].map(([index, bytes]) => [`routes-${index}.json.gz`, shardHash(bytes)])).toEqual(
      Object.entries(manifest.shards),
    );
    const read = await Promise.all([...packed.values()].map((bytes) => readShard(bytes)));
    expect(read.flatMap(({ routes }) => routes)).toHaveLength(100);
    expect(read.flatMap(({ refused }) => refused)).toEqual([]);
  });

  it("change in one shard when one route changes, and in another generation", () => {
    const before = served(500);
    const after = before.with(7, { ...served(500)[7]!, document: sampleRoute({ name: "r7", spec: { matches: [] } }) });
    const [one, other] = [shardRoutes(before), shardRoutes(after)];
    if (one.t !== "ok" || other.t !== "ok") throw new Error("too large");
    const differing = Object.keys(one.routes.manifest.shards).filter(
      (file) => one.routes.manifest.shards[file] !== other.routes.manifest.shards[file],
    );
    expect(differing).toHaveLength(1);
    expect(one.routes.manifest.generation).not.toBe(other.routes.manifest.generation);
  });

  it("are the same bytes in whatever order the routes came", () => {
    expect(shardRoutes(served(50).toReversed())).toEqual(shardRoutes(served(50)));
  });

  it("are refused, with what to do, when they do not fit", () => {
    const all = Array.from({ length: 1_500 }, (_, i) => ({ document: sampleRoute({ name: `r${i}` }), hash: "" }));
    const long = all
      .filter((one) => "routes-3.json.gz" in manifestOf([one]).shards)
      .map(({ document }, i) => {
        const noise = Array.from({ length: 600 }, (_, k) => ({
          path: { type: "Exact" as const, value: `/${shardHash(Buffer.from(`${i}.${k}`))}` },
        }));
        return { document: { ...document, spec: { ...document.spec, matches: noise } }, hash: "" };
      });
    expect(shardRoutes(long)).toMatchObject({
      t: "tooLarge",
      message: expect.stringMatching(
        /^\d+ routes do not fit into 16 shards of 716800 bytes .* give some of them a tunnel/,
      ),
    });
  });
});

describe("what the network lets through", () => {
  const policies = desired(tunnel, shards(0), env).filter(({ kind }) => kind === "NetworkPolicy");

  it("lets R1 dial nothing at all", () => {
    expect(policies[0]?.spec).toMatchObject({ policyTypes: ["Ingress", "Egress"], egress: [] });
  });

  it("lets nobody but the operator to R2's operator port", () => {
    const { ingress } = policies[1]!.spec as { ingress: { ports: { port: number }[]; from?: object[] }[] };
    expect(ingress.map(({ ports }) => ports.map(({ port }) => port))).toEqual([[8086], [7444]]);
    expect(ingress[1]?.from).toEqual([
      {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "sallyport-system" } },
        podSelector: {
          matchLabels: { "app.kubernetes.io/part-of": "sallyport", "app.kubernetes.io/component": "operator" },
        },
      },
    ]);
  });
});

describe("certificates of cert-manager", () => {
  it("are asked for where the tunnel names an issuer", () => {
    const issued = sampleTunnel({ spec: { identity: { issuerRef: { name: "corp", kind: "ClusterIssuer" } } } });
    const found = desired(issued, shards(0), env).filter(({ kind }) => kind === "Certificate");
    expect(found.map(({ metadata, spec }) => [metadata.namespace, (spec as { uris: string[] }).uris])).toEqual([
      ["dmz", ["spiffe://sallyport/tunnel/tunnels/partners/dmz"]],
      ["tunnels", ["spiffe://sallyport/tunnel/tunnels/partners/intranet"]],
      ["tunnels", ["spiffe://sallyport/tunnel/tunnels/partners/operator"]],
    ]);
  });
});

it("R2s stay connected to R1s that are on their way out, since these take calls until they are gone", () => {
  const tunnel = sampleTunnel({ spec: { pairs: 2 } });
  const namesIn = (objects: KubeObject[]) => {
    const map = objects.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name.endsWith("-r2"));
    const { "r2.yaml": text = "" } = (map?.data ?? {}) as Record<string, string>;
    return [...text.matchAll(/name: (r1-\d+)/g)].map(([, name]) => name);
  };
  expect(namesIn(desired(tunnel, shards(0), env))).toEqual(["r1-0", "r1-1"]);
  expect(namesIn(desired(tunnel, shards(0), env, 3))).toEqual(["r1-0", "r1-1", "r1-2"]);
  expect(namesIn(desired(tunnel, shards(0), env, 1))).toEqual(["r1-0", "r1-1"]);
});

it("an R1 counts as available only when load balancers have had the time to notice it", () => {
  const tunnel = sampleTunnel({ spec: { pairs: 1, drain: { notice: "1500ms" } } });
  const specs = desired(tunnel, shards(0), env).filter(({ kind }) => kind === "Deployment");
  expect(specs.map(({ spec }) => (spec as { minReadySeconds?: number }).minReadySeconds)).toEqual([2, undefined]);
});

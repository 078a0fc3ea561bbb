import { routeHash } from "@sallyport/proto/route-hash";
import { readShard } from "@sallyport/proto/route-shards";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { Cluster } from "../cluster.ts";
import { KubeError } from "../kube-error.ts";
import { type KindName, type KubeObject, ownedKinds, refOf, refText } from "../kube-object.ts";
import { OperatorMetrics } from "../metrics.ts";
import { prefixOf, tunnelHash } from "../names.ts";
import { FakeApi } from "../testing/fake-api.ts";
import { FakeClock, settled } from "../testing/fake-clock.ts";
import { env, FakeReports, routeObject, type SampleTunnel, tunnelObject } from "../testing/sample.ts";
import { Controller } from "./controller.ts";

let stop = new AbortController();
afterEach(() => stop.abort());

const p = prefixOf({ namespace: "tunnels", name: "partners" });
const refusal = (message: string) => new KubeError(message, { status: 403, reason: "Forbidden" });
const forbidden = refusal('pods is forbidden: User "x" cannot patch resource "pods" in API group ""');

async function operator(api = new FakeApi()) {
  stop = new AbortController();
  const clock = new FakeClock();
  const metrics = new OperatorMetrics();
  const log = pino({ level: "silent" });
  const reports = new FakeReports();
  const random = () => 1;
  for (const [name, labels] of [
    ["tunnels", {}],
    ["apps", {}],
    ["dmz", { "sallyport.dev/tunnels-from": "tunnels" }],
  ] as const)
    api.put({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
  const cluster = new Cluster({ api, watchNamespaces: undefined, clock, random, log, metrics });
  const clusters = { dmz: cluster, intranet: cluster };
  const controller = new Controller({ clusters, env, reports, clock, random, log, metrics, instance: "test" });
  const { promise, resolve } = Promise.withResolvers<void>();
  void cluster.run(stop.signal, resolve);
  await promise;
  const reconcile = (key = "tunnels/partners") => controller.reconciler.reconcile(key);
  const owned = () => ownedKinds.flatMap((kind) => api.all(kind)).map((object) => refText(refOf(object)));
  return { api, reports, reconcile, owned };
}

type Running = Awaited<ReturnType<typeof operator>>;

interface Told {
  readonly status?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

function told(api: FakeApi, kind: KindName, key: string): Told {
  const [namespace, name = ""] = key.split("/");
  return (api.read({ kind, namespace, name })?.status ?? {}) as Told;
}

function repairs(api: FakeApi): string[] {
  const events = api.all("Event").filter(({ reason }) => reason === "Repaired");
  return events.map(({ type, note }) => `${type} ${note}`);
}

/** As the cluster's own controllers and the routers would make it: every Deployment's pod runs and carries calls. */
function comeUp({ api, reports }: Running, only?: (deployment: KubeObject) => boolean): void {
  for (const deployment of api.all("Deployment")) {
    if (only !== undefined && !only(deployment)) continue;
    const { name, namespace = "", labels = {}, annotations = {}, generation } = deployment.metadata;
    const uid = `pod-${name}`;
    const pod = { namespace, name: `${name}-x`, uid, labels, annotations };
    api.put({ apiVersion: "v1", kind: "Pod", metadata: pod, status: ready });
    const done = { observedGeneration: generation, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
    api.setStatus(refOf(deployment), done);
    if (labels["sallyport.dev/side"] === "intranet") {
      const uplinks = [{ ...uplink, state: "active" as const }];
      reports.set(uid, annotations["sallyport.dev/tunnel"] ?? "", {
        configuration: undefined,
        routes: new Map(),
        uplinks,
      });
    }
  }
}

const uplink = { name: "r1-0", links: 2, roundTripUs: 0, lastError: "", peerCertificate: "" };
const ready = { phase: "Running", podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] };
const ofPair = (pair: number) => (one: KubeObject) => one.metadata.labels?.["sallyport.dev/pair"] === String(pair);

const typical = [
  ...[`NetworkPolicy dmz/${p}-r1`, `NetworkPolicy tunnels/${p}-r2`],
  ...[
    `Secret tunnels/${p}-ca`,
    `Secret dmz/${p}-r1-tls`,
    `Secret tunnels/${p}-r2-tls`,
    `Secret tunnels/${p}-operator-tls`,
  ],
  ...[`ConfigMap dmz/${p}-r1`, `ConfigMap tunnels/${p}-r2`, `ConfigMap tunnels/${p}-routes`],
  ...[`Service dmz/${p}`, `Service dmz/${p}-r1-0`, `Service dmz/${p}-r1-1`],
  ...[`PodDisruptionBudget dmz/${p}-r1`, `PodDisruptionBudget tunnels/${p}-r2`],
  ...[0, 1].flatMap((pair) => [`Deployment dmz/${p}-r1-${pair}`, `Deployment tunnels/${p}-r2-${pair}`]),
];

async function withTunnel(sample: SampleTunnel = {}) {
  const running = await operator();
  running.api.put(tunnelObject(sample));
  await running.reconcile();
  return running;
}

describe("a tunnel's documents", () => {
  it("become all its objects at once, whether or not any router is ready", async () => {
    const { owned } = await withTunnel();
    expect(owned().toSorted()).toEqual(typical.toSorted());
  });

  it("are held by the finalizer before there is a single object", async () => {
    const { api } = await withTunnel();
    expect(api.writes[0]).toBe("patchMeta ReverseTunnel tunnels/partners");
    expect(api.read({ kind: "ReverseTunnel", namespace: "tunnels", name: "partners" })?.metadata.finalizers).toEqual([
      "sallyport.dev/tunnel-cleanup",
    ]);
  });

  it("cost nothing more when all is as it is wanted", async () => {
    const { api, reconcile } = await withTunnel();
    const before = api.writes.length;
    await reconcile();
    expect(api.writes.slice(before)).toEqual([]);
  });

  it("show in the status what there is", async () => {
    const running = await withTunnel();
    comeUp(running);
    await running.reconcile();
    const status = told(running.api, "ReverseTunnel", "tunnels/partners");
    expect(status).toMatchObject({ status: "Ready", pairs: 2, readyPairs: 2, links: 4, certificates: { length: 4 } });
    expect(running.reports.wanted.get("tunnels/partners")).toMatchObject({
      targets: [{ address: "10.0.0.1" }, { address: "10.0.0.1" }],
      identity: { certificateChain: expect.stringContaining("BEGIN CERTIFICATE") },
    });
  });

  it("are told apart from what another release writes, and what runs goes on", async () => {
    const running = await withTunnel();
    const { api, reconcile, owned } = running;
    api.put(tunnelObject({ spec: { tomorrow: true } }));
    await reconcile();
    const status = told(api, "ReverseTunnel", "tunnels/partners");
    expect(status.conditions?.[0]).toMatchObject({ type: "Accepted", status: "False", reason: "Invalid" });
    expect(status.conditions?.[0]?.message).toMatch(/spec\.tomorrow.* of one release/);
    expect(owned()).toHaveLength(typical.length);
  });
});

describe("an object that the API server refuses", () => {
  it.each([
    ["Forbidden", "for want of a right", forbidden],
    ["ApplyFailed", "for a quota", refusal('services "x" is forbidden: exceeded quota: few, requested: services=1')],
    ["ApplyFailed", "for Pod Security", refusal('pods "x" is forbidden: violates PodSecurity "restricted:latest"')],
  ])("is told as %s %s, and tried again", async (reason, _, refused) => {
    const { api, reconcile } = await operator();
    api.put(tunnelObject());
    api.fail("apply", "Service", refused);
    await expect(reconcile()).rejects.toThrow("forbidden");
    expect(told(api, "ReverseTunnel", "tunnels/partners").conditions).toContainEqual(
      expect.objectContaining({ type: "Programmed", status: "False", reason }),
    );
    await reconcile();
    expect(told(api, "ReverseTunnel", "tunnels/partners").conditions).toContainEqual(
      expect.objectContaining({ type: "Programmed", status: "True" }),
    );
  });
});

describe("what somebody changed by hand", () => {
  it.each(["Secret", "ConfigMap", "Service", "NetworkPolicy", "Deployment", "PodDisruptionBudget"] as const)(
    "is made again: a %s that was deleted",
    async (kind) => {
      const { api, reconcile, owned } = await withTunnel();
      for (const object of api.all(kind)) api.remove(refOf(object));
      await reconcile();
      expect(owned().toSorted()).toEqual(typical.toSorted());
    },
  );

  it.each(["Secret", "ConfigMap", "Deployment"] as const)(
    "is told as an Event: a %s that was deleted",
    async (kind) => {
      const { api, reconcile } = await withTunnel();
      const ref = refOf(api.all(kind)[0]!);
      api.remove(ref);
      await reconcile();
      await settled();
      expect(repairs(api)).toEqual([`Normal ${refText(ref)} was gone, and has been made again`]);
    },
  );

  it("is told by an operator that has not made it", async () => {
    const { api } = await withTunnel();
    const second = await operator(api);
    await second.reconcile();
    const ref = refOf(api.all("Deployment")[0]!);
    api.remove(ref);
    await second.reconcile();
    await settled();
    expect(repairs(api)).toEqual([`Normal ${refText(ref)} was gone, and has been made again`]);
  });

  it("is not told of what the documents ask for", async () => {
    const { api, reconcile } = await withTunnel();
    api.put(tunnelObject({ spec: { pairs: 3, logLevel: "debug" } }));
    await reconcile();
    await settled();
    expect(repairs(api)).toEqual([]);
  });

  it("is put right: an image, a rule of the network, a route table", async () => {
    const { api, reconcile } = await withTunnel();
    const image = (one: KubeObject) => JSON.stringify(one.spec).match(/"image":"([^"]*)"/)?.[1];
    const [deployment] = api.all("Deployment");
    const changed = JSON.parse(JSON.stringify(deployment).replace(env.dmzImage, "evil")) as KubeObject;
    api.put(changed);
    const policy = api.all("NetworkPolicy").find(({ metadata }) => metadata.namespace === "dmz")!;
    api.put({ ...policy, spec: { ...(policy.spec as object), egress: [{}] } });
    const map = api.all("ConfigMap").find(({ metadata }) => metadata.name.endsWith("-routes"))!;
    api.put({ ...map, data: { "manifest.json": "{}" } });
    await reconcile();
    expect(image(api.read(refOf(deployment!))!)).toBe(env.dmzImage);
    expect(api.read(refOf(policy))?.spec).toMatchObject({ egress: [] });
    expect(api.read(refOf(map))?.data).toEqual(map.data);
    await settled();
    const put = [policy, map, deployment!].map(
      (one) => `Normal ${refText(refOf(one))} was changed, and has been put right`,
    );
    expect(repairs(api)).toEqual(put);
  });

  it("keeps the CA whoever asks: it is never made twice because a store lags", async () => {
    const { api, reconcile } = await withTunnel();
    const ca = { kind: "Secret", namespace: "tunnels", name: `${p}-ca` } as const;
    const before = api.read(ca)?.data;
    // The labels gone, the watch tells that it is deleted, which it is not.
    const { labels: _, ...metadata } = api.read(ca)!.metadata;
    api.put({ ...api.read(ca)!, metadata: { ...metadata, labels: {} } });
    await reconcile();
    expect(api.read(ca)?.data).toEqual(before);
    expect(api.read(ca)?.metadata.labels?.["sallyport.dev/tunnel"]).toBe(
      tunnelHash({ namespace: "tunnels", name: "partners" }),
    );
  });
});

describe("the end of a tunnel", () => {
  const tunnel = { kind: "ReverseTunnel", namespace: "tunnels", name: "partners" } as const;

  it("leaves nothing, in no namespace, and takes the finalizer off last", async () => {
    const { api, reconcile, owned } = await withTunnel();
    api.remove(tunnel);
    expect(api.read(tunnel)).toBeDefined();
    await reconcile();
    expect([owned(), api.read(tunnel)]).toEqual([[], undefined]);
    expect(api.writes.at(-1)).toBe("patchMeta ReverseTunnel tunnels/partners");
  });

  it("leaves other people's objects and other tunnels alone", async () => {
    const running = await withTunnel();
    const { api, reconcile, owned } = running;
    api.put(tunnelObject({ name: "others" }));
    await reconcile("tunnels/others");
    const mine = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "dmz", name: "mine" }, data: {} };
    api.put(mine);
    const alike = {
      ...mine.metadata,
      name: "alike",
      labels: { "sallyport.dev/tunnel": tunnelHash({ namespace: "tunnels", name: "partners" }) },
    };
    api.put({ ...mine, metadata: alike });
    api.remove(tunnel);
    await reconcile();
    expect(owned().filter((ref) => !ref.includes("others"))).toEqual(["ConfigMap dmz/mine", "ConfigMap dmz/alike"]);
    expect(owned()).toHaveLength(typical.length + 2);
  });

  it("says what keeps it, and goes on when that has ended", async () => {
    const { api, reconcile, owned } = await withTunnel();
    api.remove(tunnel);
    api.fail("delete", "Service", forbidden);
    await expect(reconcile()).rejects.toThrow("forbidden");
    const status = told(api, "ReverseTunnel", "tunnels/partners");
    expect(status.status).toBe("CleanupFailed");
    expect(status.conditions?.[0]?.message).toMatch(
      /pods is forbidden: User .*; give the operator the rights in docs\/operator.md/,
    );
    await settled();
    expect(api.all("Event").map((event) => event.reason)).toContain("CleanupFailed");
    await reconcile();
    expect([owned(), api.read(tunnel)]).toEqual([[], undefined]);
  });

  it("is not stuck on a kind that the cluster does not have", async () => {
    const { api, reconcile } = await withTunnel();
    api.leaveOut("Certificate");
    api.remove(tunnel);
    await reconcile();
    expect(api.read(tunnel)).toBeUndefined();
  });

  it("takes what is left of a tunnel whose finalizer somebody took off", async () => {
    const { api, reconcile, owned } = await withTunnel();
    api.put({ ...api.read(tunnel)!, metadata: { ...api.read(tunnel)!.metadata, finalizers: [] } });
    api.remove(tunnel);
    await reconcile();
    expect(owned()).toEqual([]);
  });

  it("is told to its routes", async () => {
    const { api, reconcile } = await operator();
    api.put(routeObject());
    await reconcile();
    expect(told(api, "TunnelRoute", "tunnels/calc")).toMatchObject({
      status: "TunnelNotFound",
      conditions: [
        { type: "Accepted", status: "False", message: expect.stringMatching(/no tunnel tunnels\/partners/) },
        {},
        {},
      ],
    });
  });
});

describe("a tunnel that may not be where it wants to be", () => {
  it("makes nothing, says why, and begins when the namespace allows it", async () => {
    const { api, reconcile, owned } = await operator();
    api.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "dmz", labels: {} } });
    api.put(tunnelObject());
    api.put(routeObject());
    await reconcile();
    expect(owned()).toEqual([]);
    expect(told(api, "ReverseTunnel", "tunnels/partners").status).toBe("NamespaceNotAllowed");
    expect(told(api, "TunnelRoute", "tunnels/calc").conditions?.at(-1)).toMatchObject({ reason: "NotAccepted" });
    api.put({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "dmz", labels: { "sallyport.dev/tunnels-from": "tunnels" } },
    });
    await reconcile();
    expect(told(api, "ReverseTunnel", "tunnels/partners").conditions?.[0]?.status).toBe("True");
  });

  it("is taken out of a namespace that withdraws its leave; its CA stays", async () => {
    const { api, reconcile, owned } = await withTunnel();
    api.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "dmz", labels: {} } });
    await reconcile();
    expect(owned().toSorted()).toEqual([
      `Secret tunnels/${p}-ca`,
      `Secret tunnels/${p}-operator-tls`,
      `Secret tunnels/${p}-r2-tls`,
    ]);
  });
});

describe("when the API server refuses", () => {
  it("the condition says what is missing, and all is done when it is given", async () => {
    const { api, reconcile, owned } = await operator();
    api.put(tunnelObject());
    api.fail("apply", "Deployment", forbidden);
    await expect(reconcile()).rejects.toThrow("forbidden");
    const programmed = told(api, "ReverseTunnel", "tunnels/partners").conditions?.[2];
    expect(programmed).toMatchObject({ type: "Programmed", status: "False", reason: "Forbidden" });
    expect(programmed?.message).toMatch(/docs\/operator.md/);
    await reconcile();
    expect(owned()).toHaveLength(typical.length);
  });

  it("a failure at any one write is made good by the next try", async () => {
    const kinds: KindName[] = ["NetworkPolicy", "Secret", "ConfigMap", "Service", "PodDisruptionBudget", "Deployment"];
    for (const kind of kinds) {
      const { api, reconcile, owned } = await operator();
      api.put(tunnelObject());
      api.fail("apply", kind, new KubeError("away", { status: 503, reason: "ServiceUnavailable" }));
      await expect(reconcile()).rejects.toThrow("away");
      await reconcile();
      expect([kind, owned().toSorted()]).toEqual([kind, typical.toSorted()]);
    }
  });

  it("a status that somebody else has written in between is written again", async () => {
    const { api, reconcile } = await withTunnel();
    api.put(routeObject());
    api.fail("patchStatus", "TunnelRoute", new KubeError("conflict", { status: 409, reason: "Conflict" }), 2);
    await reconcile();
    expect(told(api, "TunnelRoute", "tunnels/calc").conditions).toHaveLength(3);
  });
});

describe("a change of the pods", () => {
  const images = (api: FakeApi) =>
    api
      .all("Deployment")
      .map(({ metadata, spec }) => [metadata.name.slice(-4), JSON.stringify(spec).includes('"cpu":"2"')]);
  const changed = tunnelObject({ dmz: { template: { resources: { requests: { cpu: "2" } } } } });

  it("goes pair by pair: the next one waits until the first carries calls again", async () => {
    const running = await withTunnel();
    const { api, reconcile } = running;
    comeUp(running);
    await reconcile();
    api.put(changed);
    await reconcile();
    expect(images(api)).toEqual([
      ["r1-0", true],
      ["r2-0", false],
      ["r1-1", false],
      ["r2-1", false],
    ]);
    expect(told(api, "ReverseTunnel", "tunnels/partners")).toMatchObject({ status: "RollingOut" });
    await reconcile();
    expect(images(api)[2]).toEqual(["r1-1", false]);
    comeUp(running, ofPair(0));
    await reconcile();
    expect(images(api)[2]).toEqual(["r1-1", true]);
    comeUp(running, ofPair(1));
    await reconcile();
    expect(told(api, "ReverseTunnel", "tunnels/partners")).toMatchObject({ status: "Ready" });
  });

  it("takes away a pair that is wanted no more", async () => {
    const { api, reconcile } = await withTunnel();
    api.put(tunnelObject({ spec: { pairs: 1 } }));
    await reconcile();
    expect(api.all("Deployment").map(({ metadata }) => metadata.name.slice(-4))).toEqual(["r1-0", "r2-0"]);
    expect(api.all("PodDisruptionBudget")).toEqual([]);
  });
});

describe("a route", () => {
  it("is programmed when every R2 reports it as it is", async () => {
    const running = await withTunnel();
    const { api, reconcile, reports } = running;
    api.put(routeObject());
    comeUp(running);
    await reconcile();
    expect(told(api, "TunnelRoute", "tunnels/calc").status).toBe("Pending");
    const hash = "x".repeat(16);
    const served = await servedHash(api);
    const state = { namespace: "tunnels", name: "calc", refused: "", problem: "" };
    const uplinks = [{ ...uplink, state: "active" as const }];
    const say = (pair: number, one: string) =>
      reports.set(`pod-${p}-r2-${pair}`, "tunnels/partners", {
        ...{ configuration: undefined, uplinks },
        routes: new Map([["tunnels/calc", { ...state, hash: one }]]),
      });
    say(0, served);
    say(1, hash);
    await reconcile();
    expect(told(api, "TunnelRoute", "tunnels/calc").status).toBe("Pending");
    say(1, served);
    await reconcile();
    expect(told(api, "TunnelRoute", "tunnels/calc").status).toBe("Programmed");
  });

  it("that has not changed is not written when another one has", async () => {
    const { api, reconcile } = await withTunnel();
    for (let i = 0; i < 20; i += 1)
      api.put(routeObject({ name: `r${i}`, spec: { matches: [{ path: { value: `/${i}` } }] } }));
    await reconcile();
    const before = api.writes.length;
    api.put(routeObject({ name: "r7", spec: { matches: [{ path: { value: "/other" } }] } }));
    await reconcile();
    const written = api.writes.slice(before).filter((write) => !write.includes("Event"));
    expect(written.filter((write) => write.startsWith("patchStatus"))).toEqual(["patchStatus TunnelRoute tunnels/r7"]);
    expect(written.filter((write) => write.includes("ConfigMap"))).toHaveLength(2);
  });

  it("takes a pod for a router of the tunnel's in the tunnel's namespaces alone, whatever its labels say", async () => {
    const running = await operator();
    const { api, reconcile } = running;
    api.put(tunnelObject({}));
    await reconcile();
    comeUp(running);
    await reconcile();
    const managed = { "app.kubernetes.io/managed-by": "sallyport-operator" };
    const labels = { ...managed, "sallyport.dev/side": "dmz", "sallyport.dev/pair": "9" };
    const annotations = { "sallyport.dev/tunnel": "tunnels/partners" };
    const forged = { namespace: "apps", name: "forged", uid: "forged", labels, annotations };
    api.put({ apiVersion: "v1", kind: "Pod", metadata: forged, status: ready });
    await settled();
    await reconcile();
    const config = api.read({ kind: "ConfigMap", namespace: "tunnels", name: `${p}-r2` })?.data as {
      "r2.yaml": string;
    };
    expect(config["r2.yaml"]).not.toContain(`${p}-r1-9`);
  });

  it("leaves alone an object of another tunnel under one of its own names, and says whose it is", async () => {
    const { api, reconcile } = await operator();
    const labels = { "app.kubernetes.io/managed-by": "sallyport-operator" };
    const annotations = { "sallyport.dev/tunnel": "others/partners" };
    const metadata = { namespace: "tunnels", name: `${p}-r2`, labels, annotations };
    api.put({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { "r2.yaml": "theirs" } });
    api.put(tunnelObject({}));
    await expect(reconcile()).rejects.toThrow("belongs to tunnel others/partners");
    expect(api.read({ kind: "ConfigMap", namespace: "tunnels", name: `${p}-r2` })?.data).toEqual({
      "r2.yaml": "theirs",
    });
  });
});

/** The hash of the one route that R2 is given. */
async function servedHash(api: FakeApi): Promise<string> {
  const map = api.all("ConfigMap").find((one) => one.binaryData !== undefined)!;
  const [packed = ""] = Object.values(map.binaryData as Record<string, string>);
  const { routes } = await readShard(Buffer.from(packed, "base64"));
  return routeHash(routes[0]!);
}

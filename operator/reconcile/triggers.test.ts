import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { Cluster } from "../cluster.ts";
import type { KubeObject } from "../kube-object.ts";
import { OperatorMetrics } from "../metrics.ts";
import { labelsOf } from "../names.ts";
import { FakeApi } from "../testing/fake-api.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { routeObject, tunnelObject } from "../testing/sample.ts";
import { Dependencies, thing } from "./dependencies.ts";
import { RouteIndex } from "./route-index.ts";
import { wireTriggers } from "./triggers.ts";

const key = "tunnels/partners";
const tunnel = { namespace: "tunnels", name: "partners" };

let stop = new AbortController();
afterEach(() => stop.abort());

async function wired() {
  stop = new AbortController();
  const api = new FakeApi();
  const rest = {
    clock: new FakeClock(),
    random: () => 1,
    log: pino({ level: "silent" }),
    metrics: new OperatorMetrics(),
  };
  const cluster = new Cluster({ api, watchNamespaces: undefined, ...rest });
  const dependencies = new Dependencies();
  let touched: string[] = [];
  const touch = (name: string): void => void touched.push(name);
  const routes = new RouteIndex(cluster.store("TunnelRoute"), touch);
  wireTriggers({ dmz: cluster, intranet: cluster }, dependencies, touch);
  const { promise, resolve } = Promise.withResolvers<void>();
  void cluster.run(stop.signal, resolve);
  await promise;
  const by = (change: () => unknown): string[] => {
    touched = [];
    change();
    return [...new Set(touched)];
  };
  return { api, dependencies, by, routes };
}

const owned = (kind: string, apiVersion: string, more: object = {}): KubeObject => ({
  ...{ apiVersion, kind },
  metadata: {
    ...{ namespace: "dmz", name: "x" },
    ...{ labels: labelsOf(tunnel, { side: "dmz", pair: 0 }), annotations: { "sallyport.dev/tunnel": key } },
  },
  ...more,
});

describe("a tunnel is looked at again", () => {
  it("when its own document changes, and not when the operator writes its status", async () => {
    const { api, by } = await wired();
    expect(by(() => api.put(tunnelObject()))).toEqual([key]);
    expect(by(() => api.setStatus({ kind: "ReverseTunnel", ...tunnel }, { status: "Ready" }))).toEqual([]);
    expect(by(() => api.put(tunnelObject({ spec: { pairs: 3 } })))).toEqual([key]);
    const annotations = { "sallyport.dev/renew-ca": "1" };
    const renewed = { ...tunnelObject({ spec: { pairs: 3 } }), metadata: { ...tunnel, annotations } };
    expect(by(() => api.put(renewed))).toEqual([key]);
    expect(by(() => api.remove({ kind: "ReverseTunnel", ...tunnel }))).toEqual([key]);
  });

  it("when one of its routes does, also for the tunnel that the route has left", async () => {
    const { api, by, routes } = await wired();
    expect(by(() => api.put(routeObject()))).toEqual([key]);
    expect(by(() => api.setStatus({ kind: "TunnelRoute", namespace: "tunnels", name: "calc" }, { x: 1 }))).toEqual([]);
    expect(routes.of(key)).toHaveLength(1);
    expect(by(() => api.put(routeObject({ spec: { parentRefs: [{ name: "others" }] } })))).toEqual([
      key,
      "tunnels/others",
    ]);
    expect([routes.of(key), routes.of("tunnels/others")]).toMatchObject([[], { length: 1 }]);
    expect(by(() => api.remove({ kind: "TunnelRoute", namespace: "tunnels", name: "calc" }))).toEqual([
      "tunnels/others",
    ]);
  });

  it("when one of its objects does, and not for anybody else's", async () => {
    const { api, by } = await wired();
    expect(by(() => api.put(owned("Secret", "v1")))).toEqual([key]);
    expect(by(() => api.remove({ kind: "Secret", namespace: "dmz", name: "x" }))).toEqual([key]);
    const foreign = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "dmz", name: "y" } };
    expect(by(() => api.put(foreign))).toEqual([]);
  });

  it("when one of its pods becomes ready, and not at each of a pod's changes", async () => {
    const { api, by } = await wired();
    const conditions = [{ type: "Ready", status: "True" }];
    const running = owned("Pod", "v1", { status: { phase: "Running", podIP: "10.0.0.1" } });
    expect(by(() => api.put(running))).toEqual([key]);
    expect(by(() => api.put({ ...running, status: { phase: "Running", podIP: "10.0.0.1", other: 1 } }))).toEqual([]);
    expect(by(() => api.put({ ...running, status: { phase: "Running", podIP: "10.0.0.1", conditions } }))).toEqual([
      key,
    ]);
  });

  it("when a Service, a namespace or a ReferenceGrant does that it asked for, and no other one", async () => {
    const { api, dependencies, by } = await wired();
    dependencies.set(key, new Set([thing.service("apps/calc"), thing.namespace("apps"), thing.grantsIn("apps")]));
    const service = (name: string, port: number) => ({
      ...{ apiVersion: "v1", kind: "Service", metadata: { namespace: "apps", name }, spec: { ports: [{ port }] } },
    });
    const namespace = (name: string, labels: Record<string, string>) => ({
      ...{ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } },
    });
    const grant = (where: string) => ({
      ...{ apiVersion: "gateway.networking.k8s.io/v1beta1", kind: "ReferenceGrant", spec: {} },
      metadata: { namespace: where, name: "g" },
    });
    expect(by(() => api.put(service("calc", 80)))).toEqual([key]);
    expect(by(() => api.put({ ...service("calc", 80), status: { loadBalancer: {} } }))).toEqual([]);
    expect(by(() => api.put(service("calc", 81)))).toEqual([key]);
    expect(by(() => api.put(service("other", 80)))).toEqual([]);
    expect(by(() => api.put(namespace("apps", {})))).toEqual([key]);
    expect(by(() => api.put(namespace("apps", { a: "b" })))).toEqual([key]);
    expect(by(() => api.put(namespace("others", {})))).toEqual([]);
    expect(by(() => api.put(grant("apps")))).toEqual([key]);
    expect(by(() => api.put(grant("others")))).toEqual([]);
    dependencies.set(key, new Set());
    expect([by(() => api.put(service("calc", 82))), dependencies.size]).toEqual([[], 0]);
  });
});

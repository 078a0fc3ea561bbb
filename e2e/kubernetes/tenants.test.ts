import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KubernetesObject } from "../cluster/kubectl.ts";
import { until } from "../cluster/until.ts";
import { Installation } from "./installation.ts";
import { calculator } from "./workloads.ts";

const apiVersion = "sallyport.dev/v1alpha1";
const restricted = { "pod-security.kubernetes.io/enforce": "restricted" };
/** Both tenants' routes ask for different values of this header, so that none stands in another's way. */
const header = "x-wanted";

describe("two tunnels, two tenants' namespaces: no route reaches a destination or listener it was not granted", () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await Installation.prepare();
    const { cluster, images } = installation;
    await cluster.kubectl.apply([referenceGrants, tenant("blue"), tenant("green")]);
    await cluster.kubectl.run(["wait", "--for=condition=Established", `crd/${referenceGrants.metadata.name}`]);
    await cluster.kubectl.apply([...calculator(images, "blue"), ...calculator(images, "green")]);
    await installation.install();
    await cluster.kubectl.apply([tunnel("blue"), tunnel("green")]);
    for (const name of ["blue", "green"]) await cluster.kubectl.wait("Ready", `reversetunnel/${name}`, name, 120);
  }, 600_000);
  afterAll(() => installation?.[Symbol.asyncDispose]());

  test("each tenant's route takes calls of its own tunnel, and none of the other's", async () => {
    await installation.cluster.kubectl.apply([
      route("own-blue", "blue", { wanted: "blue" }),
      route("own-green", "green", { wanted: "green" }),
    ]);
    await programmed("own-blue", "blue");
    await programmed("own-green", "green");
    expect(await called("blue", "blue")).toEqual({ status: 200, code: undefined });
    expect(await called("green", "green")).toEqual({ status: 200, code: undefined });
    expect(await called("blue", "green")).toEqual({ status: 404, code: "NO_ROUTE" });
    expect(await called("green", "blue")).toEqual({ status: 404, code: "NO_ROUTE" });
  });

  test("a listener takes no route of another namespace until its tunnel's owner says so", async () => {
    const { kubectl } = installation.cluster;
    await kubectl.apply(route("guest", "green", { wanted: "guest", of: "blue" }));
    await installation.untilCondition(["tunnelroute", "guest", "green"], "Accepted", {
      status: "False",
      reason: "NotAllowedByListeners",
    });
    await programmed("own-blue", "blue");
    expect(await called("blue", "guest")).toEqual({ status: 404, code: "NO_ROUTE" });

    const selector = { matchLabels: { "kubernetes.io/metadata.name": "green" } };
    await kubectl.apply(tunnel("blue", { allowedRoutes: { namespaces: { from: "Selector", selector } } }));
    await programmed("guest", "green");
    expect(await called("blue", "guest")).toEqual({ status: 200, code: undefined });

    await kubectl.apply(tunnel("blue", { allowedRoutes: { namespaces: { from: "Same" } } }));
    await installation.untilCondition(["tunnelroute", "guest", "green"], "Accepted", { status: "False" });
    await gone("blue", "guest");
  });

  test("a route reaches no Service of another namespace until its owner grants it", async () => {
    const { kubectl } = installation.cluster;
    const backendRefs = [{ name: "calculator", namespace: "blue", port: 80 }];
    await kubectl.apply(route("reach", "green", { wanted: "reach", backendRefs }));
    await installation.untilCondition(["tunnelroute", "reach", "green"], "ResolvedRefs", {
      status: "False",
      reason: "RefNotPermitted",
    });
    expect((await called("green", "reach")).status).not.toBe(200);

    await kubectl.apply(grant);
    await installation.untilCondition(["tunnelroute", "reach", "green"], "ResolvedRefs", { status: "True" });
    await programmed("reach", "green");
    expect(await called("green", "reach")).toEqual({ status: 200, code: undefined });

    await installation.kubectl("delete", "referencegrant/green", "--namespace=blue");
    await installation.untilCondition(["tunnelroute", "reach", "green"], "ResolvedRefs", { status: "False" });
    await gone("green", "reach");
  });

  test("a guest's url leads nowhere until the tunnel's owner allows its host", async () => {
    const { kubectl } = installation.cluster;
    const open = { allowedRoutes: { namespaces: { from: "All" } } };
    const backendRefs = [{ url: "http://calculator.blue.svc.cluster.local:80" }];
    await kubectl.apply([tunnel("blue", open), route("url", "green", { wanted: "url", of: "blue", backendRefs })]);
    await installation.untilCondition(["tunnelroute", "url", "green"], "ResolvedRefs", {
      status: "False",
      reason: "RefNotPermitted",
    });
    expect((await called("blue", "url")).status).not.toBe(200);

    await kubectl.apply(tunnel("blue", open, { allowedDestinations: ["calculator.blue.svc.cluster.local:80"] }));
    await installation.untilCondition(["tunnelroute", "url", "green"], "ResolvedRefs", { status: "True" });
    await programmed("url", "green");
    expect(await called("blue", "url")).toEqual({ status: 200, code: undefined });
  });

  test("a tunnel's routers come into no namespace that has not let them in", async () => {
    const { kubectl } = installation.cluster;
    const intruder = tunnel("green", {}, {}, { name: "intruder", dmz: "blue" });
    await kubectl.apply(intruder);
    const refused = { status: "False", reason: "NamespaceNotAllowed" } as const;
    await installation.untilCondition(["reversetunnel", "intruder", "green"], "Accepted", refused);
    expect(await deploymentsOf("intruder")).toEqual([]);

    await installation.kubectl("label", "namespace/blue", "sallyport.dev/tunnels-from=green");
    await kubectl.wait("Ready", "reversetunnel/intruder", "green", 90);
    expect(await deploymentsOf("intruder")).toHaveLength(1);

    await installation.kubectl("label", "namespace/blue", "sallyport.dev/tunnels-from-");
    await installation.untilCondition(["reversetunnel", "intruder", "green"], "Accepted", refused);
    expect(await deploymentsOf("intruder")).toEqual([]);
  });

  function programmed(name: string, namespace: string) {
    return installation.untilCondition(["tunnelroute", name, namespace], "Programmed", { status: "True" });
  }

  /** What a call by the tunnel of a tenant becomes; `code`: Sallyport's own, where the answer is its. */
  async function called(of: string, wanted: string): Promise<{ status: number; code: string | undefined }> {
    const { items } = await installation.list("services", of, "sallyport.dev/side=dmz,!sallyport.dev/pair");
    const service = items.find(({ metadata }) => metadata.name.startsWith(`sp-${of}-`));
    const url = `http://${service?.metadata.name}.${of}:8080/calculator`;
    const { status, body } = await installation.call(url, { headers: { [header]: wanted } });
    return { status, code: /"code":\s*"([A-Z_]+)"/.exec(body)?.[1] ?? /\bcode="([A-Z_]+)"/.exec(body)?.[1] };
  }

  /** Waits until a call reaches nothing any more: R2s are told after the condition. */
  async function gone(of: string, wanted: string): Promise<void> {
    await until(`${wanted} is gone`, async () => expect((await called(of, wanted)).status).not.toBe(200));
  }

  async function deploymentsOf(name: string): Promise<string[]> {
    const { items } = await installation.list("deployments", "blue", "sallyport.dev/tunnel");
    return items.map(({ metadata }) => metadata.name).filter((one) => one.startsWith(`sp-${name}-`));
  }
});

function tenant(name: string): KubernetesObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: restricted } };
}

function tunnel(
  namespace: string,
  listener: object = {},
  intranet: object = {},
  { name = namespace, dmz = namespace } = {},
): KubernetesObject {
  const listeners = [{ name: "http", protocol: "HTTP", port: 8080, ...listener }];
  const spec = { pairs: 1, dmz: { namespace: dmz, listeners }, intranet };
  return { apiVersion, kind: "ReverseTunnel", metadata: { name, namespace }, spec };
}

interface RouteOptions {
  readonly wanted: string;
  /** The tunnel's namespace and name; by default the route's own tenant's. */
  readonly of?: string;
  readonly backendRefs?: readonly object[];
}

function route(
  name: string,
  namespace: string,
  { wanted, of = namespace, backendRefs }: RouteOptions,
): KubernetesObject {
  const spec = {
    parentRefs: [{ name: of, namespace: of }],
    matches: [{ headers: [{ name: header, value: wanted }] }],
    backendRefs: backendRefs ?? [{ name: "calculator", port: 80 }],
  };
  return { apiVersion, kind: "TunnelRoute", metadata: { name, namespace }, spec };
}

const grant: KubernetesObject = {
  apiVersion: "gateway.networking.k8s.io/v1beta1",
  kind: "ReferenceGrant",
  metadata: { name: "green", namespace: "blue" },
  spec: {
    from: [{ group: "sallyport.dev", kind: "TunnelRoute", namespace: "green" }],
    to: [{ group: "", kind: "Service", name: "calculator" }],
  },
};

/** Of Gateway API no more than its name and that it is stored: the operator reads it, it is not judged here. */
const referenceGrants: KubernetesObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: "referencegrants.gateway.networking.k8s.io",
    annotations: { "api-approved.kubernetes.io": "unapproved, for tests" },
  },
  spec: {
    group: "gateway.networking.k8s.io",
    scope: "Namespaced",
    names: { kind: "ReferenceGrant", plural: "referencegrants", singular: "referencegrant" },
    versions: [
      {
        name: "v1beta1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

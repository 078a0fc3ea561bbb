import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { prefixOf } from "../../operator/names.ts";
import { type ControlPlane, controlPlane } from "../cluster/control-plane.ts";
import { until } from "../cluster/until.ts";
import { type OperatorProcess, startOperator } from "./operator-process.ts";

/** The operator against a real API server: pods stay Pending, so what routers say is tested elsewhere. */

let plane: ControlPlane;
let operator: OperatorProcess | undefined;

beforeAll(async () => {
  const definitions = ["crds/sallyport.dev_reversetunnels.yaml", "crds/sallyport.dev_tunnelroutes.yaml"];
  plane = await controlPlane({ definitions });
}, 180_000);
afterEach(async () => {
  // The next operator takes them away.
  await plane.kubectl.run(["delete", "reversetunnels", "--all", "-A", "--wait=false"]);
  await operator?.stop("SIGTERM");
  operator = undefined;
});
afterAll(() => plane?.stop());

let scenes = 0;

interface Scene {
  /** Where the tunnel is, and its intranet side. */
  readonly home: string;
  readonly dmz: string;
  /** What the names of the tunnel's objects start with. */
  readonly p: string;
}

/** Namespaces of its own for each test, and a tunnel between them. */
async function scene(spec: object = {}): Promise<Scene> {
  scenes += 1;
  const [home, dmz] = [`home-${scenes}`, `dmz-${scenes}`];
  await plane.kubectl.apply([
    { apiVersion: "v1", kind: "Namespace", metadata: { name: home } },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: dmz, labels: { "sallyport.dev/tunnels-from": home } } },
  ]);
  await plane.kubectl.apply([tunnel({ home, dmz }, spec)]);
  return { home, dmz, p: prefixOf({ namespace: home, name: "partners" }) };
}

function tunnel({ home, dmz }: Pick<Scene, "home" | "dmz">, spec: object = {}) {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "ReverseTunnel",
    metadata: { name: "partners", namespace: home },
    spec: { dmz: { namespace: dmz, listeners: [{ name: "http", protocol: "HTTP", port: 80 }] }, ...spec },
  };
}

function route(namespace: string, parent: string, backendRef: object, name = "calc") {
  return {
    ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name, namespace } },
    spec: { parentRefs: [{ name: "partners", namespace: parent }], backendRefs: [backendRef] },
  };
}

const owned = "networkpolicies,secrets,configmaps,services,poddisruptionbudgets,deployments";

/** "Kind namespace/name" of all that the operator made for the tunnels of `home`. */
async function made({ home, dmz }: Scene): Promise<string[]> {
  const selector = "--selector=app.kubernetes.io/managed-by=sallyport-operator";
  const lists = await Promise.all(
    [home, dmz].map((namespace) => plane.kubectl.run(["get", owned, "-n", namespace, selector, "-o", "json"])),
  );
  const objects = lists.flatMap((text) => (JSON.parse(text) as { items: Made[] }).items);
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`).sort();
}

interface Made {
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
}

function typical({ home, dmz, p }: Scene): string[] {
  return [
    ...[`NetworkPolicy ${dmz}/${p}-r1`, `NetworkPolicy ${home}/${p}-r2`],
    ...[`Secret ${home}/${p}-ca`, `Secret ${dmz}/${p}-r1-tls`, `Secret ${home}/${p}-r2-tls`],
    ...[`Secret ${home}/${p}-operator-tls`, `ConfigMap ${dmz}/${p}-r1`, `ConfigMap ${home}/${p}-r2`],
    ...[`ConfigMap ${home}/${p}-routes`, `Service ${dmz}/${p}`, `Service ${dmz}/${p}-r1-0`, `Service ${dmz}/${p}-r1-1`],
    ...[`PodDisruptionBudget ${dmz}/${p}-r1`, `PodDisruptionBudget ${home}/${p}-r2`],
    ...[0, 1].flatMap((pair) => [`Deployment ${dmz}/${p}-r1-${pair}`, `Deployment ${home}/${p}-r2-${pair}`]),
  ].sort();
}

const isWhole = (one: Scene) =>
  until("all objects are there", async () => expect(await made(one)).toEqual(typical(one)));

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse(await plane.kubectl.run(["get", ...args, "-o", "json"])) as T;
}

interface Conditioned {
  readonly status?: {
    readonly status?: string;
    readonly conditions?: {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

async function condition(kind: string, namespace: string, name: string, type: string): Promise<string> {
  const { status } = await json<Conditioned>(kind, "-n", namespace, name);
  const found = status?.conditions?.find((one) => one.type === type);
  return `${found?.status} ${found?.reason}`;
}

describe("a tunnel's documents", () => {
  it("become all its objects, which the API server takes as they are, and pods", async () => {
    operator = startOperator(plane);
    const one = await scene();
    await isWhole(one);
    await until("there are pods", async () => {
      const pods = await plane.kubectl.run([
        "get",
        "pods",
        "-A",
        "-l",
        `app.kubernetes.io/instance=${one.p}`,
        "-o",
        "name",
      ]);
      expect(pods.trim().split("\n")).toHaveLength(4);
    });
    await until("the status says so", async () => {
      expect(await condition("reversetunnels", one.home, "partners", "Programmed")).toBe("True Programmed");
      expect(await condition("reversetunnels", one.home, "partners", "Ready")).toBe("False NoPairReady");
    });
  });

  it("let the pods in where the Pod Security Standard restricted is enforced", async () => {
    operator = startOperator(plane);
    const one = await scene();
    const enforce = "pod-security.kubernetes.io/enforce=restricted";
    await plane.kubectl.run(["label", "namespace", one.dmz, one.home, enforce]);
    await isWhole(one);
    await until("there are pods", async () => {
      const pods = await plane.kubectl.run([
        "get",
        "pods",
        "-A",
        "-l",
        `app.kubernetes.io/instance=${one.p}`,
        "-o",
        "name",
      ]);
      expect(pods.trim().split("\n")).toHaveLength(4);
    });
  });

  it("are written once: nothing is written again while nothing changes", async () => {
    operator = startOperator(plane);
    const one = await scene({
      dmz: {
        ...tunnel({ home: "", dmz: `dmz-${scenes + 1}` }).spec.dmz,
        template: { resources: { requests: { cpu: 1, memory: "0.5Gi" } } },
      },
    });
    await isWhole(one);
    const versions = async () =>
      (await json<{ items: { metadata: { generation?: number } }[] }>("deployments", "-n", one.dmz)).items.map(
        ({ metadata }) => metadata.generation,
      );
    // A route that comes makes it reconcile; amounts that the API server writes its own way are no change.
    await plane.kubectl.apply([route(one.home, one.home, { url: "http://calc.example.com" })]);
    await until("the route is attached", async () =>
      expect(await condition("tunnelroutes", one.home, "calc", "Accepted")).toBe("True Accepted"),
    );
    expect(await versions()).toEqual([1, 1]);
  });
});

describe("what was changed by hand", () => {
  it("is put right: an image, a rule of the network, replicas", async () => {
    operator = startOperator(plane);
    const one = await scene();
    await isWhole(one);
    const patch = (kind: string, name: string, body: object, type = "strategic") =>
      plane.kubectl.run(["patch", kind, "-n", one.dmz, name, `--type=${type}`, "-p", JSON.stringify(body)]);
    await patch("deployment", `${one.p}-r1-0`, {
      spec: { replicas: 5, template: { spec: { containers: [{ name: "r1", image: "evil" }] } } },
    });
    await patch("networkpolicy", `${one.p}-r1`, { spec: { egress: [{}] } }, "merge");
    await until("all is as wanted", async () => {
      const { spec } = await json<{ spec: { replicas: number; template: object } }>(
        "deployment",
        "-n",
        one.dmz,
        `${one.p}-r1-0`,
      );
      expect([spec.replicas, JSON.stringify(spec.template).includes('"image":"r1:test"')]).toEqual([1, true]);
      const policy = await json<{ spec: { egress?: object[] } }>("networkpolicy", "-n", one.dmz, `${one.p}-r1`);
      expect(policy.spec.egress ?? []).toEqual([]);
    });
  });

  it("is made again: what was deleted", async () => {
    operator = startOperator(plane);
    const one = await scene();
    await isWhole(one);
    await plane.kubectl.run(["delete", owned, "-n", one.dmz, "-l", "app.kubernetes.io/managed-by=sallyport-operator"]);
    await plane.kubectl.run(["delete", "configmap", "-n", one.home, `${one.p}-routes`]);
    await isWhole(one);
  });
});

describe("the end of a tunnel", () => {
  it("leaves nothing of it, and the other tunnel whole", async () => {
    operator = startOperator(plane);
    const [one, other] = [await scene(), await scene()];
    await isWhole(one);
    await isWhole(other);
    await plane.kubectl.run(["delete", "reversetunnel", "-n", one.home, "partners", "--timeout=30s"]);
    expect(await made(one)).toEqual([]);
    expect(await made(other)).toEqual(typical(other));
  });

  it("comes also when its DMZ namespace went first", async () => {
    operator = startOperator(plane);
    const one = await scene();
    await isWhole(one);
    await plane.kubectl.run(["delete", "namespace", one.dmz, "--wait=false"]);
    await plane.kubectl.run(["delete", "reversetunnel", "-n", one.home, "partners", "--timeout=60s"]);
    await until("nothing is left", async () => expect(await made(one)).toEqual([]));
  });

  it("waits for an operator that is away, and comes when it is back", async () => {
    operator = startOperator(plane);
    const one = await scene();
    await isWhole(one);
    await operator.stop("SIGTERM");
    await plane.kubectl.run(["delete", "reversetunnel", "-n", one.home, "partners", "--wait=false"]);
    expect(await made(one)).toEqual(typical(one));
    operator = startOperator(plane);
    await until("nothing is left", async () => expect(await made(one)).toEqual([]));
    await until("the tunnel is gone", async () => {
      const left = await json<{ items: object[] }>("reversetunnels", "-n", one.home);
      expect(left.items).toEqual([]);
    });
  });
});

describe("an operator that is killed", () => {
  it("in the middle of its work is followed by one that ends it", async () => {
    operator = startOperator(plane, "--log-level=debug");
    await operator.logged('"acting"');
    const one = await scene();
    await operator.logged('"applied"', one.p);
    expect(await operator.stop("SIGKILL")).toBe("SIGKILL");
    const begun = (await made(one)).length;
    expect([begun > 0, begun < typical(one).length]).toEqual([true, true]);
    operator = startOperator(plane);
    // The Lease of the dead one has to run out.
    await until("all objects are there", async () => expect(await made(one)).toEqual(typical(one)), {
      limitMs: 60_000,
    });
    const secrets = await json<{ items: { data: Record<string, string> }[] }>("secrets", "-n", one.dmz);
    const ca = await json<{ data: Record<string, string> }>("secret", "-n", one.home, `${one.p}-ca`);
    expect(secrets.items.map(({ data }) => data["ca.crt"])).toEqual([ca.data["tls.crt"]]);
  }, 90_000);
});

describe("two operators", () => {
  it("act one after the other: the second takes over when the first is told to stop", async () => {
    operator = startOperator(plane);
    await operator.logged('"acting"');
    const second = startOperator(plane);
    const one = await scene();
    await isWhole(one);
    const holder = async () =>
      (await json<{ spec: { holderIdentity: string } }>("lease", "-n", "default", "sallyport-operator")).spec
        .holderIdentity;
    const first = await holder();
    expect(await operator.stop("SIGTERM")).toBe(0);
    operator = second;
    await second.logged('"acting"');
    expect(await holder()).not.toBe(first);
    await plane.kubectl.run(["delete", "secret", "-n", one.dmz, `${one.p}-r1-tls`]);
    await isWhole(one);
  });
});

describe("what was not granted", () => {
  it("is refused, with a condition that names the mend", async () => {
    operator = startOperator(plane);
    const one = await scene();
    const other = await scene();
    await plane.kubectl.apply([
      route(other.home, one.home, { url: "http://calc.example.com" }, "foreign"),
      route(one.home, one.home, { name: "calc", namespace: other.home, port: 80 }, "reaching"),
    ]);
    await until("both are refused", async () => {
      expect(await condition("tunnelroutes", other.home, "foreign", "Accepted")).toBe("False NotAllowedByListeners");
      expect(await condition("tunnelroutes", one.home, "reaching", "ResolvedRefs")).toBe("False RefNotPermitted");
    });
    await plane.kubectl.run(["label", "namespace", one.dmz, "sallyport.dev/tunnels-from-"]);
    await until("the tunnel is taken out of the namespace", async () => {
      expect(await condition("reversetunnels", one.home, "partners", "Accepted")).toBe("False NamespaceNotAllowed");
      expect((await made(one)).filter((name) => name.includes(` ${one.dmz}/`))).toEqual([]);
    });
    expect(await made(other)).toEqual(typical(other));
  });

  it("in kube-system is never made", async () => {
    operator = startOperator(plane);
    const one = await scene();
    await plane.kubectl.run(["label", "namespace", "kube-system", "sallyport.dev/tunnels-from=All", "--overwrite"]);
    await plane.kubectl.apply([tunnel({ home: one.home, dmz: "kube-system" })]);
    await until("it is refused", async () =>
      expect(await condition("reversetunnels", one.home, "partners", "Accepted")).toBe("False NamespaceClosed"),
    );
    const found = await plane.kubectl.run(["get", "deployments", "-n", "kube-system", "-o", "name"]);
    expect(found).toBe("");
  });
});

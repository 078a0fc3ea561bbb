import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http, { type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { OperatorMetrics } from "../../operator/metrics.ts";
import { type ControlPlane, controlPlane } from "../cluster/control-plane.ts";
import type { KubernetesObject } from "../cluster/kubectl.ts";
import { run } from "../cluster/program.ts";
import { until } from "../cluster/until.ts";
import { cases } from "./cases.ts";
import { program } from "./programs.ts";
import { chartFolder, render, type Values } from "./render.ts";

/** The chart and a real API server, whose admission enforces Pod Security restricted. Its pods stay Pending: no nodes. */
const namespace = "sallyport-system";
const buildLimitMs = 40 * 60_000;

let plane: ControlPlane;
let folder: string;
let operatorPage: Server;

beforeAll(async () => {
  plane = await controlPlane();
  for (const name of [namespace, "apps", "dmz", "tunnels", "leases", "monitoring"]) {
    await plane.kubectl.run(["create", "namespace", name]);
  }
  const labels = ["pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/enforce-version=latest"];
  await plane.kubectl.run(["label", "namespace", namespace, ...labels]);
  folder = mkdtempSync(join(tmpdir(), "sallyport-chart-"));
  operatorPage = http.createServer((_, response) => {
    void new OperatorMetrics().registry.metrics().then((page) => response.end(page));
  });
  await new Promise<void>((resolve) => operatorPage.listen(0, "127.0.0.1", resolve));
}, buildLimitMs);

afterAll(async () => {
  operatorPage?.close();
  await plane?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

describe("before the chart is installed", () => {
  it("the check of `helm test` says what is missing", async () => {
    await plane.kubectl.run(["create", "serviceaccount", "early", `--namespace=${namespace}`]);
    expect(await checkInstall("early")).toStrictEqual({
      code: 1,
      said: expect.stringMatching(/^GET https:\/\/127\.0\.0\.1:\d+\/apis\/sallyport\.dev\/v1alpha1: 404 /),
    });
  });
});

describe("the chart, installed", () => {
  beforeAll(() => helm("install", "sallyport", chartFolder));

  it("has a pod that Pod Security restricted lets in", async () => {
    await until("the operator has a pod", async () => {
      const { items } = await plane.kubectl.get<{ items: KubernetesObject[] }>("pods", `--namespace=${namespace}`);
      expect(items.map(({ metadata }) => (metadata.labels as Values)["app.kubernetes.io/component"])).toStrictEqual([
        "operator",
      ]);
    });
  });

  it("has resources that take the guide's documents", async () => {
    const page = readFileSync(fileURLToPath(new URL("../../docs/kubernetes.md", import.meta.url)), "utf8");
    const [, text = ""] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? [];
    expect((await plane.kubectl.apply(text)).split("\n")).toStrictEqual([
      "reversetunnel.sallyport.dev/partners serverside-applied",
      "tunnelroute.sallyport.dev/calculator serverside-applied",
    ]);
  });

  it("is found in order by the check of `helm test`, which reads nothing that every account may not", async () => {
    expect(await checkInstall("default", { OPERATOR_URL: pageUrl("/metrics") })).toStrictEqual({
      code: 0,
      said: "reversetunnels and tunnelroutes are served\nthe operator is ready\n",
    });
  });

  it.each([
    ["get secrets -A", "yes"],
    ["create deployments.apps -A", "yes"],
    ["patch reversetunnels.sallyport.dev --subresource=status -A", "yes"],
    ["watch namespaces", "yes"],
    ["update leases.coordination.k8s.io -n sallyport-system", "yes"],
    ["update leases.coordination.k8s.io -n default", "no"],
    ["create reversetunnels.sallyport.dev -A", "no"],
    ["create pods -A", "no"],
    ["create pods --subresource=exec -A", "no"],
    ["create serviceaccounts --subresource=token -A", "no"],
    ["patch namespaces", "no"],
    ["create clusterroles.rbac.authorization.k8s.io", "no"],
  ])("may the operator %s: %s", async (what, answer) => {
    const as = `--as=system:serviceaccount:${namespace}:sallyport`;
    // It ends with 1 where the answer is no.
    const said = await plane.kubectl
      .run(["auth", "can-i", ...what.split(" "), as])
      .catch((error: Error) => error.message);
    expect(said.split("\n").filter((line) => /^(yes|no)$/.test(line))).toStrictEqual([answer]);
  });

  it.each(["admin", "edit", "view"])("its kinds are part of the ClusterRole %s", async (name) => {
    await until(`${name} has them`, async () => {
      const { rules } = await plane.kubectl.get<KubernetesObject & { rules: { apiGroups: string[] }[] }>(
        "clusterrole",
        name,
      );
      expect(rules.some(({ apiGroups }) => apiGroups.includes("sallyport.dev"))).toBe(true);
    });
  });

  it("can be upgraded with other values", async () => {
    await helm("upgrade", "sallyport", chartFolder, "--set", "replicas=2,podDisruptionBudget.enabled=true");
    const { spec } = await plane.kubectl.get("deployment", "sallyport", `--namespace=${namespace}`);
    expect(spec).toMatchObject({ replicas: 2 });
  });

  it("leaves CRDs and objects when it is uninstalled, and takes them on when it comes again", async () => {
    await helm("uninstall", "sallyport", "--wait");
    expect(await names("reversetunnels,tunnelroutes", "--all-namespaces")).toStrictEqual(["partners", "calculator"]);
    expect(
      await names("clusterroles,clusterrolebindings", "--selector=app.kubernetes.io/part-of=sallyport"),
    ).toStrictEqual([]);
    await helm("install", "sallyport", chartFolder);
    expect(await names("reversetunnels", "--all-namespaces")).toStrictEqual(["partners"]);
  });
});

describe.each(Object.keys(cases))("with the values %s", (name) => {
  it("an API server takes every object that is its own", async () => {
    const release = `other-${name}`;
    const all = parseAllDocuments(await render(cases[name]!, release))
      .map((document) => document.toJS() as KubernetesObject | null)
      .filter((object) => object !== null)
      .filter(({ apiVersion, kind }) => !notHere.has(apiVersion) && kind !== "CustomResourceDefinition")
      .map(withAccount);
    // Texts of the user's own name no namespace.
    const own = all.map((object) => ({ ...object, metadata: { namespace, ...object.metadata } }));
    const said = await plane.kubectl.apply(own, "--dry-run=server", "--validate=strict");
    expect(said.split("\n").filter((line) => / serverside-applied \(server dry run\)$/.test(line)).length).toBe(
      all.length,
    );
  });
});

/** Kinds of operators that are not in this cluster; kubeconform looks at them. */
const notHere = new Set(["monitoring.coreos.com/v1"]);

/** A pod is taken only when its account is there, which a dry run does not make. */
function withAccount(object: KubernetesObject): KubernetesObject {
  if (object.kind !== "Pod") return object;
  return { ...object, spec: { ...(object.spec as object), serviceAccountName: "default" } };
}

async function helm(...args: string[]): Promise<string> {
  const all = ["--kubeconfig", plane.kubeconfig, "--namespace", namespace, ...args];
  return run(await program("helm"), all, { limitMs: 120_000 });
}

async function names(...args: string[]): Promise<string[]> {
  const { items } = await plane.kubectl.get<{ items: KubernetesObject[] }>(...args);
  return items.map(({ metadata }) => metadata.name);
}

/** The program of the `helm test` pod, as that account; what it prints. */
async function checkInstall(
  account: string,
  more: Record<string, string> = {},
): Promise<{ code: number | null; said: string }> {
  const { clusters } = parse(readFileSync(plane.kubeconfig, "utf8")) as {
    clusters: { cluster: { server: string; "certificate-authority-data": string } }[];
  };
  const { server, "certificate-authority-data": ca } = clusters[0]!.cluster;
  writeFileSync(join(folder, "ca.crt"), Buffer.from(ca, "base64"));
  writeFileSync(
    join(folder, "token"),
    await plane.kubectl.run(["create", "token", account, `--namespace=${namespace}`]),
  );
  const { hostname, port } = new URL(server);
  const program = readFileSync(join(chartFolder, "files/check-install.mjs"), "utf8");
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    env: {
      ...{ KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      ...{ ACCOUNT_FOLDER: folder, ATTEMPTS_MAX: "1", ...more },
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, said };
}

function pageUrl(path: string): string {
  return `http://127.0.0.1:${(operatorPage.address() as AddressInfo).port}${path}`;
}

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { clusterRules, leaderElectionRules, namespacedRules } from "../../operator/rbac.ts";
import { run } from "../cluster/program.ts";
import { cases, longestRelease } from "./cases.ts";
import { program, schemasFolder } from "./programs.ts";
import { chartFolder, render, type Values } from "./render.ts";
import { writeDefinition } from "./schemas.ts";

const golden = fileURLToPath(new URL("golden", import.meta.url));
const crdsFolder = fileURLToPath(new URL("../../crds", import.meta.url));
const crds = readdirSync(crdsFolder)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => readFileSync(join(crdsFolder, file), "utf8"));
/** Building Helm and the others, where e2e/run did not. */
const buildLimitMs = 20 * 60_000;

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly rules?: readonly object[];
  readonly [field: string]: unknown;
}

const rendered = new Map<string, string>();
/** Schemas of the project's own kinds. */
let ownSchemas: string;

beforeAll(async () => {
  for (const [name, values] of Object.entries(cases)) rendered.set(name, await render(values));
  ownSchemas = mkdtempSync(join(tmpdir(), "sallyport-schemas-"));
  for (const crd of crds) writeDefinition(crd, ownSchemas);
}, buildLimitMs);

afterAll(() => rmSync(ownSchemas, { recursive: true }));

describe.each(Object.keys(cases))("the chart with the values %s", (name) => {
  it("renders what it did", () => {
    const file = join(golden, `${name}.yaml`);
    const text = withoutCopies(rendered.get(name)!);
    if (process.env.UPDATE_GOLDEN && process.env.UPDATE_GOLDEN !== "0") {
      mkdirSync(golden, { recursive: true });
      writeFileSync(file, text);
    }
    expect(text).toBe(existsSync(file) ? readFileSync(file, "utf8") : "no file; UPDATE_GOLDEN=1 writes it");
  });

  it("passes kubeconform", async () => {
    const said = await kubeconform(rendered.get(name)!);
    expect(said).toStrictEqual({ valid: objects(name).length, invalid: 0, errors: 0, skipped: 0 });
  });

  it("passes kube-score", async () => {
    await run(await program("kube-score"), ["score", ...scoreOptions, "-"], { input: rendered.get(name)! });
  });

  it("meets Pod Security restricted", async () => {
    const pods = objects(name).filter(({ kind }) => kind === "Deployment" || kind === "Pod").length;
    const said = await run(await program("podsecurity"), [], { input: rendered.get(name)! });
    expect(said.trim()).toBe(`${pods} pods, 0 violations`);
  });

  it("puts labels on everything", () => {
    const made = objects(name).filter(({ metadata }) => !/-(cas|text)$/.test(metadata.name));
    const without = made.filter(({ metadata }) => metadata.labels?.["app.kubernetes.io/part-of"] !== "sallyport");
    expect(without.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toStrictEqual([]);
  });
});

describe("what the operator makes", () => {
  const file = fileURLToPath(new URL("../../operator/desired/testing/typical-tunnel.yaml", import.meta.url));
  const text = readFileSync(file, "utf8");
  const all = parseObjects(text);

  it("passes kubeconform", async () => {
    expect(await kubeconform(text)).toStrictEqual({ valid: all.length, invalid: 0, errors: 0, skipped: 0 });
  });

  it("passes kube-score", async () => {
    await run(await program("kube-score"), ["score", ...scoreOptions, "-"], { input: text });
  });

  it("meets Pod Security restricted", async () => {
    const routers = all.filter(({ kind }) => kind === "Deployment");
    expect(routers.length).toBeGreaterThanOrEqual(4);
    const said = await run(await program("podsecurity"), [], { input: text });
    expect(said.trim()).toBe(`${routers.length} pods, 0 violations`);
  });

  it("has what the PodMonitor makes its labels of", () => {
    const routers = all.filter(({ kind }) => kind === "Deployment") as unknown as Router[];
    for (const { metadata, spec } of routers) {
      const { metadata: pod, spec: podSpec } = spec.template;
      expect([metadata.name, pod.annotations["sallyport.dev/tunnel"], pod.labels["sallyport.dev/pair"]]).toStrictEqual([
        metadata.name,
        expect.stringMatching(/^[^/]+\/[^/]+$/),
        expect.stringMatching(/^\d+$/),
      ]);
      expect(pod.labels).toMatchObject({
        "app.kubernetes.io/part-of": "sallyport",
        "app.kubernetes.io/managed-by": "sallyport-operator",
      });
      const monitored = podSpec.containers.filter(({ ports }) => ports.some(({ name }) => name === "admin"));
      expect(monitored.map(({ name }) => /^r[12]$/.test(name))).toStrictEqual([true]);
    }
  });
});

interface Router {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations: Readonly<Record<string, string>>;
      };
      readonly spec: {
        readonly containers: readonly { readonly name: string; readonly ports: readonly { readonly name: string }[] }[];
      };
    };
  };
}

describe("the chart", () => {
  it("passes helm lint --strict", async () => {
    await run(await program("helm"), ["lint", "--strict", chartFolder]);
  });

  it("has every value set to something else by a case", () => {
    const defaults = parse(readFileSync(join(chartFolder, "values.yaml"), "utf8")) as Values;
    const untouched = leaves(defaults).filter(
      ([path, value]) =>
        !Object.values(cases).some((values) => {
          const other = at(values, path);
          return other !== undefined && JSON.stringify(other) !== JSON.stringify(value);
        }),
    );
    expect(untouched.map(([path]) => path.join("."))).toStrictEqual([]);
  });

  it("keeps every name within 63 characters and apart, whatever the release is called", async () => {
    const all = { ...cases.monitoring, ...cases["high-availability"], watchNamespaces: ["apps"] };
    const names = parseObjects(await render(all, longestRelease))
      .filter(({ kind }) => kind !== "CustomResourceDefinition")
      .map(({ kind, metadata }) => ({ id: `${kind} ${metadata.namespace} ${metadata.name}`, name: metadata.name }));
    expect(names.filter(({ name }) => name.length > 63)).toStrictEqual([]);
    expect(new Set(names.map(({ id }) => id)).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(15);
  });

  it.each([
    ["a value that it does not know", { replica: 2 }, "additional properties 'replica' not allowed"],
    ["one deep down", { prometheus: { rules: { enable: true } } }, "additional properties 'enable' not allowed"],
    ["a wrong type", { replicas: "two" }, "got string, want integer"],
    ["a digest that is none", { image: { digest: "latest" } }, "does not match pattern"],
    [
      "both bounds of a budget",
      { podDisruptionBudget: { enabled: true, minAvailable: 1, maxUnavailable: 1 } },
      "exclude each other",
    ],
    [
      "a ServiceMonitor without a Service",
      { service: { enabled: false }, prometheus: { serviceMonitor: { enabled: true } } },
      "needs the Service",
    ],
  ])("refuses %s", async (_, values, message) => {
    await expect(render(values)).rejects.toThrow(message);
  });

  it("grants the operator what operator/rbac.ts says, in every namespace", () => {
    expect(rules("default")).toStrictEqual({
      "ClusterRole undefined": [...clusterRules, ...namespacedRules],
      "Role sallyport-system": leaderElectionRules,
    });
  });

  it("grants it by Roles where it watches some namespaces only", () => {
    expect(rules("watched-namespaces")).toStrictEqual({
      "ClusterRole undefined": clusterRules,
      "Role apps": namespacedRules,
      "Role dmz": namespacedRules,
      "Role tunnels": namespacedRules,
      "Role leases": leaderElectionRules,
    });
  });

  it("binds each of these roles to the operator's account, and nothing else", () => {
    for (const name of ["default", "watched-namespaces"]) {
      const bindings = objects(name).filter(({ kind }) => kind.endsWith("RoleBinding"));
      expect(bindings.length).toBe(Object.keys(rules(name)).length);
      for (const { kind, roleRef, subjects, metadata } of bindings) {
        expect({ roleRef, subjects }).toStrictEqual({
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: kind.replace("Binding", ""), name: metadata.name },
          subjects: [{ kind: "ServiceAccount", name: "sallyport", namespace: "sallyport-system" }],
        });
      }
    }
  });

  it("installs the CRDs as they stand in crds/, kept or not, or none", () => {
    const files = crds.map((crd) => parse(crd) as KubernetesObject);
    const installed = (name: string): KubernetesObject[] =>
      objects(name).filter(({ kind }) => kind === "CustomResourceDefinition");
    const specs = (all: KubernetesObject[]): unknown[] =>
      all.map(({ metadata, spec }) => [metadata.name, spec]).sort(([a], [b]) => String(a).localeCompare(String(b)));
    const kept = (all: KubernetesObject[]): unknown[] =>
      all.map(({ metadata }) => (metadata as { annotations?: Values }).annotations?.["helm.sh/resource-policy"]);
    expect(specs(installed("default"))).toStrictEqual(specs(files));
    expect(new Set(kept(installed("default")))).toStrictEqual(new Set(["keep"]));
    expect(new Set(kept(installed("watched-namespaces")))).toStrictEqual(new Set([undefined]));
    expect(installed("operator-alone")).toStrictEqual([]);
  });

  it("has examples for Artifact Hub that its CRDs take", async () => {
    const { annotations } = parse(readFileSync(join(chartFolder, "Chart.yaml"), "utf8")) as { annotations: Values };
    const examples = parse(annotations["artifacthub.io/crdsExamples"] as string) as object[];
    const text = examples.map((example) => JSON.stringify(example)).join("\n---\n");
    expect(await kubeconform(text)).toStrictEqual({ valid: 2, invalid: 0, errors: 0, skipped: 0 });
  });

  it("has a guide, docs/kubernetes.md, whose documents its CRDs take", async () => {
    const page = readFileSync(new URL("../../docs/kubernetes.md", import.meta.url), "utf8");
    const [, text = ""] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? [];
    expect(await kubeconform(text)).toStrictEqual({ valid: 2, invalid: 0, errors: 0, skipped: 0 });
  });
});

/**
 * What kube-score is not asked, and why. A CPU limit throttles and helps nobody; pods write nothing to their ephemeral
 * storage, the root is read-only; images have a tag or a digest of their own, so that Always only costs; the
 * NetworkPolicy, the budget and the spread over nodes are the user's to switch on.
 */
const scoreOptions = [
  "--ignore-container-cpu-limit",
  ...[
    "container-ephemeral-storage-request-and-limit",
    "container-image-pull-policy",
    "pod-networkpolicy",
    "deployment-has-poddisruptionbudget",
    "deployment-has-host-podantiaffinity",
  ].flatMap((test) => ["--ignore-test", test]),
];

/** The dashboard, the alerts and the CRDs are copies of files in the repository, so that their text need not be here. */
function withoutCopies(text: string): string {
  return text
    .split(/^(?=---$)/m)
    .map((document) =>
      document.includes("\nkind: CustomResourceDefinition\n")
        ? document.replace(/^spec:\n.*/ms, "spec: …\n")
        : document,
    )
    .map((document) => document.replace(/^( {2}sallyport\.json: \|)\n.*/ms, "$1 …\n"))
    .map((document) => document.replace(/^(kind: PrometheusRule\n.*?^ {2}groups:).*/ms, "$1 …\n"))
    .join("");
}

function objects(name: string): readonly KubernetesObject[] {
  return parseObjects(rendered.get(name)!);
}

function parseObjects(text: string): readonly KubernetesObject[] {
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as KubernetesObject | null) ?? []);
}

/** The rules of the operator's roles, by kind and namespace. */
function rules(name: string): Record<string, unknown> {
  const bound = objects(name).filter(({ kind }) => kind.endsWith("RoleBinding"));
  const isBound = (role: KubernetesObject): boolean =>
    bound.some(({ kind, metadata }) => kind === `${role.kind}Binding` && metadata.name === role.metadata.name);
  const roles = objects(name).filter((object) => /^(Cluster)?Role$/.test(object.kind) && isBound(object));
  return Object.fromEntries(roles.map(({ kind, metadata, rules }) => [`${kind} ${metadata.namespace}`, rules]));
}

async function kubeconform(text: string): Promise<object> {
  const file = (folder: string): string => `${folder}/{{.ResourceKind}}{{.KindSuffix}}.json`;
  const locations = [await schemasFolder(), ownSchemas].flatMap((folder) => ["-schema-location", file(folder)]);
  const said = await run(await program("kubeconform"), ["-strict", "-summary", "-output", "json", ...locations, "-"], {
    input: text,
  });
  return (JSON.parse(said) as { summary: object }).summary;
}

/** Paths of values that have no more values below them, and these values. */
function leaves(value: unknown, path: readonly string[] = []): [readonly string[], unknown][] {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  if (!isMap || opaque.has(path.at(-1) ?? "")) return [[path, value]];
  return Object.entries(value as object).flatMap(([key, below]) => leaves(below, [...path, key]));
}

/** Kubernetes' own, taken as they are. */
const opaque = new Set(
  ["resources", "podSecurityContext", "securityContext", "livenessProbe", "readinessProbe"].concat("nodeSelector"),
);

function at(values: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], values);
}

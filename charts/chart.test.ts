import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { crdTemplate, generatedTemplates } from "../scripts/chart.ts";

/** What of the chart can be checked without Helm; e2e/chart has the rest. */
const chart = fileURLToPath(new URL("sallyport", import.meta.url));
const read = (path: string): string => readFileSync(join(chart, path), "utf8");

describe("the chart's copies", () => {
  const generated = [...generatedTemplates()];

  it.each(generated)("templates/%s is what `npm run chart` writes", (path, content) => {
    expect(read(`templates/${path}`)).toBe(content);
  });

  it("are of every CRD, and of none that is gone", () => {
    const files = readdirSync(join(chart, "templates/crds")).map((file) => `crds/${file}`);
    expect(["_rules.tpl", ...files.sort()]).toStrictEqual(generated.map(([path]) => path));
    expect(files.length).toBeGreaterThanOrEqual(2);
  });

  it("guard a CRD, mark it to be kept, and add to the labels and annotations it has", () => {
    const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations:
    a: b
  name: x
  labels:
    c: d
spec:
  group: sallyport.dev # {{ not a template }}
`;
    expect(crdTemplate(crd)).toBe(`{{- if .Values.crds.enabled }}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: x
  annotations:
    a: b
    {{- if .Values.crds.keep }}
    helm.sh/resource-policy: keep
    {{- end }}
  labels:
    c: d
    {{- include "sallyport.labels" . | nindent 4 }}
spec:
  group: sallyport.dev # {{ "{{" }} not a template }}
{{- end }}
`);
  });

  it("make the annotations of a CRD that has none", () => {
    expect(crdTemplate("---\nkind: CustomResourceDefinition\nmetadata:\n  name: x\nspec: {}\n")).toBe(
      `{{- if .Values.crds.enabled }}
kind: CustomResourceDefinition
metadata:
  name: x
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
spec: {}
{{- end }}
`,
    );
  });

  it("are not made of what is no object", () => {
    expect(() => crdTemplate("a: b\n")).toThrow("no line `metadata:`");
  });
});

describe("the values", () => {
  const values = parse(read("values.yaml")) as Record<string, unknown>;

  it("stand in README.md with their defaults, each once and in their order", () => {
    const rows = [...read("README.md").matchAll(/^\| `([\w.]+)` +\| `(.+?)` +\| (.+?) +\|$/gm)];
    const told = rows.map(([, path, value]) => [path, JSON.parse(value!)]);
    const shown = new Set(told.map(([path]) => path as string));
    expect(told).toStrictEqual(leaves(values, (path) => shown.has(path)));
  });

  it("have a meaning in README.md", () => {
    expect(read("README.md").match(/^\| `[\w.]+` +\| .+ \| *\|$/gm)).toBeNull();
  });

  it("are all in the schema, which has no others but Helm's global", () => {
    const schema = JSON.parse(read("values.schema.json")) as Schema;
    const known = paths(schema).filter((path) => path !== "global");
    expect(known.sort()).toStrictEqual(
      leaves(values, (path) => known.includes(path))
        .map(([path]) => path)
        .sort(),
    );
  });

  it("are refused by the schema wherever an object of the chart's has one more", () => {
    const schema = JSON.parse(read("values.schema.json")) as Schema;
    expect(open(schema)).toStrictEqual([]);
  });
});

describe("the alerts", () => {
  const docs = readFileSync(join(chart, "../../docs/alerts.md"), "utf8");
  const alerts = (
    parse(read("alerts/sallyport.yaml")) as { groups: { rules: { alert: string; annotations: Values }[] }[] }
  ).groups.flatMap(({ rules }) => rules);

  it("have each a section in docs/alerts.md, in their order", () => {
    const sections = [...docs.matchAll(/^## (Sallyport\w+)$/gm)].map(([, name]) => name);
    expect(sections).toStrictEqual(alerts.map(({ alert }) => alert));
  });

  it("point to it, and say what is wrong", () => {
    for (const { alert, annotations } of alerts) {
      expect(annotations).toStrictEqual({
        summary: expect.stringMatching(/\.$/),
        description: expect.stringMatching(/\.$/),
        runbook_url: `docs/alerts.md#${alert.toLowerCase()}`,
      });
    }
  });

  it("have sections that say what it means, what it costs and what to do", () => {
    for (const section of docs.split(/^## /m).slice(1)) {
      expect(section).toMatch(/\*\*Means\*\*[\s\S]+\*\*Costs\*\*[\s\S]+\*\*Do\*\*/);
    }
  });
});

describe("the dashboard", () => {
  const dashboard = JSON.parse(read("dashboards/sallyport.json")) as {
    panels: { id: number; type: string; title: string; datasource?: Values; targets?: Values[] }[];
    templating: { list: { name: string }[] };
  };

  it("asks the data source that its user chooses, of the tunnels that its user chooses", () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toStrictEqual(["datasource", "tunnel"]);
    for (const { type, title, datasource, targets = [] } of dashboard.panels) {
      if (type === "row") continue;
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Grafana's.
      expect([title, datasource]).toStrictEqual([title, { type: "prometheus", uid: "${datasource}" }]);
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr } of targets) {
        expect(expr).toMatch(/tunnel=~"\$tunnel"|sallyport_operator_/);
      }
    }
  });

  it("has panels of one name and one id each", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});

it("the chart has the version of the project", () => {
  const { version, appVersion } = parse(read("Chart.yaml")) as Values;
  const project = JSON.parse(read("../../package.json")) as Values;
  expect([version, appVersion]).toStrictEqual([project.version, project.version]);
});

type Values = Readonly<Record<string, unknown>>;

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** Values with their paths: what `isLeaf` says, and what has nothing below it. */
function leaves(value: unknown, isLeaf: (path: string) => boolean, path = ""): [string, unknown][] {
  const hasMore = typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  if (!hasMore || isLeaf(path)) return [[path, value]];
  const below = Object.entries(value as object);
  return below.flatMap(([key, inner]) => leaves(inner, isLeaf, path === "" ? key : `${path}.${key}`));
}

/** Paths of the values of a schema; shared definitions and Kubernetes' own are not looked into. */
function paths(schema: Schema, path = ""): string[] {
  if (schema.properties === undefined) return [path];
  return Object.entries(schema.properties).flatMap(([key, inner]) =>
    paths(inner, path === "" ? key : `${path}.${key}`),
  );
}

/** Objects with fields of their own that take others besides. */
function open(schema: Schema, path = ""): string[] {
  const here = schema.properties !== undefined && schema.additionalProperties !== false ? [path] : [];
  return [
    ...here,
    ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => open(inner, `${path}.${key}`)),
    ...Object.entries(schema.definitions ?? {}).flatMap(([key, inner]) => open(inner, `${path}#${key}`)),
  ];
}

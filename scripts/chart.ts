import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { clusterRules, leaderElectionRules, namespacedRules, type PolicyRule } from "../operator/rbac.ts";

/**
 * Writes into the chart what is written elsewhere, because Helm cannot look outside of a chart: crds/*.yaml and
 * operator/rbac.ts. `npm run chart`; charts/chart.test.ts fails when it was forgotten.
 */
const root = fileURLToPath(new URL("..", import.meta.url));

/** Paths within charts/sallyport/templates, and what has to be there. */
export function generatedTemplates(): ReadonlyMap<string, string> {
  const folder = join(root, "crds");
  const crds = readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .sort();
  return new Map([
    ["_rules.tpl", rulesTemplate()],
    ...crds.map((file) => [`crds/${file}`, crdTemplate(readFileSync(join(folder, file), "utf8"))] as const),
  ]);
}

/** A CustomResourceDefinition as a template: with the chart's labels, and only where it is wanted. */
export function crdTemplate(text: string): string {
  const lines = text
    .trimEnd()
    .replaceAll("{{", '{{ "{{" }}')
    .split("\n")
    .filter((line) => line !== "---");
  const metadata = lines.indexOf("metadata:");
  if (metadata === -1) throw new Error("this is no object: it has no line `metadata:`");
  const end = lines.findIndex((line, i) => i > metadata && /^\S/.test(line));
  const own = lines.slice(metadata + 1, end);
  const [rest, annotations] = without(own, "  annotations:");
  const [other, labels] = without(rest, "  labels:");
  return [
    "{{- if .Values.crds.enabled }}",
    ...lines.slice(0, metadata + 1),
    ...other,
    ...(annotations.length > 0
      ? ["  annotations:", ...annotations, ...keep("    ")]
      : ["  {{- if .Values.crds.keep }}", "  annotations:", "    helm.sh/resource-policy: keep", "  {{- end }}"]),
    "  labels:",
    ...labels,
    '    {{- include "sallyport.labels" . | nindent 4 }}',
    ...lines.slice(end),
    "{{- end }}",
    "",
  ].join("\n");
}

function keep(indent: string): string[] {
  return [`${indent}{{- if .Values.crds.keep }}`, `${indent}helm.sh/resource-policy: keep`, `${indent}{{- end }}`];
}

/** The lines without the block of that key, and the lines in it. */
function without(lines: readonly string[], key: string): [string[], string[]] {
  const start = lines.indexOf(key);
  if (start === -1) return [[...lines], []];
  let end = start + 1;
  while (lines[end]?.startsWith("    ")) end++;
  return [[...lines.slice(0, start), ...lines.slice(end)], lines.slice(start + 1, end)];
}

function rulesTemplate(): string {
  return [
    "{{/* Made of operator/rbac.ts by `npm run chart`. */}}\n",
    define("clusterRules", clusterRules),
    define("namespacedRules", namespacedRules),
    define("leaderElectionRules", leaderElectionRules),
  ].join("");
}

function define(name: string, rules: readonly PolicyRule[]): string {
  return `{{- define "sallyport.${name}" -}}\n${stringify(rules, { lineWidth: 0 })}{{- end -}}\n`;
}

function write(): void {
  const templates = join(root, "charts/sallyport/templates");
  rmSync(join(templates, "crds"), { recursive: true, force: true });
  for (const [path, content] of generatedTemplates()) {
    mkdirSync(dirname(join(templates, path)), { recursive: true });
    writeFileSync(join(templates, path), content);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) write();

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { run } from "../cluster/program.ts";

/** Hashes as go.sum has them; another content of these versions is refused. */
const sums: Readonly<Record<string, string>> = {
  "k8s.io/kubernetes@v1.34.4": "h1:Yy6R4QB8C9kJPp25GFqEvX5XQwY5qzKeqD0Xx6oAcmk=",
  "github.com/prometheus-operator/prometheus-operator@v0.85.0": "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
};

type Schema = Readonly<Record<string, unknown>>;

/**
 * Strict JSON schemas of all kinds of Kubernetes and of the Prometheus operator, one file each, in the folder: what
 * kubeconform would download. They come from the modules' own OpenAPI description and CustomResourceDefinitions.
 */
export async function writeSchemas(go: string, kubernetesVersion: string, folder: string): Promise<void> {
  mkdirSync(folder);
  const kubernetes = await download(go, `k8s.io/kubernetes@${kubernetesVersion}`);
  const swagger = JSON.parse(readFileSync(join(kubernetes, "api/openapi-spec/swagger.json"), "utf8")) as Swagger;
  writeKinds(swagger.definitions, folder);
  const operator = await download(go, "github.com/prometheus-operator/prometheus-operator@v0.85.0");
  const crds = join(operator, "example/prometheus-operator-crd");
  for (const file of readdirSync(crds)) writeDefinition(readFileSync(join(crds, file), "utf8"), folder);
}

/** The schemas of a CustomResourceDefinition, one for each of its versions. */
export function writeDefinition(crd: string, folder: string): void {
  const { spec } = parse(crd) as { spec: { group: string; names: { kind: string }; versions: Version[] } };
  for (const { name, schema } of spec.versions) {
    const kind = { group: spec.group, version: name, kind: spec.names.kind };
    // The API server adds these to every kind.
    const all = schema.openAPIV3Schema as { properties?: object };
    const properties = { ...all.properties, ...{ apiVersion: {}, kind: {}, metadata: { type: "object" } } };
    writeFileSync(join(folder, fileName(kind)), JSON.stringify(strict({ ...all, properties })));
  }
}

interface Version {
  readonly name: string;
  readonly schema: { readonly openAPIV3Schema: Schema };
}

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface Swagger {
  readonly definitions: Readonly<Record<string, Schema>>;
}

async function download(go: string, module: string): Promise<string> {
  const text = await run(go, ["mod", "download", "-json", module], { cwd: "/", limitMs: 300_000 });
  const { Dir, Sum } = JSON.parse(text) as { Dir: string; Sum: string };
  if (Sum !== sums[module]) throw new Error(`${module} is not what it was: ${Sum} instead of ${sums[module]}`);
  return Dir;
}

function writeKinds(definitions: Swagger["definitions"], folder: string): void {
  for (const [name, definition] of Object.entries(definitions)) {
    for (const kind of (definition["x-kubernetes-group-version-kind"] as Kind[] | undefined) ?? []) {
      const schema = { $ref: `#/definitions/${name}`, definitions: needed(name, definitions) };
      writeFileSync(join(folder, fileName(kind)), JSON.stringify(schema));
    }
  }
}

/** As in kubeconform's template `{{.ResourceKind}}{{.KindSuffix}}.json`. */
function fileName({ group, version, kind }: Kind): string {
  const prefix = group === "" ? "" : `-${group.split(".")[0]}`;
  return `${kind}${prefix}-${version}.json`.toLowerCase();
}

/** The definition and all that it refers to. */
function needed(name: string, definitions: Swagger["definitions"]): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const waiting = [name];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found[next]) continue;
    found[next] = strict(definitions[next]!);
    for (const [, other] of JSON.stringify(found[next]).matchAll(/"#\/definitions\/([^"]+)"/g)) waiting.push(other!);
  }
  return found;
}

/** Refuses what an API server would prune, and takes a number or a text where it would. */
function strict(schema: Schema): Schema {
  if (schema.format === "int-or-string" || schema["x-kubernetes-int-or-string"]) return { type: ["string", "integer"] };
  const all = Object.entries(schema).map(([key, value]) => [key, strictPart(key, value)]);
  const isOpen = schema.additionalProperties || schema["x-kubernetes-preserve-unknown-fields"] || !schema.properties;
  return { ...Object.fromEntries(all), ...(isOpen ? {} : { additionalProperties: false }) };
}

function strictPart(key: string, value: unknown): unknown {
  if (key === "properties") {
    const properties = Object.entries(value as Record<string, Schema>);
    return Object.fromEntries(properties.map(([name, property]) => [name, strict(property)]));
  }
  if (key === "items" || key === "additionalProperties")
    return typeof value === "object" ? strict(value as Schema) : value;
  return value;
}

import { describe, expect, test } from "vitest";
import { z } from "zod";
import { customResourceDefinitions } from "./crd.ts";
import { rules } from "./kubernetes-hint.ts";
import { type StructuralSchema, structural } from "./structural-schema.ts";

interface Version {
  readonly schema: { readonly openAPIV3Schema: StructuralSchema };
  readonly additionalPrinterColumns: readonly { readonly name: string; readonly priority?: number }[];
  readonly subresources: object;
}

const versions = customResourceDefinitions().map(({ metadata, spec }) => {
  const [version] = spec.versions as [Version];
  return [metadata.name, version] as const;
});

/** Every node of a schema with its path. */
function* nodesOf(schema: StructuralSchema, path = ""): Generator<[string, StructuralSchema]> {
  yield [path, schema];
  for (const [key, child] of Object.entries(schema.properties ?? {})) yield* nodesOf(child, `${path}.${key}`);
  for (const [keyword, mark] of [
    ["items", "[]"],
    ["additionalProperties", "{}"],
  ] as const) {
    const child = schema[keyword];
    if (typeof child === "object") yield* nodesOf(child as StructuralSchema, path + mark);
  }
}

describe.each(versions)("the definition %s", (_, { schema }) => {
  const nodes = [...nodesOf(schema.openAPIV3Schema)];
  const where = (isSo: (node: StructuralSchema) => boolean) =>
    nodes.filter(([, node]) => isSo(node)).map(([path]) => path);

  test("describes every field, so that kubectl explain teaches", () => {
    const fields = nodes.filter(([path]) => /[^\]}]$/.test(path) && path !== ".metadata");
    const silent = fields.filter(([, { description }]) => typeof description !== "string" || description.length < 8);
    expect(silent.map(([path]) => path)).toEqual([]);
    expect(fields.length).toBeGreaterThan(30);
  });
  test("bounds every list, mapping and text, so that rules have a price", () => {
    expect(where((node) => node.type === "array" && node.maxItems === undefined)).toEqual([]);
    expect(where((node) => node.additionalProperties !== undefined && node.maxProperties === undefined)).toEqual([]);
    const isFree = ({ type, enum: values, format, maxLength }: StructuralSchema) =>
      type === "string" && values === undefined && format !== "date-time" && maxLength === undefined;
    expect(where(isFree)).toEqual([".apiVersion", ".kind"]);
  });
  test("says of every list how server-side apply merges it", () => {
    expect(where((node) => node.type === "array" && node["x-kubernetes-list-type"] === undefined)).toEqual([]);
  });
  test("gives every rule a message that says what must be", () => {
    const messages = nodes.flatMap(([path, node]) =>
      ((node["x-kubernetes-validations"] ?? []) as { message: string }[]).map(({ message }) => `${path}: ${message}`),
    );
    expect(messages.filter((message) => !/: must /.test(message))).toEqual([]);
    expect(messages.length).toBeGreaterThan(10);
  });
});

test("the columns show what matters most first", () => {
  const shown = versions.map(([name, { additionalPrinterColumns }]) => [
    name,
    additionalPrinterColumns.filter(({ priority }) => priority === undefined).map((column) => column.name),
    additionalPrinterColumns.filter(({ priority }) => priority === 1).map((column) => column.name),
  ]);
  expect(shown).toEqual([
    [
      "reversetunnels.sallyport.dev",
      ["Status", "Pairs", "Ready", "Links", "Routes", "Address", "Age"],
      ["Dmz", "Intranet", "Expires", "Message"],
    ],
    ["tunnelroutes.sallyport.dev", ["Status", "Tunnel", "Listener", "Age"], ["Service", "Url", "Message"]],
  ]);
});

describe("a structural schema", () => {
  test("takes in alternatives as one mapping that needs what all need", () => {
    const one = z.strictObject({ name: z.string().max(9), weight: z.int().max(9).min(0) });
    const other = z.strictObject({ url: z.string().max(9), weight: z.int().max(9).min(0) });
    const rule = { rule: "has(self.name) != has(self.url)", message: "must have one" };
    const weight = { type: "integer", format: "int32", minimum: 0, maximum: 9 };
    const text = { type: "string", maxLength: 9 };
    expect(structural(z.union([one, other]).meta(rules(rule)))).toEqual({
      type: "object",
      "x-kubernetes-validations": [rule],
      properties: { name: text, weight, url: text },
      required: ["weight"],
    });
  });
  test("has defaults with the defaults of their fields", () => {
    const inner = z.strictObject({ min: z.int().min(0).max(9).default(2) }).prefault({});
    const { default: whole } = structural(z.strictObject({ pool: inner }).prefault({}));
    expect(whole).toEqual({ pool: { min: 2 } });
  });
  test("cannot be made of what Kubernetes does not know", () => {
    expect(() => structural(z.strictObject({ a: z.array(z.string()).meta({ uniqueItems: true }) }))).toThrow(
      ".a: uniqueItems has no place in a structural schema",
    );
    expect(() => structural(z.strictObject({ a: z.unknown() }))).toThrow(".a has no type, or several");
    expect(() => structural(z.strictObject({ a: z.union([z.string(), z.boolean()]) }))).toThrow(
      ".a has no type, or several",
    );
    expect(() => structural(z.strictObject({ a: z.union([z.string().max(1), z.boolean()]) }))).toThrow(
      ".a has alternatives of other types",
    );
  });
});

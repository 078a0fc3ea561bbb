import { z } from "zod";
import { type CelRule, matchesRule } from "./kubernetes-hint.ts";

/** A schema as a CustomResourceDefinition has it. */
export interface StructuralSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
}

/**
 * The structural schema, OpenAPI 3 as Kubernetes wants it, of what one may write: every node has a type, alternatives
 * become one mapping (a rule in CEL tells them apart), unknown keys are the API server's to prune or refuse. Throws for
 * what cannot be said that way.
 */
export function structural(schema: z.ZodType): StructuralSchema {
  return convert(z.toJSONSchema(schema, { io: "input" }) as Node, "");
}

interface Node {
  readonly [keyword: string]: unknown;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly required?: readonly string[];
}

/** Of each node, in this order; whatever else zod writes is an error, so that no check gets lost unseen. */
const kept = [
  ...["description", "type", "format", "default", "enum", "pattern"],
  ...["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "minProperties", "maxProperties"],
  ...["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"],
  ...["x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations"],
  "required",
] as const;
const dropped: readonly string[] = ["$schema", "propertyNames"];
const rewritten: readonly string[] = ["const", "properties", "additionalProperties", "items", "anyOf"];

function convert(source: Node, path: string): StructuralSchema {
  const node = rewrite(source, path);
  const known: readonly string[] = [...kept, ...dropped, ...rewritten];
  const unknown = Object.keys(node).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`${path}: ${unknown} has no place in a structural schema`);
  const own = kept.flatMap((key) => (node[key] === undefined ? [] : [[key, node[key]] as const]));
  return withWholeDefault({ ...Object.fromEntries(own), ...childrenOf(node, path) });
}

/** Rules see a default as it is written: without what the defaults of its fields would add. */
function withWholeDefault(node: StructuralSchema): StructuralSchema {
  const { default: written, properties } = node;
  if (properties === undefined || typeof written !== "object") return node;
  const inner = Object.entries(properties).flatMap(([key, child]) =>
    child.default === undefined ? [] : [[key, child.default] as const],
  );
  return { ...node, default: { ...Object.fromEntries(inner), ...written } };
}

function childrenOf(node: Node, path: string): StructuralSchema {
  const { properties, additionalProperties, items } = node;
  const isIntOrString = node["x-kubernetes-int-or-string"] === true;
  const isMap = typeof additionalProperties === "object" && Object.keys(additionalProperties).length > 0;
  return {
    ...(isIntOrString && { anyOf: [{ type: "integer" }, { type: "string" }] }),
    ...(items && { items: convert(items, `${path}[]`) }),
    ...(isMap && { additionalProperties: convert(additionalProperties, `${path}{}`) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, value]) => [key, convert(value, `${path}.${key}`)]),
      ),
    }),
  };
}

function rewrite(node: Node, path: string): Node {
  if (node["x-kubernetes-int-or-string"] === true) return without(node, "type");
  if (node.anyOf !== undefined) return oneOfAll(node, node.anyOf, path);
  if ("const" in node) return { ...without(node, "const"), enum: [node.const] };
  if (node.type === "integer") return { ...node, format: Number(node.maximum) > 0x7fff_ffff ? "int64" : "int32" };
  // The API server knows RFC 3339 itself.
  if (node.format === "date-time") return without(node, "pattern");
  if (node.type === "string" && hasRuleOf(node)) return without(node, "pattern");
  if (typeof node.type !== "string") throw new Error(`${path} has no type, or several`);
  return node;
}

/** The rule's message says more than the expression does. */
function hasRuleOf({ pattern, ...node }: Node): boolean {
  const list = node["x-kubernetes-validations"] as readonly CelRule[] | undefined;
  return list?.some(({ rule }) => rule === matchesRule(String(pattern))) ?? false;
}

/** The mapping that has the keys of all alternatives, and needs those that all need. */
function oneOfAll(node: Node, alternatives: readonly Node[], path: string): Node {
  if (!alternatives.every(({ type }) => type === "object")) throw new Error(`${path} has alternatives of other types`);
  const properties: Record<string, Node> = {};
  for (const alternative of alternatives) Object.assign(properties, alternative.properties);
  const common = Object.keys(properties).filter((key) => alternatives.every(({ required }) => required?.includes(key)));
  const required = common.length > 0 ? { required: common } : {};
  return { ...without(node, "anyOf"), type: "object", properties, ...required };
}

function without(node: Node, key: string): Node {
  const { [key]: _gone, ...rest } = node;
  return rest;
}

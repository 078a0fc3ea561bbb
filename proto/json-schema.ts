import { z } from "zod";
import { kinds } from "./resource.ts";
import { dmzConfigFileSchema, intranetConfigFileSchema } from "./router-config-file.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * JSON Schema (draft 2020-12) of what people write, by name: each kind of document and both routers' configuration file.
 * Rules between fields are not in it, nor is the check of regular expressions: the parsers have those.
 */
export function jsonSchemas(): Readonly<Record<keyof typeof schemas, JsonSchema>> {
  const entries = Object.entries(schemas).map(([name, schema]) => [name, jsonSchema(name, schema)]);
  return Object.fromEntries(entries);
}

const schemas = { ...kinds, DmzConfig: dmzConfigFileSchema, IntranetConfig: intranetConfigFileSchema };

function jsonSchema(name: string, schema: z.ZodType): JsonSchema {
  // "input": keys with a default may be left out.
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema }) => dropHints(jsonSchema),
  });
  return { $schema, title: name, ...rest };
}

/** kubernetes-hint.ts: they are for the API server. */
function dropHints(schema: JsonSchema): void {
  for (const key of Object.keys(schema)) {
    if (key.startsWith("x-kubernetes-")) Reflect.deleteProperty(schema, key);
  }
}

import { type Kind, kinds } from "./resource.ts";
import { reverseTunnelStatusSchema, tunnelRouteStatusSchema } from "./resource-status.ts";
import { type StructuralSchema, structural } from "./structural-schema.ts";

/** The tables of docs/resources.md: every field of both kinds, of the schemas that they are read with. Markdown. */
export function resourceReference(): string {
  return (Object.keys(kinds) as Kind[]).map(sectionOf).join("\n");
}

const statuses = { ReverseTunnel: reverseTunnelStatusSchema, TunnelRoute: tunnelRouteStatusSchema } as const;

function sectionOf(kind: Kind): string {
  const whole = structural(kinds[kind]);
  const parts = { spec: whole.properties!.spec!, status: structural(statuses[kind]) };
  const tables = Object.entries(parts).map(([name, schema]) => `### ${kind}: ${name}\n\n${tableOf(schema)}`);
  return [`## ${kind}`, "", String(whole.description), "", ...tables].join("\n");
}

function tableOf(schema: StructuralSchema): string {
  const rows = [["field", "value", "default", "meaning"], ...rowsOf(schema, "", new Map())];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return `${[lines[0], rule, ...lines.slice(1)].join("\n")}\n`;
}

/** `seen`: mappings that were shown in full, with their first path; the next one of the kind only points there. */
function rowsOf(schema: StructuralSchema, path: string, seen: Map<string, string>): string[][] {
  const required = (schema.required ?? []) as readonly string[];
  return Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
    const name = path === "" ? key : `${path}.${key}`;
    const inner = innerOf(field);
    const text = JSON.stringify(inner.schema.properties);
    const earlier = inner.schema.properties === undefined || text.length < 400 ? undefined : seen.get(text);
    seen.set(text, earlier ?? name);
    const meaning = `${plain(String(field.description))}${earlier === undefined ? "" : ` Fields: as those of \`${earlier}\`.`}`;
    const row = [`\`${name}\``, valuesOf(field), defaultOf(field, required.includes(key)), meaning].map(escaped);
    return [row, ...(earlier === undefined ? rowsOf(inner.schema, `${name}${inner.mark}`, seen) : [])];
  });
}

/** What may have fields: the field itself, or the entries of a list. */
function innerOf(field: StructuralSchema): { readonly schema: StructuralSchema; readonly mark: string } {
  const { items } = field as { readonly items?: StructuralSchema };
  return items === undefined ? { schema: field, mark: "" } : { schema: items, mark: "[]" };
}

function valuesOf(field: StructuralSchema): string {
  const { type, enum: values, minimum, maximum, maxItems, maxLength, format } = field;
  if (Array.isArray(values)) return values.map((value) => `\`${value}\``).join(", ");
  if (field["x-kubernetes-int-or-string"] === true) return "an amount";
  if (type === "integer") return format === "int64" ? "a whole number" : `${minimum} to ${maximum}`;
  if (type === "array") return `a list, at most ${maxItems}`;
  if (type === "string") return format === "date-time" ? "a time" : `text, at most ${maxLength} characters`;
  return field.additionalProperties === undefined ? "fields" : `text by key, at most ${field.maxProperties}`;
}

function defaultOf({ default: value, properties }: StructuralSchema, isRequired: boolean): string {
  if (isRequired) return "required";
  return value === undefined || properties !== undefined ? "" : `\`${JSON.stringify(value).replaceAll('"', "")}\``;
}

/** Asterisks and angle brackets as themselves. */
function plain(sentence: string): string {
  return sentence.replaceAll(/[*<]/g, "\\$&");
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}

import type { z } from "zod";
import { didYouMean } from "./near-word.ts";
import { printable, quoted } from "./printable.ts";

/** One fault of a parsed value. `message` names the cause and, where it is not plain from it, the mend. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export type Checked<T> =
  | { readonly t: "ok"; readonly value: T }
  | { readonly t: "bad"; readonly problems: readonly Problem[] };

/** Errors show this many problems; the rest is counted. */
export const problemsShownMax = 50;

/**
 * Parses `input` by `schema`; faults come back as text, all of them. Messages of a schema are predicates of the value at
 * fault ("is not an http:// URL"), which is put in front of them. No value and no unknown key beneath a path that
 * `isSecret` is ever part of a message.
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  isSecret: (path: readonly PropertyKey[]) => boolean = () => false,
): Checked<z.output<Schema>> {
  const known: KnownKeys = new WeakMap();
  const result = schema.safeParse(input, { error: (issue) => predicate(issue, known) });
  if (result.success) return { t: "ok", value: result.data };
  const context: Context = { input, known, isSecret };
  return { t: "bad", problems: result.error.issues.flatMap((issue) => problemsOf(issue, [], context)) };
}

/** "spec.backendRefs[0].url"; keys that are no plain words stand in quotes. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[A-Za-z_][\w-]{0,63}$/.test(String(key))) text += text === "" ? String(key) : `.${String(key)}`;
    else text += `[${quoted(String(key))}]`;
  }
  return text;
}

/** The first 50 lines and how many more there are. */
export function problemLines(lines: readonly string[]): string {
  const more = lines.length - problemsShownMax;
  return [...lines.slice(0, problemsShownMax), ...(more > 0 ? [`… and ${more} more`] : [])].join("\n");
}

/** An unknown key's known neighbours. Issues lose their schema on the way out but keep the very list of the keys. */
type KnownKeys = WeakMap<readonly string[], readonly string[]>;

interface Context {
  readonly input: unknown;
  readonly known: KnownKeys;
  readonly isSecret: (path: readonly PropertyKey[]) => boolean;
}

function problemsOf(issue: z.core.$ZodIssue, base: readonly PropertyKey[], context: Context): Problem[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = context.known.get(issue.keys);
    // A schema that explains its unknown keys itself speaks for all of them.
    if (known === undefined) return [{ path, message: issue.message }];
    return context.isSecret(path)
      ? [{ path, message: `has a key that is not known; known here: ${known.join(", ")}` }]
      : issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, known) }));
  }
  if (issue.code === "invalid_union" && issue.message === noVariantFits) {
    const nearest = nearestVariant(issue.errors);
    if (nearest !== undefined) return nearest.flatMap((inner) => problemsOf(inner, path, context));
  }
  const value = at(context.input, path);
  return [
    { path, message: isShown(value) && !context.isSecret(path) ? `${quoted(value)} ${issue.message}` : issue.message },
  ];
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known);
  return `is not a known key${meant === "" ? `; known here: ${known.join(", ")}` : meant}`;
}

const noVariantFits = "fits none of the forms known here";
const missing = "is missing";

/** The variant with the fewest keys missing or unknown: most likely the one meant. Undefined when two are as near. */
function nearestVariant(variants: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const scored = variants.map((issues) => ({ issues, score: variantDistance(issues) }));
  scored.sort((a, b) => a.score - b.score);
  const [first, second] = scored;
  return first === undefined || first.score === second?.score ? undefined : first.issues;
}

function variantDistance(issues: readonly z.core.$ZodIssue[]): number {
  let distance = 0;
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys" && issue.path.length === 0) distance += issue.keys.length;
    else if (issue.path.length === 1 && issue.message.startsWith(missing)) distance += 1;
  }
  return distance;
}

/** What is wrong, for issues whose schema has no words of its own. */
function predicate(issue: z.core.$ZodRawIssue, known: KnownKeys): string {
  switch (issue.code) {
    case "invalid_type":
      return wrongType(issue.expected, issue.input);
    case "invalid_value":
      return wrongValue(issue.values, issue.input);
    case "too_small":
      return tooSmall(issue.origin, issue.minimum);
    case "too_big":
      return tooBig(issue.origin, issue.maximum);
    case "unrecognized_keys":
      known.set(issue.keys, Object.keys((issue.inst as z.ZodObject | undefined)?.shape ?? {}));
      return "has unknown keys";
    case "invalid_union":
      return noVariantFits;
    default:
      return printable(issue.message ?? "is not valid");
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "a boolean",
  object: "a mapping",
  array: "a list",
};

function wrongType(expected: string, input: unknown): string {
  const due = typeNames[expected] ?? expected;
  if (input === undefined) return `${missing}; give ${due}`;
  if (input === null) return `is empty; give ${due}`;
  if (typeof input === "number" && due.endsWith("number"))
    return `is not a ${expected === "int" ? "whole" : "finite"} number`;
  return `is ${typeName(input)}, not ${due}${quotesMend(due, input)}`;
}

function typeName(input: unknown): string {
  if (Array.isArray(input)) return "a list";
  return typeNames[typeof input] ?? `a ${typeof input}`;
}

/** YAML reads 8080 as a number and "8080" as text; people mean the other one. */
function quotesMend(due: string, input: unknown): string {
  if (due === "text" && (typeof input === "number" || typeof input === "boolean")) return "; put it in quotes";
  const isNumeral = typeof input === "string" && /^-?\d+(\.\d+)?$/.test(input);
  return isNumeral && due.endsWith("number") ? "; leave out the quotes" : "";
}

function wrongValue(values: readonly z.core.util.Primitive[], input: unknown): string {
  const known = values.map(String);
  const list = known.join(", ");
  if (input === undefined) return `${missing}; give ${known.length === 1 ? list : `one of ${list}`}`;
  const meant = typeof input === "string" ? didYouMean(input, known) : "";
  return `is ${known.length === 1 ? `not ${list}` : `none of ${list}`}${meant}`;
}

function tooSmall(origin: string, minimum: number | bigint): string {
  if (origin === "array")
    return minimum === 1 ? "is empty; give at least one entry" : `has fewer than ${minimum} entries`;
  if (origin === "string") return minimum === 1 ? "is empty" : `is shorter than ${minimum} characters`;
  return `is less than ${minimum}, the least allowed`;
}

function tooBig(origin: string, maximum: number | bigint): string {
  if (origin === "array") return `has more than ${maximum} entries`;
  if (origin === "string") return `is longer than ${maximum} characters`;
  return `is more than ${maximum}, the most allowed`;
}

function at(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function isShown(value: unknown): value is string | number | bigint | boolean {
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}

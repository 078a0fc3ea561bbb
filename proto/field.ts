import { z } from "zod";
import { matchesRule, rules } from "./kubernetes-hint.ts";

/** What fields of the resources and of the routers' configuration have in common. */

/** Longest of what a match compares with, a header's name, a URL. */
export const valueLengthMax = 1024;

/** Text that `expression` matches: "… is not <what>" here, "must be <what>" from the API server. */
export function textOfForm(what: string, expression: RegExp, lengthMax: number) {
  return z
    .string()
    .max(lengthMax)
    .regex(expression, `is not ${what}`)
    .meta(rules({ rule: matchesRule(expression.source), message: `must be ${what}` }));
}

/** RFC 1123: a Namespace's name, a listener's, a tunnel's. */
export const label = textOfForm(
  "a Kubernetes label: lower-case letters, digits and '-', a letter or digit at each end",
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  63,
);

const dotted = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** RFC 1123: labels with dots between them, as a Secret's name. */
export function subdomainUpTo(lengthMax: number) {
  const what = "a Kubernetes name: lower-case letters, digits, '-' and '.', a letter or digit at each end";
  return textOfForm(what, dotted, lengthMax);
}

export const subdomain = subdomainUpTo(253);

export const port = z.int().min(1).max(65535);

export const text = z.string().min(1).max(valueLengthMax);

/** Adds a problem of its own; `message` is a predicate of the value at `path`. */
export function refuse(context: z.RefinementCtx, path: PropertyKey[], message: string): void {
  context.addIssue({ code: "custom", path, message });
}

/** Refuses each entry of a list that is an earlier one's equal by `keyOf`; the problem lies at `path` within the entry. */
export function refuseRepeats<Entry>(
  entries: readonly Entry[],
  context: z.RefinementCtx,
  rule: { readonly keyOf: (entry: Entry) => string | number; readonly path: PropertyKey[]; readonly what: string },
): void {
  const first = new Map<string | number, number>();
  for (const [index, entry] of entries.entries()) {
    const earlier = first.get(rule.keyOf(entry));
    if (earlier === undefined) first.set(rule.keyOf(entry), index);
    else refuse(context, [index, ...rule.path], `is the ${rule.what} of entry ${earlier} already; give each its own`);
  }
}

/** `pool`'s rule, here and in the routers' configuration. */
export function refuseMinOverMax(pool: { readonly min: number; readonly max: number }, context: z.RefinementCtx): void {
  if (pool.min <= pool.max) return;
  refuse(context, ["min"], `is more than max, ${pool.max}; lower min or raise max`);
}

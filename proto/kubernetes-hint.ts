/**
 * What a schema says to the API server alone, as `.meta()` of it: rules in CEL for what zod checks by code, and how
 * server-side apply merges a list. crd.ts puts it into the CustomResourceDefinitions; the published JSON Schemas leave
 * it out.
 */

/** `self` is the value that the schema describes. The message is a sentence without a subject: the server puts the path
 * before it. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  /** CEL that makes the message; `message` stands in where it fails. */
  readonly messageExpression?: string;
  /** ".min": where within the value the fault lies. */
  readonly fieldPath?: string;
}

export function rules(...list: readonly CelRule[]) {
  return { "x-kubernetes-validations": list };
}

/** The rule that a text matches an expression that JavaScript and RE2 read alike. */
export function matchesRule(expression: string): string {
  const quote = expression.includes("'") ? '"' : "'";
  return `self.matches(r${quote}${expression}${quote})`;
}

/** A list whose entries go by these keys: several field managers may own entries of it. */
export function mapBy(...keys: readonly string[]) {
  return { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys };
}

/** A list that one field manager owns whole. */
export const atomic = { "x-kubernetes-list-type": "atomic" } as const;

/** A list of different texts or numbers. */
export const set = { "x-kubernetes-list-type": "set" } as const;

/** A mapping whose keys the API server leaves as they are. */
export const preserved = { "x-kubernetes-preserve-unknown-fields": true } as const;

/** A whole number or text. */
export const intOrString = { "x-kubernetes-int-or-string": true } as const;

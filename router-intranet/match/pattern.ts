import { compileRegularExpression } from "@sallyport/proto/regular-expression";

/**
 * Values longer than this, in characters, match no regular expression: at this length the worst patterns that a route may
 * have (regularExpressionStepsMax) took a quarter of a second, common ones under 0.1 ms.
 */
export const patternInputMax = 8 * 1024;

export type Pattern =
  | { readonly t: "pattern"; readonly test: (value: string) => boolean }
  | { readonly t: "problem"; readonly message: string };

/**
 * Compiles a tenant's regular expression with RE2. It holds for the whole value, as in Envoy: write `.*Calc.*` for
 * "contains". Never throws: a pattern that is wrong or too costly is a `problem`.
 */
export function compilePattern(source: string): Pattern {
  const compiled = compileRegularExpression(source);
  if (compiled.t === "problem") return compiled;
  const { expression } = compiled;
  return { t: "pattern", test: (value) => value.length <= patternInputMax && expression.testExact(value) };
}

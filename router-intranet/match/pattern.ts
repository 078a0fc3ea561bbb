import { regularExpressionStepsMax } from "@sallyport/proto/regular-expression";
import { RE2JS } from "re2js";

/**
 * Values longer than this, in characters, match no regular expression: at this length the worst patterns that a route may
 * have (regularExpressionStepsMax) took a quarter of a second, common ones under 0.1 ms.
 */
export const patternInputMax = 8 * 1024;

export type Pattern =
  | { readonly t: "pattern"; readonly test: (value: string) => boolean }
  | { readonly t: "problem"; readonly message: string };

/**
 * Compiles a tenant's regular expression with RE2, whose time is linear in the value. It holds for the whole value, as in
 * Envoy: write `.*Calc.*` for "contains". Never throws: a pattern that is wrong or too costly is a `problem`.
 */
export function compilePattern(source: string): Pattern {
  // Before compiling: "(…){1000}" around 900 characters takes RE2JS 0.4 s, and a route may have a thousand of such.
  if (stepsEstimate(source) > 4 * regularExpressionStepsMax) return tooCostly;
  try {
    const compiled = RE2JS.compile(source);
    if (compiled.programSize() > regularExpressionStepsMax) return tooCostly;
    return { t: "pattern", test: (value) => value.length <= patternInputMax && compiled.testExact(value) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      t: "problem",
      message: `is not an RE2 regular expression (${message}); see https://github.com/google/re2/wiki/Syntax`,
    };
  }
}

const tooCostly: Pattern = {
  t: "problem",
  message: `is too costly a regular expression (over ${regularExpressionStepsMax} steps); shorten it or its repeats {n,m}`,
};

/** \Q…\E, \p{…}, an escape, a class, a count, any other character. */
const tokenPattern =
  /\\Q[\s\S]*?(?:\\E|$)|\\[pPx]\{[^}]*\}|\\[\s\S]|\[\^?\]?(?:\[:\^?\w+:\]|\\[\s\S]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[\s\S]/g;

/** How many characters the pattern has once its counts are written out: a{3}b has 4. About its steps. */
function stepsEstimate(source: string): number {
  const groups = [0];
  let atom = 0;
  const add = (size: number) => {
    groups[groups.length - 1] = (groups.at(-1) ?? 0) + size;
    atom = size;
  };
  for (const [token, least, most] of source.matchAll(tokenPattern)) {
    if (token === "(") groups.push(0);
    else if (token === ")" && groups.length > 1) add((groups.pop() ?? 0) + 1);
    else if (least !== undefined) add(atom * (Math.max(Number(least), Number(most ?? 0), 1) - 1));
    else add(token.startsWith("\\Q") ? token.length : 1);
  }
  return groups.reduce((sum, size) => sum + size, 0);
}

import { RE2JS } from "re2js";
import { printable } from "./printable.ts";

/**
 * The most instructions of one compiled pattern, a little over what RE2's own longest repeat takes: x{1000} is 1,002. A
 * match costs at most this times the value's length, and a pattern of 1,024 characters could take 100,000.
 */
export const regularExpressionStepsMax = 1_024;

export type RegularExpression =
  | { readonly t: "compiled"; readonly expression: RE2JS }
  | { readonly t: "problem"; readonly message: string };

/** Compiles with RE2, whose time is linear in the value. A problem's message is a predicate of the pattern. Never throws. */
export function compileRegularExpression(pattern: string): RegularExpression {
  // Before compiling: "(…){1000}" around 900 characters takes RE2JS 0.4 s, and a route may have a thousand of such.
  if (stepsEstimate(pattern) > 4 * regularExpressionStepsMax) return problem(`is ${tooCostly}`);
  try {
    const expression = RE2JS.compile(pattern);
    const steps = expression.programSize();
    return steps > regularExpressionStepsMax
      ? problem(`is ${tooCostly} (this one takes ${steps})`)
      : { t: "compiled", expression };
  } catch (error) {
    const reason = String(error instanceof Error ? error.message : error).replace("error parsing regexp: ", "");
    return problem(
      `is not an RE2 regular expression: ${printable(reason)}; see https://github.com/google/re2/wiki/Syntax`,
    );
  }
}

/** Why a pattern is refused, as a predicate of it; undefined for a good one. */
export function regularExpressionProblem(pattern: string): string | undefined {
  const compiled = compileRegularExpression(pattern);
  return compiled.t === "problem" ? compiled.message : undefined;
}

const tooCostly = `a regular expression of over ${regularExpressionStepsMax} steps; shorten it or its repeats {n,m}`;

function problem(message: string): RegularExpression {
  return { t: "problem", message };
}

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

import { RE2JS } from "re2js";
import { printable } from "./printable.ts";

/**
 * The most instructions of one compiled pattern, a little over what RE2's own longest repeat takes: x{1000} is 1,002. A
 * match costs at most this times the value's length, and a pattern of 1,024 characters could take 100,000.
 */
export const regularExpressionStepsMax = 1_024;

/** Why a pattern is refused, as a predicate of it; undefined for a good one. */
export function regularExpressionProblem(pattern: string): string | undefined {
  try {
    const steps = RE2JS.compile(pattern).programSize();
    if (steps <= regularExpressionStepsMax) return undefined;
    return `is a regular expression of ${steps} steps, at most ${regularExpressionStepsMax} are allowed; shorten its repeats`;
  } catch (error) {
    const reason = String(error instanceof Error ? error.message : error).replace("error parsing regexp: ", "");
    return `is not an RE2 regular expression: ${printable(reason)}; see https://github.com/google/re2/wiki/Syntax`;
  }
}

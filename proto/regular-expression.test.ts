import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { regularExpressionProblem } from "./regular-expression.ts";

const syntax = "see https://github.com/google/re2/wiki/Syntax";

describe("T9: a regular expression", () => {
  const patterns: Record<string, [string, string | undefined]> = {
    "is taken as RE2 knows it": ["(?i)^urn:.*/I(Calc|Sum)\\pL{2,9}$", undefined],
    "is taken when it repeats 1,000 times": ["a{1000}", undefined],
    "is refused without its closing bracket": [
      "(",
      `is not an RE2 regular expression: missing closing ): \`(\`; ${syntax}`,
    ],
    "is refused when it looks ahead": [
      "(?=x)",
      `is not an RE2 regular expression: invalid or unsupported Perl syntax: \`(?=\`; ${syntax}`,
    ],
    "is refused when it refers back": [
      "(a)\\1",
      `is not an RE2 regular expression: invalid escape sequence: \`\\1\`; ${syntax}`,
    ],
    "is refused when it repeats more than 1,000 times": [
      "a{1001}",
      `is not an RE2 regular expression: invalid repeat count: \`{1001}\`; ${syntax}`,
    ],
    "is refused when it compiles to too many steps": [
      "\\pL{1000}\\pN{1000}",
      "is a regular expression of over 1024 steps; shorten it or its repeats {n,m} (this one takes 2002)",
    ],
    "has its line ends escaped in the message": [
      "\n(",
      `is not an RE2 regular expression: missing closing ): \`\\u{a}(\`; ${syntax}`,
    ],
  };
  test.each(Object.entries(patterns))("%s", (_, [pattern, problem]) => {
    expect(regularExpressionProblem(pattern)).toBe(problem);
  });

  test("is told to be too costly before it costs", () => {
    const pattern = `(${"abcdefghi".repeat(100)}){1000}`;
    const patterns = Array.from({ length: 2_000 }, (_, at) => `${at}${pattern}`);
    // RE2JS would need a quarter of an hour for these.
    const problems = new Set(patterns.map((each) => regularExpressionProblem(each)));
    expect([...problems]).toEqual(["is a regular expression of over 1024 steps; shorten it or its repeats {n,m}"]);
  });

  test("of any text is a problem or none, never a throw", () => {
    const pieces = fc.constantFrom(..."()[]{}*+?|\\^$.ab09,-:=!<>PpdQE\u0000\n\ud800é".split(""));
    fc.assert(fc.property(fc.string({ unit: pieces }), (pattern) => void regularExpressionProblem(pattern)));
  });
});

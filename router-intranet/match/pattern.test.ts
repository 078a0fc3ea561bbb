import { describe, expect, it } from "vitest";
import { compilePattern, patternInputMax } from "./pattern.ts";

function holds(source: string, value: string): boolean {
  const pattern = compilePattern(source);
  if (pattern.t === "problem") throw new Error(pattern.message);
  return pattern.test(value);
}

describe("T9: a regular expression", () => {
  it.each([
    ["urn:.*Calc.*", "urn:x/ICalc/Add", true],
    ["Calc", "urn:Calc", false],
    ["urn:Calc", "urn:Calc/Add", false],
    ["a|ab", "ab", true],
    ["^a$", "a", true],
    ["(?i)CALC", "calc", true],
    ["gr[üö]n", "grün", true],
    ["a", "a\n", false],
    [".", "\ud800", true],
  ])("%j on %j, whole: %s", (source, value, expected) => {
    expect(holds(source, value)).toBe(expected);
  });

  it("is not tried on values over 8 Ki characters", () => {
    expect(holds("a*", "a".repeat(patternInputMax))).toBe(true);
    expect(holds("a*", "a".repeat(patternInputMax + 1))).toBe(false);
  });

  it.each(["(", "[a", "a{2,1}", "(?=a)", "a**", "\\", "(".repeat(1024)])(
    "is a problem when RE2 does not know it: %#",
    (source) => {
      const message = expect.stringMatching(
        /^is not an RE2 regular expression: .*; see https:\/\/github.com\/google\/re2/,
      );
      expect(compilePattern(source)).toEqual({ t: "problem", message });
    },
  );

  it.each([
    `(${"abcdefghi".repeat(100)}){1000}`,
    "a{1000}".repeat(140),
    "(?:a?){600}",
    `${"\\pL{500}".repeat(100)}`,
    "[[:alpha:]]x]{900}[^]a]{900}",
    "\\Q(\\E{1000}(ab){600}",
  ])("is a problem when it takes too many steps: %#", (source) => {
    const message = expect.stringMatching(/^is a regular expression of over 1024 steps; shorten it or its repeats/);
    expect(compilePattern(source)).toEqual({ t: "problem", message });
  });

  it.each(["[a-z]{1,63}(\\.[a-z]{1,63}){0,4}", "/v[0-9]{1,3}/[^/]{1,64}/\\d{4}", "x{900}", "a{2}{", "\\x{1F600}{9}"])(
    "of usual counts is none: %s",
    (source) => {
      expect(compilePattern(source).t).toBe("pattern");
    },
  );
});

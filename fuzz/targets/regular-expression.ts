import { compileRegularExpression, regularExpressionStepsMax } from "@sallyport/proto/regular-expression";
import type { Target } from "../target.ts";

/** What is taken keeps to its steps and, where JavaScript's means the same, finds what JavaScript's finds. */
export const target: Target = {
  summary: "regular expressions of routes: their cost, and what they find beside JavaScript's",
  seeds: ["(?i)^urn:.*/I(Calc|Sum)\\pL{2,9}$", "a{1000}", "[[:alpha:]]+|\\Qa.b\\E", "(?P<n>a|b)*?c", "\\x{10ffff}"].map(
    (text) => Buffer.from(text),
  ),
  tokens: [
    "(?:",
    "(?i)",
    "(?P<n>",
    "[^",
    "[:alpha:]",
    "\\pL",
    "\\p{Greek}",
    "\\Q",
    "\\E",
    "{2,5}",
    "{1000}",
    "\\b",
    "*?",
    ")*",
    "|",
  ],
  inputBytesMax: 512,
  bufferBytesMax: 16 * 1024 * 1024,
  run(input) {
    const pattern = input.toString("utf8");
    const compiled = compileRegularExpression(pattern);
    if (compiled.t === "problem") return;
    const { expression } = compiled;
    const steps = expression.programSize();
    if (steps > regularExpressionStepsMax) throw new Error(`was taken with ${steps} steps`);
    const words = wordsOf(pattern);
    const twin = twinOf(pattern);
    for (const word of words) {
      const found = expression.matcher(word).find();
      if (twin === undefined || twin.test(word) === found) continue;
      throw new Error(`finds ${found ? "something" : "nothing"} in ${JSON.stringify(word)}, unlike JavaScript's`);
    }
  },
};

/** Short, because JavaScript's may take exponential time. */
function wordsOf(pattern: string): readonly string[] {
  const letters = pattern.replace(/[^ab]/g, "").slice(0, 8);
  return ["", "a", "b", "ab", "ba", "aab", "abba", letters, [...letters].reverse().join("")];
}

/** The same expression for JavaScript's, if it has the same meaning there. */
function twinOf(pattern: string): RegExp | undefined {
  if (pattern.length > 40 || !/^[ab.|()*+?^$]*$/.test(pattern)) return undefined;
  try {
    return new RegExp(pattern);
  } catch {
    return undefined;
  }
}

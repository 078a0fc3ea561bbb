import { describe, expect, test } from "vitest";
import { z } from "zod";
import { check, pathText, problemLines } from "./problem.ts";

const schema = z.strictObject({
  name: z.string().min(1).max(5),
  count: z.int().min(1).max(9).default(1),
  share: z.number().min(0.5).max(2).optional(),
  isOn: z.boolean().optional(),
  kind: z.enum(["Exact", "Prefix"]).default("Exact"),
  list: z.array(z.string()).min(1).max(2).optional(),
  long: z.array(z.string()).min(2).optional(),
  inner: z.strictObject({ key: z.string().regex(/^k/, "does not start with k") }).optional(),
  either: z
    .union([z.strictObject({ url: z.string() }), z.strictObject({ host: z.string(), port: z.int() })])
    .optional(),
  word: z.string().min(2).optional(),
});

describe("a value that a schema takes", () => {
  test("comes back with its defaults", () => {
    expect(check(schema, { name: "a" })).toEqual({ t: "ok", value: { name: "a", count: 1, kind: "Exact" } });
  });
});

describe("a value that a schema refuses", () => {
  const refused: Record<string, [object, string[]]> = {
    "lacks a key": [{}, ["name: is missing; give text"]],
    "has a null": [{ name: null }, ["name: is empty; give text"]],
    "has a number for text": [{ name: 5 }, ["name: 5 is a number, not text; put it in quotes"]],
    "has a boolean for text": [{ name: true }, ["name: true is a boolean, not text; put it in quotes"]],
    "has a list for text": [{ name: ["a"] }, ["name: is a list, not text"]],
    "has a mapping for text": [{ name: { a: 1 } }, ["name: is a mapping, not text"]],
    "has empty text": [{ name: "" }, ['name: "" is empty']],
    "has text that is too long": [{ name: "abcdef" }, ['name: "abcdef" is longer than 5 characters']],
    "has text that is too short": [{ name: "a", word: "b" }, ['word: "b" is shorter than 2 characters']],
    "has a numeral in quotes": [{ name: "a", count: "5" }, ['count: "5" is text, not a number; leave out the quotes']],
    "has text for a number": [{ name: "a", count: "x" }, ['count: "x" is text, not a number']],
    "has a part of a number": [{ name: "a", count: 1.5 }, ["count: 1.5 is not a whole number"]],
    "has a number that is too small": [{ name: "a", count: 0 }, ["count: 0 is less than 1, the least allowed"]],
    "has a number that is too large": [{ name: "a", count: 10 }, ["count: 10 is more than 9, the most allowed"]],
    "has no number at all": [{ name: "a", share: Number.NaN }, ["share: NaN is not a finite number"]],
    "has a number without end": [{ name: "a", share: -Infinity }, ["share: -Infinity is not a finite number"]],
    "has text for a boolean": [{ name: "a", isOn: "yes" }, ['isOn: "yes" is text, not a boolean']],
    "has a word that is none of those": [{ name: "a", kind: "Regex" }, ['kind: "Regex" is none of Exact, Prefix']],
    "has a word near to one of those": [
      { name: "a", kind: "exact" },
      ['kind: "exact" is none of Exact, Prefix; did you mean "Exact"?'],
    ],
    "has no entry in a list": [{ name: "a", list: [] }, ["list: is empty; give at least one entry"]],
    "has too few entries": [{ name: "a", long: ["a"] }, ["long: has fewer than 2 entries"]],
    "has too many entries": [{ name: "a", list: ["a", "b", "c"] }, ["list: has more than 2 entries"]],
    "breaks a rule in the schema's words": [
      { name: "a", inner: { key: "x" } },
      ['inner.key: "x" does not start with k'],
    ],
    "has an unknown key": [
      { name: "a", hold: "b" },
      ["hold: is not a known key; known here: name, count, share, isOn, kind, list, long, inner, either, word"],
    ],
    "has unknown keys near to known ones": [
      { name: "a", Count: 1, inner: { kei: "k" } },
      [
        "inner.key: is missing; give text",
        'inner.kei: is not a known key; did you mean "key"?',
        'Count: is not a known key; did you mean "count"?',
      ],
    ],
    "has an unknown key that is no word": [
      JSON.parse('{"name":"a","inner":{"key":"k","__proto__":1,"a b":2}}'),
      ["inner.__proto__: is not a known key; known here: key", 'inner["a b"]: is not a known key; known here: key'],
    ],
    "means the variant whose key it has": [
      { name: "a", either: { url: 5 } },
      ["either.url: 5 is a number, not text; put it in quotes"],
    ],
    "means the variant with the fewest keys missing": [
      { name: "a", either: { host: "h" } },
      ["either.port: is missing; give a number"],
    ],
    "means the variant with a key misspelt": [
      { name: "a", either: { hots: "h", port: 1 } },
      ["either.host: is missing; give text", 'either.hots: is not a known key; did you mean "host"?'],
    ],
    "means no variant": [{ name: "a", either: "x" }, ['either: "x" fits none of the forms known here']],
  };
  test.each(Object.entries(refused))("%s", (_, [value, messages]) => expect(messagesOf(value)).toEqual(messages));

  test("is no mapping", () => {
    expect(check(schema, undefined)).toEqual({
      t: "bad",
      problems: [{ path: [], message: "is missing; give a mapping" }],
    });
    expect(check(schema, "x")).toEqual({ t: "bad", problems: [{ path: [], message: '"x" is text, not a mapping' }] });
  });
});

describe("a secret", () => {
  const isSecret = (path: readonly PropertyKey[]) => path[0] === "inner";
  test("is not shown, neither its value nor an unknown key", () => {
    expect(messagesOf({ name: "abcdef", inner: { key: "hush", hidden: 1 } }, isSecret)).toEqual([
      'name: "abcdef" is longer than 5 characters',
      "inner.key: does not start with k",
      "inner: has a key that is not known; known here: key",
    ]);
  });
});

test("a path is dots, brackets and quotes", () => {
  expect(pathText(["spec", "backendRefs", 0, "a.b", "url"])).toBe('spec.backendRefs[0]["a.b"].url');
  expect(pathText([0, "a"])).toBe("[0].a");
  expect(pathText([])).toBe("");
});

test("of more than 50 problems the rest is counted", () => {
  const lines = Array.from({ length: 52 }, (_, index) => `line ${index}`);
  expect(problemLines(lines.slice(0, 50)).split("\n")).toEqual(lines.slice(0, 50));
  expect(problemLines(lines).split("\n")).toEqual([...lines.slice(0, 50), "… and 2 more"]);
});

function messagesOf(value: unknown, isSecret?: (path: readonly PropertyKey[]) => boolean): string[] {
  const checked = check(schema, value, isSecret);
  return checked.t === "ok" ? [] : checked.problems.map(({ path, message }) => `${pathText(path)}: ${message}`);
}

import { describe, expect, test } from "vitest";
import { pathText } from "./problem.ts";
import { readYaml } from "./yaml-text.ts";

describe("a text's documents", () => {
  const read: Record<string, [string, { value: unknown; line: number }[]]> = {
    "are none in an empty text": ["", []],
    "are none in comments and marks": ["# a\n---\n# b\n---\n...\n", []],
    "are one without marks": ["a: 1", [{ value: { a: 1 }, line: 1 }]],
    "are several between marks, empty ones left out": [
      "# top\n---\n# first\na: 1\n---\n---\nb: [2]\n---\n",
      [
        { value: { a: 1 }, line: 4 },
        { value: { b: [2] }, line: 7 },
      ],
    ],
    "are one in JSON, even with tabs": ['{\n\t"a": {\n\t\t"b": [1]\n\t}\n}', [{ value: { a: { b: [1] } }, line: 1 }]],
    "may start with a byte order mark": ["\ufeffa: 1", [{ value: { a: 1 }, line: 1 }]],
    "may end their lines as Windows does": [
      "a: 1\r\n---\r\nb: 2\r\n",
      [
        { value: { a: 1 }, line: 1 },
        { value: { b: 2 }, line: 3 },
      ],
    ],
    "are YAML 1.2: yes is text, 010 is ten, a date is text": [
      "%YAML 1.1\n---\na: yes\nb: 010\nc: 2026-11-23\n",
      [{ value: { a: "yes", b: 10, c: "2026-11-23" }, line: 3 }],
    ],
    "may repeat values by aliases": [
      "a: &x { b: [1, 2] }\nc: *x\n",
      [{ value: { a: { b: [1, 2] }, c: { b: [1, 2] } }, line: 1 }],
    ],
    "may use an anchor anew": ["a: &x 1\nb: &x 2\nc: *x\n", [{ value: { a: 1, b: 2, c: 2 }, line: 1 }]],
    "may name a type that every YAML has": ["a: !!str 5", [{ value: { a: "5" }, line: 1 }]],
  };
  test.each(Object.entries(read))("%s", (_, [text, documents]) => {
    expect([...readYaml(text)].map(({ value, line, faults }) => ({ value, line, faults }))).toEqual(
      documents.map((document) => ({ ...document, faults: [] })),
    );
  });

  test("are read one at a time: the text behind the last one asked for costs nothing", () => {
    const documents = readYaml(`a: 1\n---\nb: 2\n---\n${"---\n".repeat(200_000)}`);
    expect(documents.next().value?.value).toEqual({ a: 1 });
    documents.return(undefined);
  });
});

describe("the line of a path", () => {
  const [document] = readYaml(
    ["---", "a:", "  b: &list", "  - x", "  -", "    c: 1", "d: *list", "1:", "  null: 2"].join("\n"),
  );
  const lines: Record<string, [(string | number)[], number]> = {
    "of a key is its own": [["a", "b"], 3],
    "of an entry is where it starts": [["a", "b", 1], 6],
    "of a key in an entry is its own": [["a", "b", 1, "c"], 6],
    "of what is missing is its parent's": [["a", "b", 1, "d", "e"], 6],
    "of what an alias repeats is the alias's": [["d", 1, "c"], 7],
    "of a key that is a number is its own": [["1", ""], 9],
    "of nothing is the document's": [[], 2],
    "of what is missing at the top is the document's": [["z"], 2],
  };
  test.each(Object.entries(lines))("%s", (_, [path, line]) => expect(document?.lineOf(path)).toBe(line));
});

describe("a text that is refused", () => {
  const bomb = [
    "a0: &a0 [x, x]",
    ...Array.from({ length: 40 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`),
  ].join("\n");
  const refused: Record<string, [string, string[]]> = {
    "is no YAML: the first error of each document is told": [
      "a: [1\nb: 2\n---\na: b: c\n---\nd: 1\n",
      [
        "2:1 : is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
        "4:4 : is not YAML: Nested mappings are not allowed in compact mappings",
      ],
    ],
    "is indented by tabs": ["a:\n\tb: 1", ["2:1 : is not YAML: Tabs are not allowed as indentation"]],
    "gives keys twice": [
      "a: 1\nb: { c: 1, c: 2 }\na: 3",
      ["2:12 b.c: is given twice, first in line 2; keep one", "3:1 a: is given twice, first in line 1; keep one"],
    ],
    "gives a key twice, as text and as a number": [
      '1: a\n"1": b',
      ['2:1 ["1"]: is given twice, first in line 1; keep one'],
    ],
    "has a list for a key": ["? [a]\n: b", ["1:3 : has a key that is no plain text"]],
    "has an alias for a key": ["a: &x b\n*x : c", ["2:1 : has a key that is no plain text"]],
    "has an alias without an anchor": ["a: *x", ["1:4 a: alias *x comes after no anchor &x; write the value out"]],
    "has an alias before its anchor": [
      "a: *x\nb: &x 1",
      ["1:4 a: alias *x comes after no anchor &x; write the value out"],
    ],
    "has an alias within its own anchor": ["a: &x [1, *x]", ["1:11 a[1]: alias *x stands within what it repeats"]],
    "has a tag of a language": [
      "a: !!js/function x",
      ["1:4 : tag tag:yaml.org,2002:js/function is not known; leave it out"],
    ],
    "has binary data": ["a: !!binary aGk=", ["1:4 : tag tag:yaml.org,2002:binary is not known; leave it out"]],
    "is an alias bomb": [
      bomb,
      ["12:18 a11[1]: holds more than 20000 keys and values, aliases written out, up to here"],
    ],
    "has too many values": [
      `[${"1,".repeat(20_000)}]`,
      ["1:40000 [19999]: holds more than 20000 keys and values, aliases written out, up to here"],
    ],
    "is nested deeper than allowed": [
      `${"[".repeat(34)}${"]".repeat(34)}`,
      [`1:34 ${"[0]".repeat(33)}: is nested deeper than 32 levels`],
    ],
  };
  test.each(Object.entries(refused))("%s", (_, [text, faults]) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  test("may be nested deeper than the stack: the fault is the same", () => {
    expect(faultsOf("[".repeat(9_000))).toEqual([expect.stringMatching(/^1:\d+ : is nested deeper than 32 levels$/)]);
  });

  test("is read in linear time however many keys it has: 60,000 end before the test's time-out", () => {
    const keys = Array.from({ length: 60_000 }, (_, index) => `k${index}: 1`).join("\n");
    expect(faultsOf(keys)).toEqual([
      "10000:8 k9999: holds more than 20000 keys and values, aliases written out, up to here",
    ]);
  });
});

function faultsOf(text: string): string[] {
  return [...readYaml(text)].flatMap(({ faults }) =>
    faults.map(({ line, column, path, message }) => `${line}:${column} ${pathText(path)}: ${message}`),
  );
}

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { printable, quoted } from "./printable.ts";

describe("a value in a message", () => {
  const shown: Record<string, [string | number | bigint | boolean, string]> = {
    "is in quotes when it is text": ["a", '"a"'],
    "is bare when it is a number": [80, "80"],
    "is bare when it is a large integer": [12n, "12"],
    "is bare when it is a boolean": [true, "true"],
    "has its quotes and line ends escaped": ['a"\nb', '"a\\"\\nb"'],
    "has controls of terminals escaped": ["\u001b[31m\u009b\u007f", '"\\u001b[31m\\u{9b}\\u{7f}"'],
    "has marks that reorder text escaped": ["a\u202eb\u2028\ufeff", '"a\\u{202e}b\\u{2028}\\u{feff}"'],
    "has hidden letters beyond 16 bits escaped": ["\u{e0041}", '"\\u{e0041}"'],
    "has lone surrogates escaped": ["\ud800", '"\\ud800"'],
    "is cut at 80 characters": ["a".repeat(81), `"${"a".repeat(80)}…"`],
    "shows no user and password of a URL": ["http://joe:pass/w@rd@host/x", '"http://***@host/x"'],
    "shows nothing of a PEM": ["x -----BEGIN PRIVATE KEY-----\nabc", '"(PEM, not shown)"'],
  };
  test.each(Object.entries(shown))("%s", (_, [value, text]) => expect(quoted(value)).toBe(text));
});

describe("text of others", () => {
  test("stays on one line", () => expect(printable("a\r\nb\tc")).toBe("a\\u{d}\\u{a}b\\u{9}c"));
  test("is cut", () => expect(printable("abcdef", 3)).toBe("abc…"));
  test("whatever it is, holds no control and no lone surrogate", () => {
    const any = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 300 });
    fc.assert(
      fc.property(any, (text) => {
        for (const line of [printable(text), quoted(text)]) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
          expect(line.isWellFormed()).toBe(true);
          expect(line.length).toBeLessThan(2100);
        }
      }),
    );
  });
});

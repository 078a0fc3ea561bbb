import { describe, expect, it } from "vitest";
import { countersKey, instrument } from "./instrument.ts";

/** The value of an expression in instrumented code, and how often each of its places was passed. */
function run(code: string, result: string): { readonly value: unknown; readonly counts: number[] } {
  const counts: number[] = [];
  const { source } = instrument(`${code}\n;globalThis.result = ${result};`, "script", () => counts.push(0) - 1);
  Reflect.set(globalThis, Symbol.for(countersKey), counts);
  new Function(source)();
  return { value: Reflect.get(globalThis, "result"), counts };
}

describe("instrumented code", () => {
  it.each<[string, string, string, unknown, number[]]>([
    ["a function", "function f() { return 1 }", "f() + f()", 2, [2]],
    ["an arrow", "const f = (x) => ({ x })", "f(1).x", 1, [1]],
    ["both ways of an if", "function f(x) { if (x) return 1; else return 2 }", "f(0)", 2, [1, 1, 0]],
    ["the else that is not written", "function f(x) { if (x) return 1; return 2 }", "f(0)", 2, [1, 1, 0]],
    [
      "an else of the nearer if",
      "function f(a, b) { if (a) if (b) return 1; else return 2; return 3 }",
      "f(1, 0)",
      2,
      [1, 0, 1, 1, 0],
    ],
    [
      "an else if",
      "function f(x) { if (x > 1) return 1; else if (x > 0) return 2; return 3 }",
      "f(1)",
      2,
      [1, 1, 0, 0, 1],
    ],
    ["a loop without braces", "let n = 0; for (let i = 0; i < 3; i++) n += i", "n", 3, [3]],
    ["a loop with braces", "let n = 0; while (n < 2) { n++ }", "n", 2, [2]],
    ["a loop that looks last", "let n = 0; do n++; while (n < 2)", "n", 2, [2]],
    ["cases", "let n; switch (2) { case 1: n = 1; break; case 2: case 3: n = 3 }", "n", 3, [0, 1]],
    ["a handler", "let n = 0; try { throw 1 } catch { n = 2 }", "n", 2, [1]],
    ["&& and ||", "const v = 0 || (1 && 2)", "v", 2, [1, 1]],
    ["??", "const v = 1 ?? 2", "v", 1, [0]],
    ["?:", "const v = 1 ? 2 : 3", "v", 2, [1, 0]],
    ["within a template", "const v = `$" + "{1 ? 'a' : 'b'}`", "v", "a", [1, 0]],
    ["a method and a getter", "class C { get x() { return 1 } m() { return this.x } }", "new C().m()", 1, [1, 1]],
  ])("does what it did, and counts %s", (_, code, result, value, counts) => {
    expect(run(code, result)).toStrictEqual({ value, counts });
  });

  it("keeps a directive first", () => {
    expect(run("function f() { 'use strict'; return this }", "f()").value).toBeUndefined();
  });

  it("keeps its lines", () => {
    const { source } = instrument("if (a)\n  b();\nelse\n  c();\n", "module", () => 0);
    expect(source.split("\n").map((line) => line.replace(/.*?(\w\(\);).*/, "$1"))).toMatchObject({
      1: "b();",
      3: "c();",
    });
  });

  it("tells the words that inputs may need", () => {
    const code = "f('content-length', 'x', 'a sentence for people', `t`, 7)";
    expect(instrument(code, "module", () => 0).tokens).toStrictEqual(["content-length"]);
  });
});

import { describe, expect, it } from "vitest";
import { compileRoutes } from "./compile.ts";
import { match } from "./match.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

type Call = Parameters<typeof sampleOpen>[0];

const prefix = (value: string) => ({ path: { value } });
const header = (name: string, value: string) => ({ headers: [{ name, value }] });
const soap = (type: string, value: string) => ({ soap: { action: { type, value } } });

describe("T9: of several matches the one found", () => {
  it.each<[string, object[], Call, number | undefined]>([
    ["is the longest prefix", [prefix("/a"), prefix("/a/b"), prefix("/a/b/c")], { target: "/a/b/d" }, 1],
    ["is a prefix before two slashes", [prefix("/a"), prefix("/aaaa/aaaa")], { target: "/a//b" }, 0],
    ["is a prefix of many segments' path", [prefix("/a"), prefix("/a/b")], { target: `/a/b${"/c".repeat(100)}` }, 1],
    [
      "is a shorter prefix where the longer asks more",
      [prefix("/a"), { ...prefix("/a/b"), method: "PUT" }],
      { target: "/a/b" },
      0,
    ],
    [
      "is a wildcard where the exact host asks more",
      [{ host: "*.b" }, { host: "a.b", method: "PUT" }],
      { headers: { host: "a.b" } },
      0,
    ],
    ["is the longest wildcard", [{ host: "*.c" }, { host: "*.b.c" }], { headers: { host: "a.b.c" } }, 1],
    ["is that of one header", [header("a", "1"), header("b", "1"), header("c", "1")], { headers: { b: "1" } }, 1],
    ["is that of the last header", [header("a", "1"), header("b", "1"), header("c", "1")], { headers: { c: "1" } }, 2],
    ["is the first of two headers", [header("b", "1"), header("a", "1")], { headers: { a: "1", b: "1" } }, 0],
    [
      "has the most headers",
      [header("a", "1"), { headers: [...header("a", "1").headers, { name: "b", value: "1" }] }],
      { headers: { a: "1", b: "1" } },
      1,
    ],
    [
      "is the longest part of the action",
      [soap("Contains", "abcd"), soap("Contains", "bcdefg")],
      { headers: { SOAPAction: "abcdefg" } },
      1,
    ],
    [
      "has a method rather than the exact action",
      [soap("Exact", "abcd"), { method: "GET" }],
      { headers: { SOAPAction: "abcd" } },
      1,
    ],
    [
      "is none where each asks more",
      [prefix("/a"), { host: "a" }, header("a", "1"), soap("Prefix", "a")],
      {},
      undefined,
    ],
  ])("%s", (_name, matches, call, expected) => {
    const found = match(compileRoutes([sampleRoute({ matches })], sampleTunnel), sampleOpen(call));
    expect(found.t === "route" ? found.matchIndex : undefined).toBe(expected);
  });
});

import { describe, expect, it } from "vitest";
import { compileRoutes } from "./compile.ts";
import { sampleRoute, sampleTunnel } from "./sample-route.ts";

const soap = (type: string, value: string) => ({ soap: { action: { type, value } } });
const block = (type: string, value: string, more: object = {}) => ({
  soap: { header: { name: "n", type, value }, ...more },
});
const path = (type: string, value: string) => ({ path: { type, value } });
const header = (name: string) => ({ name, value: "v" });

/** Each goes before all that follow it. */
const order: Record<string, object[]> = {
  "host: exact, then the longer wildcard, then none": [
    { host: "a.b.c" },
    { host: "*.bb.c", path: { type: "Exact", value: "/" } },
    { host: "*.c", path: { type: "Exact", value: "/" } },
    { path: { type: "Exact", value: "/" } },
  ],
  "path: exact, then the longer prefix, then an expression, then none": [
    path("Exact", "/a"),
    { ...path("PathPrefix", "/a/bb"), ...soap("Exact", "x") },
    { ...path("PathPrefix", "/aaa///"), method: "GET" },
    { ...path("PathPrefix", "/a/"), method: "GET" },
    { ...path("RegularExpression", "/a"), method: "GET" },
    { method: "GET" },
  ],
  "method: given, then none, whatever the action": [{ method: "GET" }, soap("Exact", "urn:x")],
  "action: exact, the longer prefix, the longer part, an expression, none": [
    soap("Exact", "x"),
    soap("Prefix", "xx"),
    soap("Prefix", "x"),
    soap("Contains", "xxx"),
    soap("Contains", "x"),
    { ...soap("RegularExpression", "x"), headers: [header("a")] },
    { headers: [header("a"), header("b")] },
  ],
  "SOAP header: after the action, before headers; exact, the longer prefix, the longer part, an expression, none": [
    block("RegularExpression", "x", { action: { type: "Exact", value: "x" } }),
    soap("Exact", "x"),
    block("Exact", "x"),
    block("Prefix", "xx"),
    block("Prefix", "x"),
    block("Contains", "xxx"),
    { soap: { header: { name: "n", namespace: "urn:n", type: "Contains", value: "x" } } },
    block("Contains", "x"),
    { ...block("RegularExpression", "x"), headers: [header("a")] },
    block("RegularExpression", "xxx"),
    { headers: [header("a"), header("b")] },
  ],
  "headers: more first, then query parameters": [
    { headers: [header("a"), header("b")] },
    { headers: [header("a")], queryParams: [header("a"), header("b")] },
    { headers: [header("a")], queryParams: [header("a")] },
    { queryParams: [header("a"), header("b")] },
    {},
  ],
};

/** Their order is that of the document. */
const equal: Record<string, [object, object]> = {
  "exact hosts of any length": [{ host: "a.b" }, { host: "aaa.b" }],
  "exact paths of any length": [path("Exact", "/a"), path("Exact", "/aaa")],
  "the prefix '/' and no path": [path("PathPrefix", "/"), {}],
  "prefixes but for their slash at the end": [path("PathPrefix", "/a/"), path("PathPrefix", "/b")],
  "exact actions of any length": [soap("Exact", "x"), soap("Exact", "xxx")],
  "expressions of any length": [soap("RegularExpression", "x"), soap("RegularExpression", "xxx")],
};

/** The places in the document of a route's matches, in order of precedence. */
function places(matches: readonly object[]): number[] {
  return compileRoutes([sampleRoute({ matches })], sampleTunnel).matches.map((match) => match.matchIndex);
}

describe("T9: precedence", () => {
  it.each(Object.keys(order))("%s", (name) => {
    const matches = order[name] ?? [];
    const ascending = matches.map((_match, place) => place);
    expect(places(matches)).toEqual(ascending);
    expect(places([...matches].reverse())).toEqual(ascending.reverse());
  });

  it.each(Object.keys(equal))("is equal for %s", (name) => {
    const [one, other] = equal[name] ?? [{}, {}];
    expect(places([one, other])).toEqual([0, 1]);
    expect(places([other, one])).toEqual([0, 1]);
  });

  it("among equals: the oldest route, then by namespace/name, then by place", () => {
    const routes = [
      sampleRoute({ name: "b", namespace: "x", parentRefs: [{ name: "partners", namespace: "default" }] }),
      sampleRoute({ name: "b", matches: [{}, {}] }),
      sampleRoute({ name: "a" }),
      sampleRoute({ name: "young", creationTimestamp: "2026-02-02T00:00:00Z" }),
      sampleRoute({ name: "old", creationTimestamp: "2026-02-01T23:59:59.5Z" }),
    ];
    const { matches } = compileRoutes(routes, sampleTunnel);
    expect(matches.map(({ route, matchIndex, rank }) => [route.key, matchIndex, rank])).toEqual([
      ["default/old", 0, 0],
      ["default/young", 0, 1],
      ["default/a", 0, 2],
      ["default/b", 0, 3],
      ["default/b", 1, 4],
      ["x/b", 0, 5],
    ]);
  });
});

import { describe, expect, it } from "vitest";
import { compileRoutes } from "./compile.ts";
import { match } from "./match.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

describe("a routing table", () => {
  it.each([
    ["the tunnel by name, in the route's namespace", "default", [{ name: "partners" }], true],
    ["the tunnel by name, in another namespace than the route's", "apps", [{ name: "partners" }], false],
    ["the tunnel with its namespace", "apps", [{ name: "partners", namespace: "default" }], true],
    ["another tunnel", "default", [{ name: "others" }], false],
    ["several parents, the tunnel among them", "default", [{ name: "others" }, { name: "partners" }], true],
  ])("a route that names %s", (_name, namespace, parentRefs, expected) => {
    const table = compileRoutes([sampleRoute({ namespace, parentRefs })], sampleTunnel);
    expect(table.routes.map((route) => route.key)).toEqual(expected ? [`${namespace}/calc`] : []);
    expect(table.matches.length).toBe(expected ? 1 : 0);
  });

  it("leaves out a match that cannot be used, tells why, and keeps the others", () => {
    const good = sampleRoute({ matches: [{ method: "GET" }, { method: "POST" }, { method: "PUT" }] });
    const [get, post, put] = good.spec.matches;
    const matches = [
      { ...get, soap: { action: { type: "RegularExpression" as const, value: "(" } } },
      { ...post, path: { type: "Exact" as const, value: "/a?b" } },
      { ...put },
    ];
    const table = compileRoutes([{ ...good, spec: { ...good.spec, matches } }], sampleTunnel);

    expect(table.problems).toEqual([
      {
        route: "default/calc",
        message:
          "matches[0].soap.action is not an RE2 regular expression: missing closing ): `(`; see https://github.com/google/re2/wiki/Syntax; until then this match takes nothing",
      },
      {
        route: "default/calc",
        message:
          "matches[1].path holds a '?' or '#', which no path has; match the query with queryParams; until then this match takes nothing",
      },
    ]);
    const taken = ["GET", "POST", "PUT"].map(
      (method) => match(table, sampleOpen({ method, target: "/a", headers: { SOAPAction: "x" } })).t,
    );
    expect(taken).toEqual(["none", "none", "route"]);
  });

  it("takes nothing by a route none of whose matches can be used", () => {
    const table = compileRoutes([sampleRoute({ matches: [{ path: { value: "/a/../b" } }] })], sampleTunnel);
    expect(match(table, sampleOpen()).t).toBe("none");
    expect(table.problems).toEqual([
      {
        route: "default/calc",
        message:
          "matches[0].path has a segment '.' or '..', which never fits; write the path it stands for; until then this match takes nothing",
      },
    ]);
  });

  it("keeps the first of two routes of the same name", () => {
    const routes = [sampleRoute({ matches: [{ method: "GET" }] }), sampleRoute({ matches: [{ method: "POST" }] })];
    const table = compileRoutes(routes, sampleTunnel);
    expect(table.routes.map((route) => route.document)).toEqual([routes[0]]);
    expect(table.problems).toEqual([
      { route: "default/calc", message: "comes twice, the second one is left out; give each TunnelRoute its own name" },
    ]);
  });
});

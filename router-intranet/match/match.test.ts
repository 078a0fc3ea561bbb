import { describe, expect, it } from "vitest";
import { compileRoutes } from "./compile.ts";
import { match } from "./match.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

type Call = Parameters<typeof sampleOpen>[0];

/** Whether a route with this one match takes the call. */
function takes(routeMatch: object, call: Call): boolean {
  const table = compileRoutes([sampleRoute({ matches: [routeMatch] })], sampleTunnel);
  expect(table.problems).toEqual([]);
  return match(table, sampleOpen(call)).t === "route";
}

const soap = (type: string, value: string) => ({ soap: { action: { type, value } } });
const path = (type: string, value: string) => ({ path: { type, value } });
const action = (value: string) => ({
  method: "POST",
  headers: { "Content-Type": "text/xml", SOAPAction: `"${value}"` },
});

describe("T9: a match", () => {
  it.each<[string, object, Call, boolean]>([
    ["asks nothing: takes everything", {}, {}, true],
    ["by exact action: the same", soap("Exact", "urn:x/Add"), action("urn:x/Add"), true],
    ["by exact action: another case", soap("Exact", "urn:x/Add"), action("urn:x/add"), false],
    ["by exact action: no action", soap("Exact", "urn:x/Add"), {}, false],
    ["by prefix of the action", soap("Prefix", "urn:x/"), action("urn:x/Add"), true],
    ["by prefix of the action: elsewhere", soap("Prefix", "urn:x/"), action("my urn:x/Add"), false],
    ["by prefix of the action: the whole", soap("Prefix", "urn:x/"), action("urn:x/"), true],
    ["by prefix of the action: shorter", soap("Prefix", "urn:x/"), action("urn:x"), false],
    ["by part of the action", soap("Contains", "/ICalc/"), action("http://tempuri.org/ICalc/Add"), true],
    ["by part of the action: its end", soap("Contains", "/Add"), action("http://tempuri.org/ICalc/Add"), true],
    ["by part of the action: under four characters", soap("Contains", "Add"), action("urn:Add"), true],
    ["by part of the action: not there", soap("Contains", "/ICalc/"), action("http://tempuri.org/ICalcs/Add"), false],
    ["by part of the action: longer than it", soap("Contains", "/ICalc/Add"), action("/ICalc/Ad"), false],
    ["by part of the action, beyond ASCII", soap("Contains", "größe"), action("urn:gr\u00c3\u00b6\u00c3\u009fe"), true],
    ["by regular expression of the action", soap("RegularExpression", ".*/I(Calc|Sum)/.*"), action("u/ISum/Add"), true],
    ["by regular expression of the action: a part", soap("RegularExpression", "Add"), action("urn:Add"), false],
    [
      "by action: the parameter of SOAP 1.2",
      soap("Exact", "urn:x/Add"),
      { headers: { "content-type": 'application/soap+xml; action="urn:x/Add"' } },
      true,
    ],

    ["by exact path", path("Exact", "/foo"), { target: "/foo?x=1" }, true],
    ["by exact path: a slash more", path("Exact", "/foo"), { target: "/foo/" }, false],
    ["by exact path: another case", path("Exact", "/foo"), { target: "/Foo" }, false],
    ["by exact path: encoded otherwise", path("Exact", "/foo"), { target: "/%66oo" }, false],
    ["by exact path: encoded alike", path("Exact", "/a%20b"), { target: "/a%20b" }, true],
    ["by exact path, absolute form", path("Exact", "/foo"), { target: "http://h/foo?x" }, true],
    ["by exact path, absolute form without one", path("Exact", "/"), { target: "http://h" }, true],
    ["by path prefix: the same", path("PathPrefix", "/foo"), { target: "/foo" }, true],
    ["by path prefix: a slash more", path("PathPrefix", "/foo"), { target: "/foo/" }, true],
    ["by path prefix: below", path("PathPrefix", "/foo"), { target: "/foo/bar/baz" }, true],
    ["by path prefix: below, after two slashes", path("PathPrefix", "/foo"), { target: "/foo//bar" }, true],
    ["by path prefix: two slashes before", path("PathPrefix", "/foo"), { target: "//foo" }, false],
    ["by path prefix: with a query", path("PathPrefix", "/foo"), { target: "/foo?x" }, true],
    ["by path prefix: a longer segment", path("PathPrefix", "/foo"), { target: "/foobar" }, false],
    ["by path prefix: above", path("PathPrefix", "/foo/bar"), { target: "/foo" }, false],
    ["by path prefix with a slash at its end: the same", path("PathPrefix", "/foo/"), { target: "/foo" }, true],
    ["by path prefix with a slash at its end: below", path("PathPrefix", "/foo/"), { target: "/foo/bar" }, true],
    ["by path prefix '/': everything", path("PathPrefix", "/"), { target: "/foo" }, true],
    ["by path prefix '/': OPTIONS *", path("PathPrefix", "/"), { method: "OPTIONS", target: "*" }, true],
    ["by path prefix: OPTIONS *", path("PathPrefix", "/foo"), { method: "OPTIONS", target: "*" }, false],
    ["by path's regular expression", path("RegularExpression", "/v[0-9]+/.*"), { target: "/v2/x?y" }, true],
    ["by path's regular expression: a part", path("RegularExpression", "/v[0-9]+"), { target: "/v2/x" }, false],
    ["by path prefix: climbing out", path("PathPrefix", "/foo"), { target: "/foo/../admin" }, false],
    ["by path prefix: climbing out, encoded", path("PathPrefix", "/foo"), { target: "/foo/%2e%2E/admin" }, false],
    ["by path prefix: climbing in", path("PathPrefix", "/foo"), { target: "/x/../foo/bar" }, false],
    ["by path prefix: a dot segment", path("PathPrefix", "/foo"), { target: "/foo/./bar" }, false],
    ["by path prefix: dots in the query", path("PathPrefix", "/foo"), { target: "/foo?/../" }, true],
    ["by path prefix: dots in a segment", path("PathPrefix", "/foo"), { target: "/foo/a..b/.c" }, true],
    ["by path prefix '/': climbing", path("PathPrefix", "/"), { target: "/foo/../admin" }, true],
    ["by no path: climbing", {}, { target: "/foo/../admin" }, true],
    ["by path's regular expression: climbing", path("RegularExpression", "/foo/.*"), { target: "/foo/../x" }, true],

    ["by host", { host: "calc.example.com" }, { headers: { Host: "Calc.Example.com:8080" } }, true],
    [
      "by host: the target's before the header's",
      { host: "a.b" },
      { target: "http://a.b/", headers: { Host: "x" } },
      true,
    ],
    [
      "by host: the header's after the target's",
      { host: "a.b" },
      { target: "http://x/", headers: { Host: "a.b" } },
      false,
    ],
    ["by host: none", { host: "a.b" }, {}, false],
    ["by wildcard: one label below", { host: "*.example.com" }, { headers: { host: "a.example.com" } }, true],
    ["by wildcard: two labels below", { host: "*.example.com" }, { headers: { host: "a.b.example.com." } }, true],
    ["by wildcard: the domain", { host: "*.example.com" }, { headers: { host: "example.com" } }, false],
    ["by wildcard: another domain", { host: "*.example.com" }, { headers: { host: "anexample.com" } }, false],
    ["by wildcard: two Host headers", { host: "*.b" }, { headers: { host: "a.b", Host: "c.b" } }, false],
    ["by host: CONNECT", { host: "a.b" }, { method: "CONNECT", target: "a.b:443" }, true],

    ["by method", { method: "POST" }, { method: "POST" }, true],
    ["by method: another case", { method: "POST" }, { method: "post" }, false],

    [
      "by header, its name in any case",
      { headers: [{ name: "X-Tenant", value: "a" }] },
      { headers: { "x-TENANT": "a" } },
      true,
    ],
    [
      "by header: another value",
      { headers: [{ name: "X-Tenant", value: "a" }] },
      { headers: { "x-tenant": "A" } },
      false,
    ],
    ["by header: none", { headers: [{ name: "X-Tenant", value: "a" }] }, {}, false],
    [
      "by header: several lines are joined",
      { headers: [{ name: "X-Tag", value: "a, b" }] },
      { headers: { "X-Tag": "a", "x-tag": "b" } },
      true,
    ],
    [
      "by header's regular expression",
      { headers: [{ name: "X-Tag", type: "RegularExpression", value: "(a|b)+" }] },
      { headers: { "X-Tag": "abba" } },
      true,
    ],
    [
      "by two headers: only one holds",
      {
        headers: [
          { name: "X-A", value: "a" },
          { name: "X-B", type: "Prefix", value: "b" },
        ],
      },
      { headers: { "X-A": "a", "X-B": "c" } },
      false,
    ],

    ["by query parameter, decoded", { queryParams: [{ name: "q", value: "a b&c" }] }, { target: "/?q=a+b%26c" }, true],
    [
      "by query parameter: the first counts",
      { queryParams: [{ name: "q", value: "2" }] },
      { target: "/?q=1&q=2" },
      false,
    ],
    ["by query parameter: another case", { queryParams: [{ name: "q", value: "1" }] }, { target: "/?Q=1" }, false],
    [
      "by query parameter: none",
      { queryParams: [{ name: "q", type: "Contains", value: "1" }] },
      { target: "/?" },
      false,
    ],
    [
      "by query parameter, beyond ASCII",
      { queryParams: [{ name: "ö", value: "ü" }] },
      { target: "/?%C3%B6=%c3%bc" },
      true,
    ],

    ["by all its fields", { ...soap("Prefix", "urn:"), ...path("Exact", "/"), method: "POST" }, action("urn:x"), true],
    [
      "by all its fields: one fails",
      { ...soap("Prefix", "urn:"), ...path("Exact", "/"), method: "GET" },
      action("urn:x"),
      false,
    ],
  ])("%s", (_name, routeMatch, call, expected) => {
    expect(takes(routeMatch, call)).toBe(expected);
  });
});

describe("T9: routes of a tunnel", () => {
  it("are answered by route and place of the match", () => {
    const table = compileRoutes(
      [sampleRoute({ name: "a", matches: [{ method: "PUT" }, { method: "POST" }] }), sampleRoute({ name: "b" })],
      sampleTunnel,
    );
    const [a, b] = table.routes;
    expect(match(table, sampleOpen({ method: "POST" }))).toEqual({ t: "route", route: a, matchIndex: 1 });
    expect(match(table, sampleOpen({ method: "GET" }))).toEqual({ t: "route", route: b, matchIndex: 0 });
  });

  it("take nothing when there are none", () => {
    expect(match(compileRoutes([], sampleTunnel), sampleOpen())).toEqual({ t: "none" });
  });

  it.each([
    [[{ name: "partners" }], "https", true],
    [[{ name: "partners", sectionName: "http" }], "http", true],
    [[{ name: "partners", sectionName: "http" }], "https", false],
    [
      [
        { name: "partners", sectionName: "http" },
        { name: "partners", sectionName: "https" },
      ],
      "https",
      true,
    ],
    [[{ name: "partners", sectionName: "http" }, { name: "partners" }], "https", true],
    [[{ name: "partners", sectionName: "http" }, { name: "others" }], "https", false],
  ])("bound by %j, on listener %s: %s", (parentRefs, listener, expected) => {
    const table = compileRoutes([sampleRoute({ parentRefs })], sampleTunnel);
    expect(match(table, sampleOpen({ listener })).t === "route").toBe(expected);
  });
});

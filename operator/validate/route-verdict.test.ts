import { routeHash } from "@sallyport/proto/route-hash";
import { describe, expect, it } from "vitest";
import type { Facts, ReferenceGrant } from "../facts.ts";
import { env, type SampleRoute, sampleFacts, sampleRoute, sampleTunnel } from "../testing/sample.ts";
import { fitsDestination } from "./backend-grant.ts";
import { judgeRoutes } from "./route-verdict.ts";

const two = (http: object, wcf: object = {}) => ({
  dmz: {
    listeners: [
      { name: "http", protocol: "HTTP", port: 80, ...http },
      { name: "wcf", protocol: "HTTP", port: 808, ...wcf },
    ],
  },
});

const from = (namespaces: object) => ({ allowedRoutes: { namespaces } });
const parent = (more: object = {}) => ({ parentRefs: [{ name: "partners", namespace: "tunnels", ...more }] });

function judgeOne(tunnel: object, route: SampleRoute, facts: Partial<Facts> = {}) {
  return judgeRoutes(sampleTunnel(tunnel), [sampleRoute(route)], sampleFacts(facts), env)[0]!;
}

describe("which listeners take a route", () => {
  const cases: Record<string, [tunnel: object, route: SampleRoute, listeners: string[], reason: string]> = {
    "all of its own namespace": [two({}), {}, ["http", "wcf"], "Accepted"],
    "none of another namespace, unless they say so": [two({}), { namespace: "apps" }, [], "NotAllowedByListeners"],
    "the one that takes routes of all": [two(from({ from: "All" })), { namespace: "apps" }, ["http"], "Accepted"],
    "the one whose selector the namespace fits": [
      two(from({ from: "Selector", selector: { matchLabels: { team: "blue" } } })),
      { namespace: "apps" },
      ["http"],
      "Accepted",
    ],
    "none whose selector it does not fit, not even of the tunnel's own namespace": [
      two(
        from({ from: "Selector", selector: { matchLabels: { team: "blue" } } }),
        from({ from: "Selector", selector: { matchLabels: { team: "red" } } }),
      ),
      {},
      [],
      "NotAllowedByListeners",
    ],
    "the one that it names": [two({}), { spec: parent({ sectionName: "wcf" }) }, ["wcf"], "Accepted"],
    "none when it names one that is not there": [
      two({}),
      { spec: parent({ sectionName: "x" }) },
      [],
      "NoMatchingParent",
    ],
  };

  it.each(Object.entries(cases))("%s", (_, [tunnel, route, listeners, reason]) => {
    const verdict = judgeOne(tunnel, route);
    expect([verdict.listeners, verdict.parents.map(({ accepted }) => accepted.reason)]).toEqual([listeners, [reason]]);
    expect(verdict.served === undefined).toBe(listeners.length === 0);
  });

  it("is said to R2 by their names where it is not all of them", () => {
    const some = judgeOne(two(from({ from: "All" })), { namespace: "apps" });
    expect(some.served?.document.spec.parentRefs).toEqual([
      { name: "partners", namespace: "tunnels", sectionName: "http" },
    ]);
    expect(judgeOne(two({}), {}).served?.document.spec.parentRefs).toEqual([
      { name: "partners", namespace: "tunnels" },
    ]);
  });

  it("is answered for each parentRef by itself, and other tunnels' are left to them", () => {
    const parentRefs = [
      { name: "partners", sectionName: "http" },
      { name: "partners", sectionName: "x" },
      { name: "others" },
    ];
    const { parents, listeners } = judgeOne(two({}), { spec: { parentRefs } });
    expect(parents.map(({ parentRef, accepted }) => [parentRef.sectionName, accepted.reason])).toEqual([
      ["http", "Accepted"],
      ["x", "NoMatchingParent"],
    ]);
    expect(listeners).toEqual(["http"]);
  });
});

describe("where a route's calls may go", () => {
  const grant: ReferenceGrant = {
    namespace: "apps",
    from: [{ group: "sallyport.dev", kind: "TunnelRoute", namespace: "tunnels" }],
    to: [{ group: "", kind: "Service" }],
  };
  const service = (more: object = {}) => ({ spec: { backendRefs: [{ name: "calc", port: 80, ...more }] } });
  const url = (text: string) => ({ spec: { backendRefs: [{ url: text }] } });
  const allowing = (...allowedDestinations: string[]) => ({ spec: { intranet: { allowedDestinations } } });
  const inApps = "http://calc.apps.svc.cluster.local:80";
  const wide = { dmz: { listeners: [{ name: "http", protocol: "HTTP", port: 80, ...from({ from: "All" }) }] } };

  interface Case {
    readonly tunnel?: object;
    readonly route: SampleRoute;
    readonly facts?: Partial<Facts>;
    /** Where R2 is told to send it, or the reason why nowhere. */
    readonly to?: string;
    readonly reason?: string;
    readonly message?: RegExp;
  }

  const cases: Record<string, Case> = {
    "to a Service of its own namespace": { route: service(), to: "http://calc.tunnels.svc.cluster.local:80" },
    "to one of another namespace by a ReferenceGrant there": {
      ...{ route: service({ namespace: "apps" }), facts: { grants: [grant] }, to: inApps },
    },
    "by one that names the Service": {
      route: service({ namespace: "apps" }),
      facts: { grants: [{ ...grant, to: [{ group: "", kind: "Service", name: "calc" }] }] },
      to: inApps,
    },
    "not without one": {
      ...{ route: service({ namespace: "apps" }), reason: "RefNotPermitted", message: /no ReferenceGrant in apps/ },
    },
    "not by one in another namespace": {
      ...{ route: service({ namespace: "apps" }), facts: { grants: [{ ...grant, namespace: "tunnels" }] } },
      reason: "RefNotPermitted",
    },
    "not by one for the routes of others": {
      route: service({ namespace: "apps" }),
      facts: { grants: [{ ...grant, from: [{ ...grant.from[0]!, namespace: "open" }] }] },
      reason: "RefNotPermitted",
    },
    "not by one for another kind of route": {
      route: service({ namespace: "apps" }),
      facts: { grants: [{ ...grant, from: [{ ...grant.from[0]!, kind: "HTTPRoute" }] }] },
      reason: "RefNotPermitted",
    },
    "not by one for another Service": {
      route: service({ namespace: "apps" }),
      facts: { grants: [{ ...grant, to: [{ group: "", kind: "Service", name: "other" }] }] },
      reason: "RefNotPermitted",
    },
    "not where Gateway API is not installed, and that is said": {
      ...{ route: service({ namespace: "apps" }), facts: { grants: undefined } },
      ...{ reason: "RefNotPermitted", message: /Gateway API is not installed/ },
    },
    "not to a Service that does not exist": {
      ...{ route: service({ name: "gone" }), reason: "BackendNotFound", message: /does not exist; create it/ },
    },
    "not to an ExternalName, which leads wherever its owner says": {
      ...{ route: service({ name: "elsewhere" }), facts: { aliases: new Set(["tunnels/elsewhere"]) } },
      ...{ reason: "RefNotPermitted", message: /ExternalName, which no grant covers/ },
    },
    "not to a port that it does not have": {
      ...{ route: service({ port: 81 }), reason: "BackendNotFound", message: /no port 81; its ports: 80, 8080$/ },
    },
    "not where the operator does not look": {
      ...{ route: service({ namespace: "apps" }), facts: { grants: [grant], watchedNamespaces: new Set(["tunnels"]) } },
      ...{ reason: "BackendNotFound", message: /--watch-namespaces/ },
    },
    "to any url, of a route in the tunnel's own namespace": { route: url("http://10.0.0.7"), to: "http://10.0.0.7" },
    "to no url, of a route in another namespace": {
      ...{ tunnel: wide, route: { namespace: "apps", ...url("http://10.0.0.7") } },
      ...{ reason: "RefNotPermitted", message: /spec.intranet.allowedDestinations/ },
    },
    "to a url that the tunnel's owner allows, of a route in any namespace": {
      tunnel: { ...wide, ...allowing("*.example.com") },
      route: { namespace: "apps", ...url("https://a.example.com") },
      to: "https://a.example.com",
    },
    "to no other url, of a route in the tunnel's own namespace either": {
      ...{ tunnel: allowing("*.example.com"), route: url("http://10.0.0.7"), reason: "RefNotPermitted" },
    },
  };

  it.each(Object.entries(cases))(
    "%s",
    (_, { tunnel = {}, route, facts, to, reason = "ResolvedRefs", message = /./ }) => {
      const { parents, served } = judgeOne(tunnel, route, facts);
      expect(parents[0]?.resolvedRefs).toEqual({
        ...{ holds: to !== undefined, reason, message: expect.stringMatching(message) },
      });
      const unusable = { name: "not-resolved", port: 1 };
      expect(served?.document.spec.backendRefs).toEqual([
        { ...(to === undefined ? unusable : { url: to }), weight: 1 },
      ]);
    },
  );

  it("keeps the share of what leads nowhere, so that no other destination gets it", () => {
    const backendRefs = [
      { name: "calc", port: 80, weight: 9 },
      { name: "gone", port: 80, weight: 1 },
    ];
    const { parents, served } = judgeOne({}, { spec: { backendRefs } });
    expect(served?.document.spec.backendRefs.map(({ weight }) => weight)).toEqual([9, 1]);
    expect(parents[0]?.resolvedRefs.message).toMatch(/^backendRefs\[1\]: /);
  });

  it("says a refusal before what is only missing, and tells both", () => {
    const backendRefs = [
      { name: "gone", port: 80 },
      { name: "calc", namespace: "apps", port: 80 },
    ];
    const { parents } = judgeOne({}, { spec: { backendRefs } });
    expect(parents[0]?.resolvedRefs).toMatchObject({ reason: "RefNotPermitted" });
    expect(parents[0]?.resolvedRefs.message).toMatch(/\[0\].*does not exist.*; backendRefs\[1\]: .*no ReferenceGrant/);
  });
});

describe("an allowed destination", () => {
  const cases: [pattern: string, url: string, fits: boolean][] = [
    ["calc.example.com", "http://calc.example.com", true],
    ["calc.example.com", "http://CALC.example.com:8080", true],
    ["calc.example.com", "http://calc.example.com.:80", true],
    ["calc.example.com", "http://xcalc.example.com", false],
    ["calc.example.com:80", "http://calc.example.com", true],
    ["calc.example.com:443", "https://calc.example.com", true],
    ["calc.example.com:80", "http://calc.example.com:8080", false],
    ["*.example.com", "http://a.b.example.com", true],
    ["*.example.com", "http://example.com", false],
    ["*.example.com", "http://evilexample.com", false],
    ["*.example.com:9000", "http://a.example.com:9000", true],
    ["*", "http://[::1]:80", true],
    ["*:80", "http://anything:81", false],
    ["10.0.0.7", "http://10.0.0.7:9000", true],
    ["[fd00:0::1]", "http://[fd00::1]:9000", true],
    ["[fd00::1]:9000", "http://[fd00::1]:9000", true],
    ["[fd00::1]:9000", "http://[fd00::1]:9001", false],
    ["[fd00::1]", "http://[fd00::2]", false],
  ];
  it.each(cases)("%s and %s: %s", (pattern, url, fits) => {
    expect(fitsDestination(pattern, new URL(url))).toBe(fits);
  });
});

describe("routes that ask for the same", () => {
  const at = (value: string, more: object = {}) => ({ path: { type: "PathPrefix", value }, ...more });
  const route = (name: string, matches: object[], more: SampleRoute = {}) =>
    sampleRoute({ name, ...more, spec: { ...parent(), matches, ...more.spec } });
  const judged = (...routes: ReturnType<typeof sampleRoute>[]) =>
    judgeRoutes(sampleTunnel(two({})), routes, sampleFacts(), env).map(({ key, parents, served }) => [
      key,
      parents[0]?.accepted.reason,
      served !== undefined,
    ]);

  it("are given to the older one, whatever its name; the other is told who it is", () => {
    const young = route("a", [at("/x")], { creationTimestamp: "2026-01-02T00:00:00Z" });
    const old = route("b", [at("/x/")], { creationTimestamp: "2026-01-01T00:00:00Z" });
    expect(judged(young, old)).toEqual([
      ["tunnels/a", "Conflicted", false],
      ["tunnels/b", "Accepted", true],
    ]);
    const [verdict] = judgeRoutes(sampleTunnel(), [young, old], sampleFacts(), env);
    expect(verdict?.parents[0]?.accepted.message).toMatch(
      /matches\[0\] on listener http .* route tunnels\/b, .*change one/,
    );
  });

  it("are given to the first by name when they are of one age", () => {
    expect(judged(route("b", []), route("a", []))).toEqual([
      ["tunnels/b", "Conflicted", false],
      ["tunnels/a", "Accepted", true],
    ]);
  });

  it("stay attached for what is theirs alone", () => {
    expect(judged(route("a", [at("/x")]), route("b", [at("/x"), at("/y")]))[1]).toEqual([
      ...["tunnels/b", "PartlyConflicted", true],
    ]);
    const other = route("c", [at("/x")], { spec: parent({ sectionName: "wcf" }) });
    expect(judged(route("d", [at("/x")]), other).map(([, reason]) => reason)).toEqual(["PartlyConflicted", "Accepted"]);
  });

  it("are none when they differ in anything, or one is only wider", () => {
    expect(
      judged(
        route("a", [at("/x")]),
        route("b", [at("/x", { method: "GET" })]),
        route("c", [at("/x/y")]),
        route("d", []),
        route("e", [{ path: { type: "Exact", value: "/x" } }]),
      ).map(([, reason]) => reason),
    ).toEqual(Array(5).fill("Accepted"));
  });

  it("do not depend on the order of headers nor on the case of their names", () => {
    const [a, b] = [
      { name: "X-A", value: "1" },
      { name: "x-b", value: "2" },
    ];
    const reversed = [
      { ...b, name: "X-B" },
      { ...a, name: "x-a" },
    ];
    expect(judged(route("a", [{ headers: [a, b] }]), route("b", [{ headers: reversed }]))[1]?.[1]).toBe("Conflicted");
  });
});

describe("what R2 is given", () => {
  it("is hashed as R2 hashes it, and has what R2 orders by", () => {
    const { served } = judgeOne({}, { creationTimestamp: "2026-01-01T00:00:00Z" });
    expect(served?.hash).toBe(routeHash(served!.document));
    expect(served?.document.metadata).toEqual({
      ...{ name: "calc", namespace: "tunnels", creationTimestamp: "2026-01-01T00:00:00Z" },
    });
  });
});

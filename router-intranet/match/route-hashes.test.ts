import { createHash } from "node:crypto";
import { routeHash } from "@sallyport/proto/route-hash";
import { describe, expect, it } from "vitest";
import { compileRoutes } from "./compile.ts";
import { routeHashes } from "./route-hashes.ts";
import { sampleRoute, sampleTunnel } from "./sample-route.ts";

const match = { path: { type: "Exact", value: "/a" }, method: "GET", headers: [{ name: "X-A", value: "a" }] };

describe("a route's hash", () => {
  it("is the start of SHA-256 over JSON with its keys in order: R1, R2 and the operator may differ in age", () => {
    const json =
      '{"name":"calc","namespace":"default","spec":{"backendRefs":[{"url":"http://calc:80","weight":1}],' +
      '"matches":[{"headers":[{"name":"X-A","type":"Exact","value":"a"}],"method":"GET","path":{"type":"Exact","value":"/a"}}],' +
      '"parentRefs":[{"name":"partners"}]}}';
    const digest = createHash("sha256").update(json).digest("hex");
    expect(routeHash(sampleRoute({ matches: [match] }))).toBe(digest.slice(0, 16));
  });

  it("does not depend on the order of keys, on labels or on defaults written out", () => {
    const route = sampleRoute({ matches: [{ method: "GET", path: match.path, headers: match.headers }] });
    const metadata = { labels: { a: "b" }, resourceVersion: "7", ...route.metadata };
    expect(routeHash({ ...route, metadata })).toBe(routeHash(sampleRoute({ matches: [match] })));
  });

  it.each([
    sampleRoute({ matches: [{ ...match, method: "PUT" }] }),
    sampleRoute({ matches: [match, {}] }),
    sampleRoute({ matches: [match], name: "other" }),
    sampleRoute({ matches: [match], namespace: "other" }),
    sampleRoute({ matches: [match], creationTimestamp: "2026-02-01T00:00:00Z" }),
    sampleRoute({ matches: [match], backendRefs: [{ url: "http://calc:81" }] }),
  ])("changes with what counts (%#)", (route) => {
    expect(routeHash(route)).toMatch(/^[0-9a-f]{16}$/);
    expect(routeHash(route)).not.toBe(routeHash(sampleRoute({ matches: [match] })));
  });

  it("is told for each route of the table", () => {
    const a = sampleRoute({ name: "a" });
    const b = sampleRoute({ name: "b" });
    const elsewhere = sampleRoute({ name: "c", parentRefs: [{ name: "others" }] });
    expect(routeHashes(compileRoutes([b, elsewhere, a], sampleTunnel))).toEqual([
      { namespace: "default", name: "b", hash: routeHash(b) },
      { namespace: "default", name: "a", hash: routeHash(a) },
    ]);
  });
});

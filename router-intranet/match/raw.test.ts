import { CallKind } from "@sallyport/proto/frame";
import { describe, expect, test } from "vitest";
import { compileRoutes } from "./compile.ts";
import { explain, formatExplanation } from "./explain.ts";
import { match } from "./match.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

const bytes = [{ url: "tcp://db:5432" }];
const table = compileRoutes(
  [
    sampleRoute({ name: "web" }),
    sampleRoute({ name: "path", backendRefs: bytes, matches: [{ path: { value: "/" } }] }),
    sampleRoute({ name: "exact", backendRefs: bytes, matches: [{ host: "a.example.com" }] }),
    sampleRoute({ name: "below", backendRefs: bytes, matches: [{ host: "*.example.com" }] }),
    sampleRoute({ name: "db", backendRefs: bytes, parentRefs: [{ name: "partners", sectionName: "db" }] }),
    sampleRoute({
      name: "wrapped",
      backendRefs: [{ url: "tls://db:1" }],
      parentRefs: [{ name: "partners", sectionName: "w" }],
    }),
  ],
  sampleTunnel,
);

describe("a raw call goes", () => {
  test.each([
    ["by the name that TLS calls", "TLS", "tls", "a.example.com", "default/exact"],
    ["by a name in capital letters", "TLS", "tls", "A.Example.COM", "default/exact"],
    ["by a name below a domain", "TLS", "tls", "x.b.example.com", "default/below"],
    ["nowhere by the domain itself", "TLS", "tls", "example.com", undefined],
    ["nowhere without a name", "TLS", "tls", "", undefined],
    ["by its listener", "TCP", "db", "", "default/db"],
    ["nowhere from another listener", "TCP", "other", "", undefined],
    ["to tls:// from TCP", "TCP", "w", "", "default/wrapped"],
    ["never to tls:// from TLS", "TLS", "w", "", undefined],
    ["nowhere from a protocol that is not known", "Gopher", "db", "", undefined],
  ])("%s", (_, protocol, listener, serverName, route) => {
    const found = match(
      table,
      sampleOpen({ kind: CallKind.raw, method: "", target: "", protocol, listener, serverName }),
    );
    expect(found.t === "route" ? found.route.key : undefined).toBe(route);
  });
});

test("an HTTP call goes to no route that carries bytes", () => {
  const found = match(table, sampleOpen({ headers: { Host: "a.example.com" }, listener: "db", protocol: "HTTP" }));
  expect(found).toMatchObject({ t: "route", route: { key: "default/web" } });
});

test("why a raw call goes where it goes is told", () => {
  const open = sampleOpen({ kind: CallKind.raw, method: "", target: "", protocol: "TLS", serverName: "a.example.com" });
  expect(formatExplanation(explain(table, open))).toBe(
    [
      "The call goes to route default/exact, matches[0].",
      "takes    default/exact, matches[0]",
      '  yes host: expected "a.example.com", came "a.example.com"',
      "shadowed default/below, matches[0]",
      '  yes host: expected "*.example.com", came "a.example.com"',
      "refuses  default/db, matches[0]",
      '  no  listener: expected "db", came ""',
      "refuses  default/path, matches[0]",
      '  no  protocol: expected one that has what path asks for, came "TLS"',
      "refuses  default/web, matches[0]",
      `  no  protocol: expected one that the route's backendRefs carry, came "TLS"`,
      "refuses  default/wrapped, matches[0]",
      `  no  protocol: expected one that the route's backendRefs carry, came "TLS"`,
      '  no  listener: expected "w", came ""',
    ].join("\n"),
  );
});

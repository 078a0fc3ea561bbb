import { describe, expect, it } from "vitest";
import { type BackendPick, pickBackend } from "./backend.ts";
import { compileRoutes } from "./compile.ts";
import type { RoutingTable } from "./routing-table.ts";
import { sampleRoute, sampleTunnel } from "./sample-route.ts";

const one = { url: "http://one", weight: 1 };
const two = { url: "http://two", weight: 2 };
const never = { url: "http://never", weight: 0 };
const service = { name: "calc", port: 80, weight: 1 };

function compile(backendRefs: readonly object[]): RoutingTable {
  return compileRoutes([sampleRoute({ backendRefs })], sampleTunnel);
}

function pick(table: RoutingTable, random: number): BackendPick {
  const route = table.routes[0];
  if (route === undefined) throw new Error("the route was left out");
  return pickBackend(route, () => random);
}

function picks(backendRefs: readonly object[], randoms: readonly number[]): string[] {
  const table = compile(backendRefs);
  return randoms.map((random) => {
    const picked = pick(table, random);
    return picked.t === "backend" ? picked.backend.origin : "none";
  });
}

describe("a destination", () => {
  it("is picked as often as its weight says", () => {
    const thirds = [0, 0.33, 0.34, 0.66, 0.67, 0.999];
    expect(picks([one, two], thirds)).toEqual([
      "http://one",
      "http://one",
      "http://two",
      "http://two",
      "http://two",
      "http://two",
    ]);
  });

  it("is never picked with weight 0", () => {
    expect(picks([never, one, never, two, never], [0, 0.32, 0.34, 0.999_999])).toEqual([
      "http://one",
      "http://one",
      "http://two",
      "http://two",
    ]);
  });

  it("is one of the route's even if random gives 1", () => {
    expect(picks([never, one, two], [1])).toEqual(["http://one"]);
  });

  it("is none when all weights are 0", () => {
    expect(pick(compile([never]), 0.5)).toEqual({
      t: "none",
      message: "every backendRef of route default/calc has weight 0",
    });
  });

  it("has its URL parsed", () => {
    const url = new URL("http://calc.apps:8080/");
    expect(pick(compile([{ url: "http://calc.apps:8080", weight: 7 }]), 0)).toEqual({
      t: "backend",
      backend: { url, origin: "http://calc.apps:8080", proxyProtocol: false, weight: 7 },
    });
    expect(picks([{ url: "https://[::1]:443/" }], [0])).toEqual(["https://[::1]"]);
  });

  it("that cannot be used keeps its share of the calls, which get none", () => {
    expect(picks([service, one], [0, 0.49, 0.5, 0.9])).toEqual(["none", "none", "http://one", "http://one"]);
    expect(pick(compile([one, service]), 0.9)).toEqual({
      t: "none",
      message: "backendRefs[1] of route default/calc cannot be used",
    });
  });

  it("that is a Service is a problem outside a cluster", () => {
    expect(compile([one, service]).problems).toEqual([
      {
        route: "default/calc",
        message:
          "backendRefs[1] is the Service calc, which has an address only in a cluster; outside of one write url: http://<host>:<port>",
      },
    ]);
  });

  it.each(["http://h/base", "http://h/?q", "http://h/#f", "http://u@h/", "http://u:p@h/", "http://:p@h/"])(
    "with more than an origin is a problem: %s",
    (url) => {
      expect(problemsOf(url)).toEqual([
        {
          route: "default/calc",
          message:
            "backendRefs[0] has a url with more than an origin; write only scheme://host:port: the caller's path is passed on unchanged",
        },
      ]);
    },
  );

  it.each(["", "calc:80", "ftp://h", "http://", "http://h:99999"])("without a usable URL is a problem: %j", (url) => {
    expect(problemsOf(url)).toEqual([
      {
        route: "default/calc",
        message:
          "backendRefs[0] has a url that is none; write http://<host>:<port>, or with https, tcp, tls or net.tcp",
      },
    ]);
  });
});

/** Of a document that did not pass through the schema, which refuses such URLs too. */
function problemsOf(url: string): RoutingTable["problems"] {
  const route = sampleRoute({});
  const spec = { ...route.spec, backendRefs: [{ url, weight: 1 }] };
  return compileRoutes([{ ...route, spec }], sampleTunnel).problems;
}

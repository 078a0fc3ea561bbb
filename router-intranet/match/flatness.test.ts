import type { Open } from "@sallyport/proto/frame";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CallFacts } from "./call-facts.ts";
import { compileRoutes } from "./compile.ts";
import { match } from "./match.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

interface Kind {
  /** What the route of that number asks for. */
  readonly match: (at: number) => object;
  /** A call that the route of that number takes. */
  readonly call: (at: number) => Open;
}

const soapKind = (type: string, textOf: (at: number) => string): Kind => ({
  match: (at) => ({ soap: { action: { type, value: textOf(at) } } }),
  call: (at) =>
    sampleOpen({ headers: { SOAPAction: `"http://tempuri.org/ICalc${at}/Add"`, "Content-Type": "text/xml" } }),
});

const kinds: Record<string, Kind> = {
  "exact hosts": {
    match: (at) => ({ host: `h${at}.example.com` }),
    call: (at) => sampleOpen({ headers: { Host: `h${at}.example.com:80` } }),
  },
  "wildcard hosts": {
    match: (at) => ({ host: `*.h${at}.example.com` }),
    call: (at) => sampleOpen({ headers: { Host: `a.h${at}.example.com` } }),
  },
  "exact paths": {
    match: (at) => ({ path: { type: "Exact", value: `/svc${at}/add` } }),
    call: (at) => sampleOpen({ target: `/svc${at}/add?x` }),
  },
  "path prefixes": {
    match: (at) => ({ path: { value: `/svc${at}` } }),
    call: (at) => sampleOpen({ target: `/svc${at}/a/b/c` }),
  },
  "exact SOAP actions": soapKind("Exact", (at) => `http://tempuri.org/ICalc${at}/Add`),
  "prefixes of SOAP actions": soapKind("Prefix", (at) => `http://tempuri.org/ICalc${at}/`),
  "parts of SOAP actions": soapKind("Contains", (at) => `/ICalc${at}/`),
  "exact headers": {
    match: (at) => ({ headers: [{ name: "X-Tenant", value: `tenant${at}` }] }),
    call: (at) => sampleOpen({ headers: { "x-tenant": `tenant${at}` } }),
  },
  "hosts, paths and actions together": {
    match: (at) => ({
      host: `h${at % 10}.example.com`,
      path: { value: `/svc${Math.floor(at / 10) % 10}` },
      soap: { action: { type: "Contains", value: `/ICalc${at}/` } },
    }),
    call: (at) =>
      sampleOpen({
        target: `/svc${Math.floor(at / 10) % 10}/x`,
        headers: { Host: `h${at % 10}.example.com`, SOAPAction: `"http://tempuri.org/ICalc${at}/Add"` },
      }),
  },
};

describe("T3, T9: the cost of a match, counted", () => {
  afterEach(() => vi.restoreAllMocks());

  it.each(Object.keys(kinds))("does not grow from 1 to 10,000 routes by %s", (name) => {
    const kind = kinds[name];
    if (kind === undefined) throw new Error(name);
    const one = cost(kind, 1);
    const many = cost(kind, 10_000);
    // Numbers of more digits share runs of four with others: a few candidates, never a part of all routes.
    expect(many.tries).toBeLessThanOrEqual(one.tries + 12);
    expect(many.lookups).toBeLessThanOrEqual(one.lookups + 20);
  });

  it("does not grow with how often a part's characters come in an action", () => {
    const table = compileRoutes(
      [sampleRoute({ matches: [{ soap: { action: { type: "Contains", value: "aaaab" } } }] })],
      sampleTunnel,
    );
    const tries = [1, 10_000].map((times) => {
      const call = sampleOpen({ headers: { SOAPAction: "aaaac".repeat(times) } });
      return countTries(() => match(table, call));
    });
    expect(tries).toEqual([tries[0], tries[0]]);
  });

  it("is what is counted here: a linear scan of 1,000 expressions is seen", () => {
    const kind = soapKind("RegularExpression", (at) => `.*/ICalc${at}/.*`);
    expect(cost(kind, 1_000).tries).toBeGreaterThanOrEqual(900);
  });
});

/** The most of the first, a middle and the last route's call, and one that no route takes. */
function cost(kind: Kind, routes: number): { tries: number; lookups: number } {
  const documents = Array.from({ length: routes }, (_, at) =>
    sampleRoute({ name: `r${at}`, matches: [kind.match(at)] }),
  );
  const table = compileRoutes(documents, sampleTunnel);
  const calls = [0, Math.floor(routes / 2), routes - 1].map(kind.call);
  expect(calls.map((call) => match(table, call).t)).toEqual(["route", "route", "route"]);
  calls.push(kind.call(routes + 1));
  return {
    tries: Math.max(...calls.map((call) => countTries(() => match(table, call)))),
    lookups: Math.max(...calls.map((call) => countLookups(() => match(table, call)))),
  };
}

/** How often a condition or the index asked for a fact. */
function countTries(run: () => void): number {
  const facts = CallFacts.prototype;
  const asked = [
    vi.spyOn(facts, "path", "get"),
    vi.spyOn(facts, "host", "get"),
    vi.spyOn(facts, "soapAction", "get"),
    vi.spyOn(facts, "header"),
    vi.spyOn(facts, "queryParam"),
  ];
  run();
  const count = asked.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
  vi.restoreAllMocks();
  return count;
}

function countLookups(run: () => void): number {
  const { get } = Map.prototype;
  let count = 0;
  Map.prototype.get = function (key: unknown) {
    count += 1;
    return get.call(this, key);
  };
  try {
    run();
  } finally {
    Map.prototype.get = get;
  }
  return count;
}

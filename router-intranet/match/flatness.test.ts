import type { Open } from "@sallyport/proto/frame";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CallFacts, type KnownEnvelope } from "./call-facts.ts";
import { compileRoutes } from "./compile.ts";
import { headerKey } from "./envelope-header.ts";
import { match, matchEnvelope } from "./match.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

interface Kind {
  /** What the route of that number asks for. */
  readonly match: (at: number) => object;
  /** A call that the route of that number takes. */
  readonly call: (at: number) => Open;
  /** Its envelope; left out: it has none. */
  readonly envelope?: (at: number) => KnownEnvelope;
}

const wsaAction = headerKey("Action", "http://www.w3.org/2005/08/addressing");
const soapCall = sampleOpen({ method: "POST", headers: { "Content-Type": "text/xml", "Content-Length": "9" } });

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
  "exact SOAP headers": {
    match: (at) => ({ soap: { header: { name: "ClientRouteName", value: `route${at}` } } }),
    call: () => soapCall,
    envelope: (at) => ({ t: "read", headers: new Map([["ClientRouteName", `route${at}`]]) }),
  },
  "actions in envelopes": {
    match: (at) => ({ soap: { action: { type: "Contains", value: `/ICalc${at}/` } } }),
    call: () => soapCall,
    envelope: (at) => ({ t: "read", headers: new Map([[wsaAction, `http://tempuri.org/ICalc${at}/Add`]]) }),
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

  it.each<[string, (at: number) => object]>([
    ["a SOAP header", (at) => ({ method: "PUT", soap: { header: { name: "n", value: `v${at}` } } })],
    ["an action", (at) => ({ method: "PUT", soap: { action: { value: `urn:${at}` } } })],
  ])("does not grow with matches that %s cannot bring in any more", (_name, matchOfRoute) => {
    const tries = [100, 10_000].map((routes) => {
      const documents = Array.from({ length: routes }, (_, at) =>
        sampleRoute({ name: `r${at}`, matches: [matchOfRoute(at)] }),
      );
      const table = compileRoutes(documents, sampleTunnel);
      return countTries(() => match(table, soapCall));
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
  const find = (at: number) => () => {
    const envelope = kind.envelope?.(at);
    return envelope === undefined ? match(table, kind.call(at)) : matchEnvelope(table, kind.call(at), envelope);
  };
  const finds = [0, Math.floor(routes / 2), routes - 1].map(find);
  expect(finds.map((run) => run().t)).toEqual(["route", "route", "route"]);
  finds.push(find(routes + 1));
  // Whether the envelope is to be read at all.
  if (kind.envelope !== undefined) {
    const ask = () => match(table, kind.call(0));
    expect(ask().t).toBe("needEnvelope");
    finds.push(ask);
  }
  return { tries: Math.max(...finds.map(countTries)), lookups: Math.max(...finds.map(countLookups)) };
}

/** How often a condition or the index asked for a fact. */
function countTries(run: () => void): number {
  const facts = CallFacts.prototype;
  const asked = [
    vi.spyOn(facts, "path", "get"),
    vi.spyOn(facts, "host", "get"),
    vi.spyOn(facts, "soapAction", "get"),
    vi.spyOn(facts, "soapHeader"),
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

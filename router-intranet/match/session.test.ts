import { CallKind, emptyOpen, type Open } from "@sallyport/proto/frame";
import { action, chars, element, envelopeOf, sessionStrings } from "@sallyport/proto/net-tcp/testing/binary-xml";
import { type PreambleWanted, preamble } from "@sallyport/proto/net-tcp/testing/records";
import { describe, expect, it } from "vitest";
import { CallFacts } from "./call-facts.ts";
import { compileRoutes } from "./compile.ts";
import { EnvelopeScanner } from "./envelope.ts";
import { match, matchEnvelope } from "./match.ts";
import { sampleRoute, sampleTunnel } from "./sample-route.ts";

function session(wanted?: PreambleWanted): Open {
  return { ...emptyOpen, kind: CallKind.raw, protocol: "NetTCP", listener: "wcf", preamble: preamble(wanted) };
}

/** Of routes each with one match, by the match's place. */
function table(...matches: object[]) {
  const backendRefs = [{ url: "net.tcp://calc:808" }];
  const routes = matches.map((each, at) => sampleRoute({ name: `r${at}`, matches: [each], backendRefs }));
  return compileRoutes(routes, sampleTunnel);
}

describe("a net.tcp session", () => {
  it.each([
    ["net.tcp://calc.example:808/a/b", { host: "calc.example" }, true],
    ["net.tcp://CALC.example/a/b", { host: "*.example", path: { value: "/a" } }, true],
    ["net.tcp://calc.example/a/b?x", { path: { type: "Exact", value: "/a/b" } }, true],
    ["net.tcp://calc.example", { path: { type: "Exact", value: "/" } }, true],
    ["net.tcp://calc.example/a/../b", { path: { value: "/a" } }, false],
    ["net.tcp://calc.example/ab", { path: { value: "/a" } }, false],
    ["net.tcp://other/a", { host: "calc.example" }, false],
    ["calc.example/a", { host: "calc.example" }, false],
    ["net.tcp://user@calc.example/ö", { host: "calc.example", path: { value: "/ö" } }, true],
  ])("T9: for %s, a match of %j", (via, asked, holds) => {
    expect(match(table(asked), session({ via })).t).toBe(holds ? "route" : "none");
  });

  it.each([
    [8, { t: "binary", session: true }],
    [7, { t: "binary", session: false }],
    [0, { t: "xml", charset: "utf-8" }],
    [3, { t: "xml", charset: "utf-8" }],
    [4, { t: "xml", charset: "utf-16" }],
    [5, { t: "xml", charset: "utf-16le" }],
  ])("T9: of encoding %i needs its first envelope for an action", (encoding, form) => {
    const asked = table({ soap: { action: { value: "urn:Add" } } });
    expect(match(asked, session({ encoding }))).toEqual({ t: "needEnvelope", form });
  });

  it("T2: that hides its envelopes goes by via alone", () => {
    const routes = table({ soap: { action: { value: "urn:Add" } } }, { path: { value: "/calc" } });
    const upgraded = session({ upgrade: "application/ssl-tls" });
    expect(match(routes, upgraded)).toMatchObject({ t: "route", route: { key: "default/r1" } });
    const why = "the session asks for application/ssl-tls, so its messages cannot be seen";
    expect(new CallFacts(upgraded).envelope).toEqual({ t: "absent", why });
    expect(new CallFacts(session({ encoding: 6 })).envelope).toMatchObject({ t: "absent" });
  });

  it("T9: goes where its envelope's header says", () => {
    const routes = table(
      { soap: { header: { name: "Tenant", value: "x" } } },
      { soap: { action: { type: "Contains", value: "Add" } } },
    );
    const call = session();
    const read = (...blocks: Buffer[]) => {
      const scanner = new EnvelopeScanner({ t: "binary", session: true }, routes.askedHeaders);
      const outcome = scanner.push(Buffer.concat([sessionStrings(), envelopeOf(...blocks)]));
      return outcome.t === "found" ? matchEnvelope(routes, call, { t: "read", headers: outcome.headers }) : outcome;
    };
    expect(read(action("urn:Add"))).toMatchObject({ route: { key: "default/r1" } });
    expect(read(action("urn:Sub"), element("", "Tenant"), chars(" x\n"))).toMatchObject({
      route: { key: "default/r0" },
    });
    expect(read(action("urn:Sub"))).toEqual({ t: "none" });
  });

  it("is not taken by routes to other destinations, nor HTTP calls by its routes", () => {
    const http = compileRoutes([sampleRoute({ name: "http" })], sampleTunnel);
    expect(match(http, session())).toEqual({ t: "none" });
    expect(match(table({}), { ...emptyOpen, method: "GET", target: "/" })).toEqual({ t: "none" });
  });
});

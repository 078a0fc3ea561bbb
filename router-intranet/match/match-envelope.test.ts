import type { Open } from "@sallyport/proto/frame";
import { describe, expect, it } from "vitest";
import { compileRoutes } from "./compile.ts";
import { EnvelopeScanner } from "./envelope.ts";
import { match, matchEnvelope } from "./match.ts";
import { sampleEnvelope, soap12 } from "./sample-envelope.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

const byHeader = (type: string, value: string, namespace?: string) => ({
  soap: { header: { name: "ClientRouteName", type, value, namespace } },
});
const byAction = (type: string, value: string) => ({ soap: { action: { type, value } } });
const soapCall = (headers: object = {}, open: Partial<Open> = {}) =>
  sampleOpen({
    method: "POST",
    ...open,
    headers: { Host: "h", "Content-Length": "99", "Content-Type": "text/xml", ...headers },
  });

/** What `match` says first, of a route with that match and, if asked for, one that takes everything. */
function first(routeMatch: object, call: Open, others: object[] = []): string {
  const routes = [sampleRoute({ name: "asked", matches: [routeMatch, ...others] }), sampleRoute({ name: "rest" })];
  return match(compileRoutes(routes, sampleTunnel), call).t;
}

describe("T9: an envelope is read", () => {
  it.each<[string, object, Open]>([
    ["for a SOAP header", byHeader("Exact", "test"), soapCall()],
    [
      "for a SOAP header, also when the head tells the action",
      byHeader("Exact", "test"),
      soapCall({ SOAPAction: "x" }),
    ],
    ["for a SOAP header in SOAP 1.2", byHeader("Contains", "t"), soapCall({ "Content-Type": "application/soap+xml" })],
    [
      "for a SOAP header in MTOM",
      byHeader("RegularExpression", "t.*"),
      soapCall({ "Content-Type": 'multipart/related; boundary="b c"; type="application/xop+xml"' }),
    ],
    ["in WCF's binary encoding", byHeader("Exact", "t"), soapCall({ "Content-Type": "application/soap+msbin1" })],
    [
      "in WCF's binary encoding of a session",
      byAction("Exact", "urn:x"),
      soapCall({ "Content-Type": "application/soap+msbinsession1" }),
    ],
    ["for a SOAP header in a chunked body", byHeader("Prefix", "t"), chunked()],
    ["for an action that the head does not tell", byAction("Exact", "urn:x"), soapCall()],
    ["for an action where the head says there is none", byAction("Contains", "urn:x"), soapCall({ SOAPAction: '""' })],
    ["when all else holds", { ...byHeader("Exact", "t"), host: "h", method: "POST", path: { value: "/" } }, soapCall()],
    ["when the body is not compressed", byHeader("Exact", "t"), soapCall({ "Content-Encoding": "identity" })],
  ])("%s", (_, routeMatch, call) => {
    expect(first(routeMatch, call)).toBe("needEnvelope");
  });

  it.each<[string, object, Open, object[]?]>([
    ["when no route asks", { host: "h" }, soapCall()],
    ["for an action that the head tells", byAction("Exact", "urn:x"), soapCall({ SOAPAction: "urn:y" })],
    ["of another host", { ...byHeader("Exact", "t"), host: "other" }, soapCall()],
    ["of another path", { ...byHeader("Exact", "t"), path: { value: "/x" } }, soapCall()],
    ["of another method", { ...byHeader("Exact", "t"), method: "PUT" }, soapCall()],
    ["of another HTTP header", { ...byHeader("Exact", "t"), headers: [{ name: "X", value: "y" }] }, soapCall()],
    ["of another query", { ...byAction("Exact", "t"), queryParams: [{ name: "q", value: "1" }] }, soapCall()],
    ["when a match that goes before takes the call", byHeader("Exact", "t"), soapCall(), [{ method: "POST" }]],
    ["of a GET", byHeader("Exact", "t"), soapCall({}, { method: "GET", target: "/?wsdl" })],
    ["of a call without a body", byHeader("Exact", "t"), soapCall({ "Content-Length": "0" })],
    ["of a compressed body", byHeader("Exact", "t"), soapCall({ "Content-Encoding": "gzip" })],
    ["of another type", byHeader("Exact", "t"), soapCall({ "Content-Type": "application/json" })],
    [
      "of WCF's binary encoding, compressed",
      byHeader("Exact", "t"),
      soapCall({ "Content-Type": "application/soap+msbin1+gzip" }),
    ],
    ["of a charset not known", byHeader("Exact", "t"), soapCall({ "Content-Type": "text/xml; charset=utf-7" })],
    ["of a form upload", byHeader("Exact", "t"), soapCall({ "Content-Type": "multipart/form-data; boundary=b" })],
    ["of parts without a boundary", byHeader("Exact", "t"), soapCall({ "Content-Type": "multipart/related" })],
    [
      "of parts of another type",
      byHeader("Exact", "t"),
      soapCall({ "Content-Type": 'multipart/related; boundary=b; type="text/html"' }),
    ],
  ])("never %s", (_, routeMatch, call, others) => {
    expect(first(routeMatch, call, others)).toBe("route");
  });
});

describe("T9: with its envelope known, a call is taken", () => {
  it.each<[string, object, string, boolean]>([
    ["by exact header", byHeader("Exact", "test"), "<ClientRouteName>test</ClientRouteName>", true],
    ["by exact header: another case", byHeader("Exact", "test"), "<ClientRouteName>Test</ClientRouteName>", false],
    ["by exact header: white space around", byHeader("Exact", "a b"), "<ClientRouteName> a b </ClientRouteName>", true],
    ["by exact header: none", byHeader("Exact", "test"), "", false],
    ["by exact header: the second", byHeader("Exact", "b"), block("a") + block("b"), false],
    ["by prefix of a header", byHeader("Prefix", "te"), block("test"), true],
    ["by part of a header", byHeader("Contains", "es"), block("test"), true],
    ["by regular expression of a header", byHeader("RegularExpression", "t.*t"), block("test"), true],
    ["by regular expression of a header: a part", byHeader("RegularExpression", "es"), block("test"), false],
    ["by header and namespace", byHeader("Exact", "test", "urn:r"), block("test", "urn:r"), true],
    ["by header and namespace: another", byHeader("Exact", "test", "urn:r"), block("test", "urn:s"), false],
    ["by header and namespace: none", byHeader("Exact", "test", "urn:r"), block("test"), false],
    ["by header of any namespace", byHeader("Exact", "test"), block("test", "urn:s"), true],
    ["by wsa:Action", byAction("Contains", "/ICalc/"), "<a:Action>urn:x/ICalc/Add</a:Action>", true],
    ["by wsa:Action: another", byAction("Contains", "/ICalc/"), "<a:Action>urn:x/ISum/Add</a:Action>", false],
    [
      "by action and header",
      { soap: { ...byAction("Exact", "urn:x").soap, ...byHeader("Exact", "t").soap } },
      `<a:Action>urn:x</a:Action>${block("t")}`,
      true,
    ],
    [
      "by action and header: one of them",
      { soap: { ...byAction("Exact", "urn:x").soap, ...byHeader("Exact", "t").soap } },
      block("t"),
      false,
    ],
  ])("%s", (_, routeMatch, blocks, expected) => {
    expect(takes(routeMatch, soapCall(), sampleEnvelope(blocks))).toBe(expected);
  });

  it("the head's action goes before the envelope's", () => {
    const call = soapCall({ SOAPAction: "urn:head" });
    const both = [byAction("Exact", "urn:envelope"), byAction("Exact", "urn:head")];
    const table = compileRoutes([sampleRoute({ matches: [...both, byHeader("Exact", "x")] })], sampleTunnel);
    const headers = new Map([["{http://www.w3.org/2005/08/addressing}Action", "urn:envelope"]]);
    expect(matchEnvelope(table, call, { t: "read", headers })).toMatchObject({ t: "route", matchIndex: 1 });
  });

  it("by a match that does not ask for it, when it cannot be known", () => {
    const routes = [
      sampleRoute({ name: "asks", matches: [byHeader("Exact", "test"), byAction("Contains", "u")] }),
      sampleRoute({ name: "rest" }),
    ];
    const table = compileRoutes(routes, sampleTunnel);
    const answer = matchEnvelope(table, soapCall(), { t: "absent", why: "it is too long" });
    expect(answer.t === "route" && answer.route.key).toBe("default/rest");
  });
});

function chunked(): Open {
  return sampleOpen({ method: "POST", headers: { "Transfer-Encoding": "chunked", "Content-Type": "text/xml" } });
}

function block(text: string, namespace = ""): string {
  return `<ClientRouteName xmlns="${namespace}">${text}</ClientRouteName>`;
}

function takes(routeMatch: object, call: Open, body: string): boolean {
  const table = compileRoutes([sampleRoute({ matches: [routeMatch] })], sampleTunnel);
  const asked = match(table, call);
  if (asked.t !== "needEnvelope") throw new Error(asked.t);
  const outcome = new EnvelopeScanner(asked.form, table.askedHeaders).push(Buffer.from(body));
  if (outcome.t !== "found") throw new Error(outcome.t);
  return matchEnvelope(table, call, { t: "read", headers: outcome.headers }).t === "route";
}

describe("an envelope of SOAP 1.2", () => {
  it("is read like one of SOAP 1.1", () => {
    const body = sampleEnvelope(block("test"), soap12);
    expect(takes(byHeader("Exact", "test"), soapCall({ "Content-Type": "application/soap+xml" }), body)).toBe(true);
  });
});

import { ErrorCode, type ErrorName, TunnelError } from "@sallyport/proto/error";
import { describe, expect, test } from "vitest";
import { type FaultFacts, faultReply } from "./fault.ts";

const plain: FaultFacts = { method: "POST", contentType: undefined, soapAction: false };
const soap11: FaultFacts = { ...plain, contentType: "text/xml" };
const soap12: FaultFacts = { ...plain, contentType: "application/soap+xml" };

/** docs/protocol.md, "Errors": code, HTTP status, SOAP 1.1 status, SOAP 1.2 status, faultcode, Retry-After. */
const table: [ErrorName, number, number, number, "Client" | "Server", string | undefined][] = [
  ["REFUSED", 503, 503, 503, "Server", "1"],
  ["NO_ROUTE", 404, 500, 500, "Client", undefined],
  ["HOLD_TIMEOUT", 503, 503, 503, "Server", "1"],
  ["DESTINATION_UNREACHABLE", 502, 500, 500, "Server", undefined],
  ["DESTINATION_TIMEOUT", 504, 500, 500, "Server", undefined],
  ["DESTINATION_FAILED", 502, 500, 500, "Server", undefined],
  ["OVERLOADED", 503, 503, 503, "Server", "1"],
  ["DRAINING", 503, 503, 503, "Server", "1"],
  ["LINK_LOST", 502, 500, 500, "Server", undefined],
  ["NO_LINK", 503, 503, 503, "Server", "1"],
  ["PROTOCOL", 502, 500, 500, "Server", undefined],
  ["FLOW_CONTROL", 502, 500, 500, "Server", undefined],
  ["POLICY", 403, 500, 500, "Client", undefined],
  ["CANCELLED", 502, 500, 500, "Server", undefined],
  ["BAD_REQUEST", 400, 500, 500, "Client", undefined],
  ["REQUEST_TIMEOUT", 408, 500, 500, "Client", undefined],
  ["PAYLOAD_TOO_LARGE", 413, 500, 500, "Client", undefined],
  ["INTERNAL", 502, 500, 500, "Server", undefined],
  ["QUOTA_EXCEEDED", 429, 503, 503, "Client", "1"],
];

test("the table has every code", () => {
  expect(table.map(([code]) => code).sort()).toEqual(Object.keys(ErrorCode).sort());
});

test.each(table)("%s: %i, in SOAP 1.1 %i, in SOAP 1.2 %i, %s's fault", (code, http, in11, in12, faultcode, retry) => {
  const error = new TunnelError(code, "why");
  const [problem, fault11, fault12] = [plain, soap11, soap12].map((facts) => faultReply(error, "r1-1", facts));
  expect([problem!.status, fault11!.status, fault12!.status]).toEqual([http, in11, in12]);
  expect(fault11!.body.toString()).toContain(`<faultcode>s:${faultcode}</faultcode>`);
  const value = faultcode === "Client" ? "Sender" : "Receiver";
  expect(fault12!.body.toString()).toContain(`<s:Value>s:${value}</s:Value>`);
  for (const reply of [problem!, fault11!, fault12!]) expect(headerOf(reply.headers, "Retry-After")).toBe(retry);
});

test.each<[ErrorName, number, string | undefined]>([
  ["OVERLOADED", 0, "1"],
  ["OVERLOADED", 1, "1"],
  ["OVERLOADED", 1_001, "2"],
  ["REFUSED", 30_000, "30"],
  ["DESTINATION_UNREACHABLE", 0, undefined],
  ["DESTINATION_UNREACHABLE", 2_500, "3"],
])("M2: %s that names %i ms has Retry-After: %s", (code, retryAfterMs, retryAfter) => {
  const reply = faultReply(new TunnelError(code, "why", undefined, retryAfterMs), "r1-1", plain);
  expect(headerOf(reply.headers, "Retry-After")).toBe(retryAfter);
});

test("a problem document has type, title, status, detail, code and call id", () => {
  const reply = faultReply(new TunnelError("NO_ROUTE", 'no route for "/x" \xe4'), "r1-1", plain);
  expect({ ...reply, body: JSON.parse(reply.body.toString()) }).toEqual({
    status: 404,
    headers: [
      ...["Content-Type", "application/problem+json", "Content-Length", String(reply.body.length)],
      ...["Cache-Control", "no-store"],
    ],
    body: {
      type: "http://sallyport.dev/error/NO_ROUTE",
      title: "No route matches",
      status: 404,
      detail: 'no route for "/x" \xe4',
      code: "NO_ROUTE",
      callId: "r1-1",
    },
  });
});

test("a SOAP 1.1 fault, whole", () => {
  const reply = faultReply(new TunnelError("NO_ROUTE", "none <&> \"'"), "r1-1", soap11);
  expect({ ...reply, body: reply.body.toString() }).toEqual({
    status: 500,
    headers: [
      ...["Content-Type", "text/xml; charset=utf-8", "Content-Length", String(reply.body.length)],
      ...["Cache-Control", "no-store"],
    ],
    body:
      '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
      '<s:Fault><faultcode>s:Client</faultcode><faultstring xml:lang="en">none &lt;&amp;&gt; &quot;&apos;</faultstring>' +
      '<detail><sallyport:error xmlns:sallyport="http://sallyport.dev/error" code="NO_ROUTE" callId="r1-1"/></detail>' +
      "</s:Fault></s:Body></s:Envelope>",
  });
});

test("a SOAP 1.2 fault, whole", () => {
  const reply = faultReply(new TunnelError("LINK_LOST", ""), 'r1"1', soap12);
  expect({ ...reply, body: reply.body.toString() }).toEqual({
    status: 500,
    headers: [
      ...["Content-Type", "application/soap+xml; charset=utf-8", "Content-Length", String(reply.body.length)],
      ...["Cache-Control", "no-store"],
    ],
    body:
      '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>' +
      "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>" +
      '<s:Reason><s:Text xml:lang="en">The link broke; the call may have been delivered</s:Text></s:Reason>' +
      '<s:Detail><sallyport:error xmlns:sallyport="http://sallyport.dev/error" code="LINK_LOST" callId="r1&quot;1"/>' +
      "</s:Detail></s:Fault></s:Body></s:Envelope>",
  });
});

test("what XML cannot hold is replaced", () => {
  const { body } = faultReply(new TunnelError("INTERNAL", "a\0b\x1bc\ud800d\ufffee\u{1f600}\tf"), "r1-1", soap11);
  expect(body.toString()).toContain(">a\ufffdb\ufffdc\ufffdd\ufffde\u{1f600}\tf</faultstring>");
});

test("HEAD gets no body, and the length that GET would get", () => {
  const error = new TunnelError("NO_ROUTE", "none");
  const reply = faultReply(error, "r1-1", { ...plain, method: "HEAD" });
  expect(reply).toEqual({ ...faultReply(error, "r1-1", plain), body: Buffer.alloc(0) });
});

describe("the form follows the request", () => {
  const forms = { "text/xml; charset=utf-8": "SOAP 1.1", "application/soap+xml; charset=utf-8": "SOAP 1.2" } as const;
  const form = (contentType: string | undefined, soapAction = false) => {
    const reply = faultReply(new TunnelError("INTERNAL", ""), "", { method: "POST", contentType, soapAction });
    return forms[reply.headers[1] as keyof typeof forms] ?? "problem";
  };

  test.each([
    ["text/xml", "SOAP 1.1"],
    ["TEXT/XML ; charset=utf-16", "SOAP 1.1"],
    ["application/soap+xml", "SOAP 1.2"],
    ['application/soap+xml; charset=utf-8; action="urn:x"', "SOAP 1.2"],
    ['multipart/related; type="text/xml"; boundary=x', "SOAP 1.1"],
    ["multipart/related; type=text/xml", "SOAP 1.1"],
    ['multipart/related; boundary="a;type=text/xml"; type="application/soap+xml"', "SOAP 1.2"],
    ['Multipart/Related; Type="application/xop+xml"; start-info="text/xml"', "SOAP 1.1"],
    ['multipart/related; type="application/xop+xml";start-info="application/soap+xml"', "SOAP 1.2"],
    ['multipart/related; type="application/xop+xml"; start-info="application/soap+xml; action=\\"x\\""', "SOAP 1.2"],
    ['multipart/related; type="application/xop+xml"', "problem"],
    ["application/json", "problem"],
    ["application/xml", "problem"],
    ["", "problem"],
    [undefined, "problem"],
  ])("%s: %s", (contentType, expected) => {
    expect(form(contentType)).toBe(expected);
  });

  test("a SOAPAction header says SOAP 1.1, unless the type says 1.2", () => {
    expect([form(undefined, true), form("application/octet-stream", true)]).toEqual(["SOAP 1.1", "SOAP 1.1"]);
    expect(form("application/soap+xml", true)).toBe("SOAP 1.2");
  });

  test("an endless Content-Type takes no time", () => {
    expect(form(`multipart/related${';a="'.repeat(15_000)}`)).toBe("problem");
  });
});

function headerOf(headers: string[], name: string): string | undefined {
  const at = headers.indexOf(name);
  return at === -1 ? undefined : headers[at + 1];
}

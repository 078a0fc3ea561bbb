import type { Open } from "@sallyport/proto/frame";
import { describe, expect, it } from "vitest";
import type { KnownEnvelope } from "./call-facts.ts";
import { compileRoutes } from "./compile.ts";
import { headerKey } from "./envelope-header.ts";
import { explain, formatExplanation } from "./explain.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

const calc = sampleRoute({
  name: "calc",
  parentRefs: [{ name: "partners", sectionName: "http" }],
  matches: [
    { soap: { action: { type: "Contains", value: "/ICalc/" } }, host: "*.example.com" },
    { path: { value: "/calc" }, method: "POST" },
  ],
});
const rest = sampleRoute({ name: "rest" });
const others = sampleRoute({ name: "others", matches: [{ method: "PUT" }] });
const table = compileRoutes([rest, others, calc], sampleTunnel);
const open = sampleOpen({
  method: "POST",
  target: "/calc?wsdl",
  listener: "http",
  headers: { Host: "calc.example.org" },
});

describe("T9: an explanation", () => {
  it("tells of every match, in order of precedence, what was expected and what came", () => {
    const listener = { field: "listener", expected: '"http"', came: "http", holds: true, note: undefined };
    expect(explain(table, open)).toEqual({
      envelope: { t: "notRead", why: "the call has no body" },
      matches: [
        {
          route: "default/calc",
          matchIndex: 0,
          outcome: "refuses",
          checks: [
            listener,
            { field: "host", expected: '"*.example.com"', came: "calc.example.org", holds: false, note: undefined },
            {
              field: "soap.action",
              expected: 'Contains "/ICalc/"',
              came: undefined,
              holds: false,
              note: "no envelope was read: the call has no body",
            },
          ],
        },
        {
          route: "default/calc",
          matchIndex: 1,
          outcome: "takes",
          checks: [
            listener,
            { field: "method", expected: '"POST"', came: "POST", holds: true, note: undefined },
            { field: "path", expected: 'PathPrefix "/calc"', came: "/calc", holds: true, note: undefined },
          ],
        },
        {
          route: "default/others",
          matchIndex: 0,
          outcome: "refuses",
          checks: [{ field: "method", expected: '"PUT"', came: "POST", holds: false, note: undefined }],
        },
        { route: "default/rest", matchIndex: 0, outcome: "shadowed", checks: [] },
      ],
    });
  });

  it("reads as text", () => {
    expect(formatExplanation(explain(table, open))).toBe(
      [
        "The call goes to route default/calc, matches[1].",
        "Of the envelope nothing is known: the call has no body.",
        "refuses  default/calc, matches[0]",
        '  yes listener: expected "http", came "http"',
        '  no  host: expected "*.example.com", came "calc.example.org"',
        '  no  soap.action: expected Contains "/ICalc/", came nothing (no envelope was read: the call has no body)',
        "takes    default/calc, matches[1]",
        '  yes listener: expected "http", came "http"',
        '  yes method: expected "POST", came "POST"',
        '  yes path: expected PathPrefix "/calc", came "/calc"',
        "refuses  default/others, matches[0]",
        '  no  method: expected "PUT", came "POST"',
        "shadowed default/rest, matches[0]",
        "  asks for nothing",
      ].join("\n"),
    );
  });

  describe("of a call with an envelope", () => {
    const wsaAction = headerKey("Action", "http://www.w3.org/2005/08/addressing");
    const matches = [
      { soap: { action: { type: "Contains", value: "/ICalc/" } } },
      { soap: { header: { name: "ClientRouteName", value: "test" } } },
    ];
    const soapTable = compileRoutes([sampleRoute({ matches })], sampleTunnel);
    const soapCall = (headers: object) =>
      sampleOpen({ method: "POST", headers: { "Content-Type": "text/xml", "Content-Length": "9", ...headers } });
    const lines = (call: Open, envelope?: KnownEnvelope, of = soapTable) =>
      formatExplanation(explain(of, call, envelope)).split("\n");

    it("says what its header gave", () => {
      const headers = new Map([
        [wsaAction, "urn:x/ICalc/Add"],
        ["ClientRouteName", undefined],
      ]);
      expect(lines(soapCall({}), { t: "read", headers })).toEqual([
        "The call goes to route default/calc, matches[0].",
        `The envelope's header has ${wsaAction} "urn:x/ICalc/Add", ClientRouteName (no text).`,
        "takes    default/calc, matches[0]",
        '  yes soap.action: expected Contains "/ICalc/", came "urn:x/ICalc/Add"',
        "refuses  default/calc, matches[1]",
        '  no  soap.header[ClientRouteName]: expected Exact "test", came nothing',
      ]);
    });

    it.each<[string, Open, KnownEnvelope | undefined, string, string]>([
      [
        "there is nothing in it that a route asks for",
        soapCall({}),
        { t: "read", headers: new Map() },
        "The envelope's header has nothing that a route asks for.",
        "",
      ],
      [
        "it is too long",
        soapCall({}),
        { t: "absent", why: "its header is too long" },
        "Of the envelope nothing is known: its header is too long.",
        " (no envelope was read: its header is too long)",
      ],
      [
        "it is compressed",
        soapCall({ "Content-Encoding": "gzip" }),
        undefined,
        "Of the envelope nothing is known: the body is compressed (Content-Encoding).",
        " (no envelope was read: the body is compressed (Content-Encoding))",
      ],
      [
        "it was not given",
        soapCall({}),
        undefined,
        "Of the envelope nothing is known: it was not given.",
        " (the envelope was not read)",
      ],
    ])("says so when %s", (_, call, envelope, told, note) => {
      expect(lines(call, envelope)).toEqual([
        "No route takes the call.",
        told,
        "refuses  default/calc, matches[0]",
        `  no  soap.action: expected Contains "/ICalc/", came nothing${note}`,
        "refuses  default/calc, matches[1]",
        `  no  soap.header[ClientRouteName]: expected Exact "test", came nothing${note}`,
      ]);
    });

    it("says nothing of it when the head tells the action and no route asks for more", () => {
      const table = compileRoutes([sampleRoute({ matches: matches.slice(0, 1) })], sampleTunnel);
      expect(lines(soapCall({ SOAPAction: "urn:x" }), undefined, table)).toEqual([
        "No route takes the call.",
        "refuses  default/calc, matches[0]",
        '  no  soap.action: expected Contains "/ICalc/", came "urn:x"',
      ]);
    });
  });

  it("says so when no route takes the call", () => {
    expect(formatExplanation(explain(compileRoutes([], sampleTunnel), open))).toBe("No route takes the call.");
  });

  it("says why a value that seems to fit does not hold", () => {
    const matches = [
      { path: { value: "/calc" } },
      { method: "GET", headers: [{ name: "X-A", type: "RegularExpression", value: "a*" }] },
    ];
    const call = sampleOpen({ target: "/calc/../admin", headers: { "x-a": "a".repeat(8193) } });
    const explanation = explain(compileRoutes([sampleRoute({ matches })], sampleTunnel), call);
    const notes = explanation.matches.flatMap((match) => match.checks).map((check) => check.note);
    expect(notes).toEqual([
      "a path with a segment '.' or '..' fits no Exact and no PathPrefix",
      undefined,
      "over 8192 characters no regular expression is tried",
    ]);
  });

  it("shows a caller's text short and without what steers a terminal", () => {
    const headers = [
      { name: "X-A", value: "a" },
      { name: "X-B", value: "b" },
    ];
    const call = sampleOpen({
      headers: { "x-a": "\u001b[2J\u00c2\u009b\u007f\u00e2\u0080\u00ae", "x-b": "b".repeat(5000) },
    });
    const lines = formatExplanation(
      explain(compileRoutes([sampleRoute({ matches: [{ headers }] })], sampleTunnel), call),
    );
    expect(lines.split("\n").slice(2)).toEqual([
      '  no  headers[X-A]: expected Exact "a", came "\\u001b[2J\\u009b\\u007f\\u202e"',
      `  no  headers[X-B]: expected Exact "b", came "${"b".repeat(199)}… (5000 characters)`,
    ]);
  });
});

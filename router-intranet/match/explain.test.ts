import { describe, expect, it } from "vitest";
import { compileRoutes } from "./compile.ts";
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
      matches: [
        {
          route: "default/calc",
          matchIndex: 0,
          outcome: "refuses",
          checks: [
            listener,
            { field: "host", expected: '"*.example.com"', came: "calc.example.org", holds: false, note: undefined },
            { field: "soap.action", expected: 'Contains "/ICalc/"', came: undefined, holds: false, note: undefined },
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
        "refuses  default/calc, matches[0]",
        '  yes listener: expected "http", came "http"',
        '  no  host: expected "*.example.com", came "calc.example.org"',
        '  no  soap.action: expected Contains "/ICalc/", came nothing',
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

import type { Open } from "@sallyport/proto/frame";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallFacts } from "./call-facts.ts";
import { compileRoutes } from "./compile.ts";
import { explain, formatExplanation } from "./explain.ts";
import { type Match, match } from "./match.ts";
import type { RoutingTable } from "./routing-table.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

/** The plain way, to which the index must give the very same answer. */
function matchLinear(table: RoutingTable, open: Open): Match {
  const facts = new CallFacts(open);
  const found = table.matches.find((each) => each.conditions.every((condition) => condition.holds(facts)));
  return found === undefined ? { t: "none" } : { t: "route", route: found.route, matchIndex: found.matchIndex };
}

// Small alphabets, so that routes collide with each other and with calls.
const word = fc.stringMatching(/^[ab]{1,6}$/);
const type = fc.constantFrom("Exact", "Prefix", "Contains", "RegularExpression");
const text = fc.oneof(
  fc.record({ type, value: word }),
  fc.record({ type: fc.constant("RegularExpression"), value: fc.constantFrom("a+", "[ab]{2}.*", ".*b") }),
);
const pathValue = fc.stringMatching(/^(\/[ab]?){1,4}$/);
const path = fc.oneof(
  fc.record({ type: fc.constantFrom("Exact", "PathPrefix"), value: pathValue }),
  fc.record({ type: fc.constant("RegularExpression"), value: fc.constantFrom("/a.*", ".*", "/b", ".*/[ab]") }),
);
const host = fc.constantFrom("a", "a.b", "b.a.b", "*.b", "*.a.b", "*.a");
const method = fc.constantFrom("GET", "POST");
const fieldName = fc.constantFrom("a", "b");
const field = fc.tuple(fieldName, text).map(([name, match]) => ({ name, ...match }));
/** Mostly left out: else hardly two matches would take the same call. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 2 }, { arbitrary, weight: 1 });
const routeMatch = fc.record({
  soap: seldom(text.map((action) => ({ action }))),
  path: seldom(path),
  host: seldom(host),
  method: seldom(method),
  headers: seldom(fc.array(field, { maxLength: 2 })),
  queryParams: seldom(fc.array(field, { maxLength: 2 })),
});
const parentRefs = fc.constantFrom([{ name: "partners" }], [{ name: "partners", sectionName: "a" }], [{ name: "x" }]);
const route = fc.record({
  name: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
  matches: fc.array(routeMatch, { maxLength: 4 }),
  parentRefs,
});
const routes = fc.uniqueArray(route, { selector: ({ name }) => name, maxLength: 8 });

const contentType = fc.constantFrom("text/xml", "application/soap+xml; action=ab", 'multipart/related;action="ba"');
const headerLine = fc.oneof(
  fc.tuple(fc.constantFrom("a", "A", "b"), word),
  fc.tuple(fc.constant("Host"), fc.constantFrom("a", "a.b", "b.a.b:80", "b.b.a.b.", "a.a")),
  fc.tuple(fc.constant("SOAPAction"), word),
  fc.tuple(fc.constant("content-type"), contentType),
);
const target = fc.tuple(
  fc.constantFrom("", "", "", "http://a.b", "http://x.a"),
  fc.stringMatching(/^(\/(a|b|\.\.)?){1,5}$/),
  fc.array(fc.tuple(fieldName, word), { maxLength: 2 }),
);
const open = fc
  .record({ target, headers: fc.array(headerLine, { maxLength: 5 }), method, listener: fc.constantFrom("a", "b") })
  .map(({ target: [origin, where, query], headers, ...rest }): Open => {
    const search = query.map((pair) => pair.join("=")).join("&");
    return { ...sampleOpen(rest), target: `${origin}${where}?${search}`, headers: headers.flat() };
  });

describe("T9: the index", () => {
  it("gives the answer of trying every match in order of precedence", () => {
    fc.assert(
      fc.property(routes, fc.array(open, { minLength: 1, maxLength: 8 }), (documents, opens) => {
        const table = compileRoutes(documents.map(sampleRoute), sampleTunnel);
        for (const each of opens) expect(match(table, each)).toEqual(matchLinear(table, each));
      }),
      { numRuns: 1_500 },
    );
  });

  it("gives the answer that the explanation gives", () => {
    fc.assert(
      fc.property(routes, open, (documents, each) => {
        const table = compileRoutes(documents.map(sampleRoute), sampleTunnel);
        const taker = explain(table, each).matches.find(({ outcome }) => outcome === "takes");
        const answer = match(table, each);
        const got = answer.t === "none" ? undefined : [answer.route.key, answer.matchIndex];
        expect(got).toEqual(taker && [taker.route, taker.matchIndex]);
      }),
      { numRuns: 300 },
    );
  });

  it("does not depend on the order of the documents", () => {
    fc.assert(
      fc.property(routes, open, (documents, each) => {
        const parsed = documents.map(sampleRoute);
        const answers = [parsed, parsed.toReversed()].map((order) => match(compileRoutes(order, sampleTunnel), each));
        const [one, other] = answers.map((answer) => answer.t === "route" && [answer.route.key, answer.matchIndex]);
        expect(one).toEqual(other);
      }),
      { numRuns: 300 },
    );
  });
});

describe("T9: a call's head, whatever it says", () => {
  const everything = compileRoutes(
    ["Exact", "Prefix", "Contains", "RegularExpression"].flatMap((kind, at) => {
      const value = { type: kind, value: "a{1}" };
      const named = [{ name: "a", ...value }];
      const pathMatch = { type: kind === "RegularExpression" ? kind : "PathPrefix", value: "/a" };
      const matches = [{ soap: { action: value } }, { headers: named }, { queryParams: named }, { path: pathMatch }];
      return [sampleRoute({ name: `r${at}`, matches: [...matches, { host: "*.a" }, { host: "a" }] })];
    }),
    sampleTunnel,
  );

  const bytes = fc.string({
    unit: fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code)),
    maxLength: 60,
  });
  const anyText = fc.oneof(
    bytes,
    fc.string({ unit: "binary" }),
    fc.constantFrom("\ud800", "\udfff\u0000", "\u0000", '"', "%", "%zz"),
  );
  const anyName = fc.oneof(anyText, fc.constantFrom("Host", "SOAPAction", "Content-Type", "a"));
  const anyType = anyText.map((rest) => `multipart/related; start-info="${rest}; action=${rest}`);

  it("never makes matching or explaining throw, nor the index differ", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyName, fc.oneof(anyText, anyType))),
        fc.oneof(
          anyText,
          anyText.map((rest) => `/a?${rest}`),
          anyText.map((rest) => `http://${rest}/a`),
        ),
        fc.oneof(anyText, fc.constant("CONNECT")),
        fc.boolean(),
        (headers, where, verb, isOdd) => {
          const flat = isOdd ? [...headers.flat(), "a"] : headers.flat();
          const call: Open = { ...sampleOpen(), method: verb, target: where, headers: flat };
          expect(match(everything, call)).toEqual(matchLinear(everything, call));
          expect(formatExplanation(explain(everything, call))).toEqual(expect.any(String));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(["a", "\u0000", "\u00ff", "/", "/.", "%2e", "&a=", "a.", ";", '"', "\\", " ", "aaab"])(
    "may be 128 KiB of %j everywhere",
    (unit) => {
      const huge = unit.repeat((128 * 1024) / unit.length);
      const headers = { a: huge, Host: huge, SOAPAction: huge, "Content-Type": `application/soap+xml;${huge}` };
      for (const where of [huge, `/${huge}`, `/?${huge}`, `http://${huge}`]) {
        const call = sampleOpen({ target: where, headers });
        expect(match(everything, call)).toEqual(matchLinear(everything, call));
      }
    },
  );
});

import type { Open } from "@sallyport/proto/frame";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallFacts, type KnownEnvelope } from "./call-facts.ts";
import { compileRoutes } from "./compile.ts";
import { headerKey } from "./envelope-header.ts";
import { explain, formatExplanation } from "./explain.ts";
import { type Match, match, matchEnvelope, type NeedEnvelope } from "./match.ts";
import type { CompiledMatch, RoutingTable } from "./routing-table.ts";
import { sampleOpen, sampleRoute, sampleTunnel } from "./sample-route.ts";

/** The plain way, to which the index must give the very same answer. */
function matchLinear(table: RoutingTable, open: Open, envelope?: KnownEnvelope): Match | NeedEnvelope {
  const facts = new CallFacts(open, envelope);
  for (const each of table.matches) {
    const failing = each.conditions.filter((condition) => !condition.holds(facts));
    if (failing.length === 0) return matchOf(each);
    if (failing.every((condition) => condition.isUndecided?.(facts)) && facts.envelope.t === "unread") {
      return { t: "needEnvelope", form: facts.envelope.form };
    }
  }
  return { t: "none" };
}

function matchOf({ route, matchIndex }: CompiledMatch): Match {
  return { t: "route", route, matchIndex };
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
const namespace = fc.constantFrom(undefined, "a", "b");
const headerBlock = fc.tuple(field, namespace).map(([block, uri]) => ({ ...block, namespace: uri }));
/** Mostly left out: else hardly two matches would take the same call. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 2 }, { arbitrary, weight: 1 });
const routeMatch = fc.record({
  soap: seldom(
    fc.oneof(
      fc.record({ action: text }),
      fc.record({ action: text, header: headerBlock }),
      fc.record({ header: headerBlock }),
    ),
  ),
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
/** Of a call whose envelope may be read, more often than not. */
const soapLines = fc.constantFrom(
  [],
  ["Content-Length", "9"],
  ["Content-Length", "9", "Content-Type", "text/xml"],
  ["Transfer-Encoding", "chunked", "Content-Type", 'application/soap+xml; charset="utf-8"'],
  ["Content-Length", "9", "Content-Type", "multipart/related; boundary=b"],
  ["Content-Length", "9", "Content-Type", "text/xml", "Content-Encoding", "gzip"],
);
const actionKeys = [
  headerKey("Action", "http://www.w3.org/2005/08/addressing"),
  headerKey("Action", "http://schemas.xmlsoap.org/ws/2004/08/addressing"),
];
const keys = [...actionKeys, ...["a", "b"].flatMap((each) => [each, headerKey(each, "a"), headerKey(each, "b")])];
const envelope = fc.oneof(
  fc
    .array(fc.tuple(fc.constantFrom(...keys), fc.oneof(word, fc.constant(undefined))), { maxLength: 6 })
    .map((pairs): KnownEnvelope => ({ t: "read", headers: new Map(pairs) })),
  fc.constant<KnownEnvelope>({ t: "absent", why: "it is too long" }),
);
const target = fc.tuple(
  fc.constantFrom("", "", "", "http://a.b", "http://x.a"),
  fc.stringMatching(/^(\/(a|b|\.\.)?){1,5}$/),
  fc.array(fc.tuple(fieldName, word), { maxLength: 2 }),
);
const open = fc
  .record({
    target,
    headers: fc.array(headerLine, { maxLength: 5 }),
    soapLines,
    method,
    listener: fc.constantFrom("a", "b"),
  })
  .map(({ target: [origin, where, query], headers, soapLines: lines, ...rest }): Open => {
    const search = query.map((pair) => pair.join("=")).join("&");
    return { ...sampleOpen(rest), target: `${origin}${where}?${search}`, headers: [...lines, ...headers.flat()] };
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

  it("gives the answer of trying every match, once the envelope is known", () => {
    fc.assert(
      fc.property(routes, open, fc.array(envelope, { minLength: 1, maxLength: 8 }), (documents, each, envelopes) => {
        const table = compileRoutes(documents.map(sampleRoute), sampleTunnel);
        for (const known of envelopes) {
          expect(matchEnvelope(table, each, known)).toEqual(matchLinear(table, each, known));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("gives an answer without the envelope only where no envelope could change it", () => {
    fc.assert(
      fc.property(routes, open, fc.array(envelope, { minLength: 1, maxLength: 8 }), (documents, each, envelopes) => {
        const table = compileRoutes(documents.map(sampleRoute), sampleTunnel);
        const first = match(table, each);
        const facts = new CallFacts(each);
        // A head that says there is no envelope cannot be followed by one.
        if (first.t === "needEnvelope" || facts.envelope.t === "absent") return;
        for (const known of envelopes) expect(matchEnvelope(table, each, known)).toEqual(first);
      }),
      { numRuns: 1_000 },
    );
  });

  it("gives the answer that the explanation gives", () => {
    fc.assert(
      fc.property(routes, open, envelope, (documents, each, known) => {
        const table = compileRoutes(documents.map(sampleRoute), sampleTunnel);
        const taker = explain(table, each, known).matches.find(({ outcome }) => outcome === "takes");
        const answer = matchEnvelope(table, each, known);
        const got = answer.t === "none" ? undefined : [answer.route.key, answer.matchIndex];
        expect(got).toEqual(taker && [taker.route, taker.matchIndex]);
      }),
      { numRuns: 300 },
    );
  });

  it("does not depend on the order of the documents", () => {
    fc.assert(
      fc.property(routes, open, envelope, (documents, each, known) => {
        const parsed = documents.map(sampleRoute);
        const answers = [parsed, parsed.toReversed()].map((order) =>
          matchEnvelope(compileRoutes(order, sampleTunnel), each, known),
        );
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
      const blocks = [{ soap: { header: { name: "a", ...value } } }];
      const matches = [
        ...blocks,
        { soap: { action: value } },
        { headers: named },
        { queryParams: named },
        { path: pathMatch },
      ];
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

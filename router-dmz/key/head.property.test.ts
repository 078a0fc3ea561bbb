import { TunnelError } from "@sallyport/proto/error";
import type { Open } from "@sallyport/proto/frame";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RequestContext, toOpen, toTrailers } from "./http.ts";
import { checkTarget } from "./target.ts";
import { traceContext } from "./trace.ts";

const context: RequestContext = {
  ...{ id: "call", listener: "http", connection: 1, clientAddress: "192.0.2.7", clientPort: 5, local: "192.0.2.1:80" },
  secure: false,
};
const inAnyCase = (name: string) =>
  fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((upper) => {
    return [...name].map((letter, at) => (upper[at] === true ? letter.toUpperCase() : letter)).join("");
  });
const known = [
  ...["host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "keep-alive", "traceparent"],
  ...[
    "tracestate",
    "forwarded",
    "x-forwarded-for",
    "x_forwarded_host",
    "sallyport-call",
    "x-a",
    "cookie",
    "soapaction",
  ],
];
const name = fc.oneof(
  fc.constantFrom(...known).chain(inAnyCase),
  fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}$/),
);
const byteText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 12,
});
const value = fc.oneof(
  fc.constantFrom("a", "a.example:80", "5", "05", "chunked", "gzip, chunked", "close, x-a", "host", "trailers", ""),
  byteText,
);
const pairs = fc.array(fc.tuple(name, value), { maxLength: 8 }).map((list) => list.flat());
const framing = fc.constantFrom(...[[], [], ["Content-Length", "5"], ["transfer-encoding", "chunked"]], [
  "content-length",
  "5",
  "Transfer-Encoding",
  "chunked",
]);
/** With what a head needs to be taken, mostly. */
const rawHeaders = fc
  .tuple(fc.option(fc.constant(["Host", "a"]), { nil: [] }), framing, pairs)
  .map((parts) => parts.flat());
const target = fc.oneof(
  fc.constantFrom("/", "*", "http://a/", "HTTPS://a:443", "http://b/", "//a", "/a#b", "http://a@b/", ""),
  byteText.map((text) => `/${text}`),
);
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "OPTIONS", "CONNECT"),
  url: target,
  httpVersion: fc.constantFrom("1.1", "1.1", "1.0", "2.0"),
  rawHeaders,
});

describe("whatever a request's head holds", () => {
  it("it becomes an OPEN or BAD_REQUEST", () => {
    let taken = 0;
    fc.assert(
      fc.property(request, (head) => {
        if (openOf(head) !== undefined) taken += 1;
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(200);
  });

  it("an OPEN says once where it goes and how long it is, and nothing of the client's hop", () => {
    fc.assert(
      fc.property(request, (head) => {
        const names = namesOf(openOf(head)?.headers ?? []);
        const count = (lowerName: string) => names.filter((each) => each === lowerName).length;
        expect(count("host")).toBeLessThanOrEqual(1);
        expect(count("content-length") + count("transfer-encoding")).toBeLessThanOrEqual(1);
        expect(names.filter((each) => ["connection", "keep-alive", "upgrade"].includes(each))).toStrictEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("an OPEN says of earlier hops what R1 saw, and nothing that a client can write", () => {
    fc.assert(
      fc.property(request, (head) => {
        const { headers } = openOf(head) ?? { headers: ["X-Forwarded-For", "192.0.2.7"] };
        const forwarded = namesOf(headers).flatMap((each, at) =>
          /^x[-_]forwarded[-_]for$/.test(each) ? [headers[at * 2 + 1]] : [],
        );
        expect(forwarded).toStrictEqual(["192.0.2.7"]);
        expect(namesOf(headers).filter((each) => /^sallyport[-_]/.test(each))).toStrictEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("an OPEN keeps every other header, in order, byte by byte", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.stringMatching(/^[A-Wa-w]{1,6}$/), byteText), { maxLength: 8 }), (list) => {
        const others = list.filter(([each]) => !["te", "host", "expect"].includes(each.toLowerCase())).flat();
        const open = openOf({ method: "GET", url: "/", httpVersion: "1.1", rawHeaders: ["Host", "a", ...others] });
        expect(open?.headers.slice(2, 2 + others.length)).toStrictEqual(others);
      }),
    );
  });

  it("no trailer frames, routes or forges", () => {
    fc.assert(
      fc.property(pairs, (trailers) => {
        const forbidden =
          /^(?:host|content-length|transfer-encoding|connection|te|upgrade|x[-_]forwarded.*|forwarded)$/;
        expect(namesOf(toTrailers(trailers)).filter((each) => forbidden.test(each))).toStrictEqual([]);
      }),
    );
  });
});

describe("whatever a target is", () => {
  it("it is taken or BAD_REQUEST, and taken it names the host that Host names", () => {
    const hosts = fc.constantFrom("a", "b", "a:80", "a:443", "A", "");
    fc.assert(
      fc.property(target, hosts, fc.constantFrom("GET", "OPTIONS"), (each, host, method) => {
        const isTaken = attempt(() => checkTarget(method, each, host) ?? true) === true;
        if (!isTaken || !each.includes("://") || each.startsWith("/") || !URL.canParse(`http://${host}`)) return;
        expect(new URL(each).hostname).toBe(new URL(`http://${host}`).hostname);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("whatever trace headers hold", () => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
  const version = fc.oneof(fc.constantFrom("00", "01", "ff"), hex(2));
  const written = fc.tuple(version, hex(32), hex(16), hex(2)).map((parts) => parts.join("-"));
  const damaged = fc.tuple(written, fc.nat(60), byteText).map(([text, at, other]) => text.slice(0, at) + other);

  it("they are a context by the standard, or none", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(written, damaged), { maxLength: 2 }),
        fc.array(byteText, { maxLength: 3 }),
        (parents, states) => {
          const { traceparent, tracestate } = traceContext(parents, states);
          if (traceparent === "") {
            expect(tracestate).toBe("");
            return;
          }
          expect(parents).toStrictEqual([traceparent]);
          expect(traceparent).toMatch(
            /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/,
          );
          expect(["", states.join(",")]).toContain(tracestate);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("a context that is written by the standard is kept", () => {
    const traceparent = fc
      .tuple(hex(31), hex(15), hex(2))
      .map(([trace, parent, flags]) => `00-${trace}1-${parent}1-${flags}`);
    const member = fc.stringMatching(/^[a-z][a-z0-9_*/-]{0,20}=[!-+\--<>-~]{1,20}$/);
    fc.assert(
      fc.property(traceparent, fc.array(member, { minLength: 1, maxLength: 8 }), (parent, members) => {
        const tracestate = members.join(",");
        expect(traceContext([parent], members)).toStrictEqual({ traceparent: parent, tracestate });
      }),
    );
  });
});

function openOf(head: Parameters<typeof toOpen>[0]): Open | undefined {
  return attempt(() => toOpen(head, context));
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    expect(error).toBeInstanceOf(TunnelError);
    expect(error).toMatchObject({ code: "BAD_REQUEST" });
    return undefined;
  }
}

function namesOf(headers: readonly string[]): string[] {
  return headers.filter((_, at) => at % 2 === 0).map((each) => each.toLowerCase());
}

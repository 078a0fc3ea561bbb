import { TunnelError } from "@sallyport/proto/error";
import type { Head } from "@sallyport/proto/frame";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interimHeaders, type ReplyHead, replyHead, replyTrailers } from "./head.ts";

const anyText = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 12 });
const fieldText = fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,12}$/);
const name = fc.oneof(
  fc.constantFrom(
    "Content-Length",
    "content-length",
    "Connection",
    "Transfer-Encoding",
    "Trailer",
    "Keep-Alive",
    "X-A",
  ),
  fc.constantFrom("Content-Disposition", "Set-Cookie", "TE", "Upgrade", "Date"),
);
const value = fc.oneof(fc.constantFrom("5", "5", "7", "-1", "close, x-a", "content-length", "chunked"), fieldText);
const pairs = fc.array(fc.tuple(name, value), { maxLength: 8 }).map((list) => list.flat());
const head: fc.Arbitrary<Head> = fc.record({
  status: fc.oneof(fc.integer({ min: 200, max: 599 }), fc.constantFrom(204, 304, 999, 100, 0, 1000, 2 ** 32 - 1)),
  reason: fc.oneof(fieldText, anyText),
  headers: fc.oneof(
    fc
      .tuple(fc.constantFrom(["Content-Length", "5"], ["Content-Length", "5", "content-length", "5"]), pairs)
      .map((parts) => parts.flat()),
    pairs,
    fc.array(anyText, { maxLength: 7 }),
  ),
});
const method = fc.constantFrom("GET", "HEAD", "POST");
const hop = ["connection", "keep-alive", "te", "transfer-encoding", "upgrade"];

describe("whatever a destination's head holds", () => {
  it("the client gets it or DESTINATION_FAILED", () => {
    let taken = 0;
    fc.assert(
      fc.property(head, method, fc.boolean(), (each, asked, http11) => {
        if (replyOf(each, asked, http11) !== undefined) taken += 1;
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(200);
  });

  it("what the client gets has no header of the destination's hop, no second length and no byte that splits a head", () => {
    fc.assert(
      fc.property(head, method, fc.boolean(), (each, asked, http11) => {
        const { headers } = replyOf(each, asked, http11) ?? { headers: [] };
        const names = namesOf(headers);
        expect(names.filter((lower) => hop.includes(lower))).toStrictEqual([]);
        expect(names.filter((lower) => lower === "content-length").length).toBeLessThanOrEqual(1);
        expect(headers.join("")).not.toMatch(/[\r\n\0]/);
      }),
      { numRuns: 2_000 },
    );
  });

  it("the body's length is the one that the client reads", () => {
    fc.assert(
      fc.property(head, method, fc.boolean(), (each, asked, http11) => {
        const reply = replyOf(each, asked, http11);
        if (reply === undefined || reply.body.t === "none") return;
        const at = namesOf(reply.headers).indexOf("content-length");
        const told = at < 0 ? undefined : Number(reply.headers[at * 2 + 1]);
        expect(told).toBe(reply.body.t === "length" ? reply.body.bytes : undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it("neither interim heads nor trailers frame anything", () => {
    fc.assert(
      fc.property(pairs, (headers) => {
        const names = [...namesOf(interimHeaders(headers)), ...namesOf(replyTrailers(headers).flat())];
        expect(names.filter((lower) => [...hop, "content-length"].includes(lower))).toStrictEqual([]);
      }),
    );
  });
});

function replyOf(each: Head, asked: string, http11: boolean): ReplyHead | undefined {
  try {
    return replyHead(each, asked, http11);
  } catch (error) {
    expect(error).toBeInstanceOf(TunnelError);
    expect(error).toMatchObject({ code: "DESTINATION_FAILED" });
    return undefined;
  }
}

function namesOf(headers: readonly string[]): string[] {
  return headers.filter((_, at) => at % 2 === 0).map((each) => each.toLowerCase());
}

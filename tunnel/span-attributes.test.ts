import { type Attributes, type Span, SpanStatusCode } from "@opentelemetry/api";
import type { ErrorName } from "@sallyport/proto/error";
import { describe, expect, test } from "vitest";
import { pathOf, setMethod, setOutcome, spanName } from "./span-attributes.ts";

describe("a method", () => {
  test("that is known names the span", () => {
    expect([spanName("PATCH"), attributesOf((span) => setMethod(span, "PATCH")).attributes]).toEqual([
      "PATCH",
      { "http.request.method": "PATCH" },
    ]);
  });

  test("of the client's invention does not: names are few", () => {
    expect([spanName("X1"), attributesOf((span) => setMethod(span, "X1")).attributes]).toEqual([
      "HTTP",
      { "http.request.method": "_OTHER", "http.request.method_original": "X1" },
    ]);
  });
});

describe("an outcome", () => {
  test.each<[string, number, ErrorName | "", 400 | 500, string | undefined, boolean]>([
    ["a success", 200, "", 500, undefined, false],
    ["a client's mistake, to the server", 404, "", 500, undefined, false],
    ["a client's mistake, to the client", 404, "", 400, "404", true],
    ["a server's failure, to both", 503, "", 500, "503", true],
    ["the tunnel's error with the server's status", 502, "LINK_LOST", 500, "LINK_LOST", true],
    ["the tunnel's error with the client's status", 404, "NO_ROUTE", 500, "NO_ROUTE", false],
    ["the tunnel's error without a status", 0, "NO_ROUTE", 400, "NO_ROUTE", true],
    ["an answer that broke off", 200, "LINK_LOST", 500, "LINK_LOST", true],
    ["a client that is gone", 0, "CANCELLED", 500, "CANCELLED", false],
    ["a client that is gone, at R2", 200, "CANCELLED", 400, "CANCELLED", false],
  ])("of %s", (_, status, error, failedFrom, type, failed) => {
    const seen = attributesOf((span) => setOutcome(span, { status, error, failedFrom }));
    expect(seen.attributes).toEqual({
      ...(status > 0 && { "http.response.status_code": status }),
      ...(type !== undefined && { "error.type": type }),
    });
    expect(seen.status).toBe(failed ? SpanStatusCode.ERROR : undefined);
  });
});

describe("a target's path", () => {
  test.each([
    ["/a/b?c=d", "/a/b"],
    ["/a?b#c", "/a"],
    ["http://host:80/a?b", "/a"],
    ["HTTPS://host?b", "/"],
    ["*", "*"],
    ["", "/"],
    [`/${"a".repeat(2_000)}`, `/${"a".repeat(1_023)}`],
  ])("of %s", (target, path) => {
    expect(pathOf(target)).toBe(path);
  });
});

function attributesOf(act: (span: Span) => void): { attributes: Attributes; status: SpanStatusCode | undefined } {
  const seen: { attributes: Attributes; status: SpanStatusCode | undefined } = { attributes: {}, status: undefined };
  act({
    setAttribute: (name: string, value: string | number) => {
      seen.attributes[name] = value;
    },
    setStatus: ({ code }: { code: SpanStatusCode }) => {
      seen.status = code;
    },
  } as unknown as Span);
  return seen;
}

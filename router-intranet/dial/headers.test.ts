import { describe, expect, test } from "vitest";
import { forwardRequest, forwardRequestTrailers, forwardResponse, forwardResponseTrailers } from "./headers.ts";

const origin = "http://calc.apps:8080";

describe("a request's headers", () => {
  test("T1: keep names, case, order, duplicates and bytes", () => {
    const headers = [
      "HOST",
      "calc",
      "x-A",
      "1",
      "X-a",
      "\xe9\xff",
      "Cookie",
      "a=1",
      "Cookie",
      "b=2",
      "Content-Length",
      "3",
    ];
    expect(forwardRequest(headers, origin)).toEqual({ t: "forwarded", headers, bodyBytes: 3 });
  });

  test("lose what belongs to one connection, what Connection names, and the tunnel's own", () => {
    const headers = [
      "Host",
      "calc",
      "Connection",
      "close, X-Hop",
      "Keep-Alive",
      "timeout=5",
      "X-hop",
      "1",
      "TE",
      "trailers",
    ];
    const more = [
      "Upgrade",
      "h2c",
      "HTTP2-Settings",
      "AAA",
      "Proxy-Connection",
      "keep-alive",
      "Sallyport-Call",
      "7",
      "X-Kept",
      "1",
    ];
    expect(forwardRequest([...headers, ...more], origin)).toEqual({
      t: "forwarded",
      headers: ["Host", "calc", "X-Kept", "1"],
      bodyBytes: 0,
    });
  });

  test("keep their addressee and length even if Connection names them", () => {
    const headers = [
      "Connection",
      "host, content-length, expect",
      "Host",
      "calc",
      "Content-Length",
      "3",
      "Expect",
      "100-continue",
    ];
    expect(forwardRequest(headers, origin)).toEqual({ t: "forwarded", headers: headers.slice(2), bodyBytes: 3 });
  });

  test("say with Transfer-Encoding: chunked that the body's length is not known", () => {
    const headers = ["Host", "calc", "Transfer-Encoding", "Chunked"];
    expect(forwardRequest(headers, origin)).toEqual({ t: "forwarded", headers: ["Host", "calc"], bodyBytes: -1 });
  });

  test("get the destination's Host if HTTP/1.0 brought none", () => {
    expect(forwardRequest(["A", "b"], origin)).toEqual({
      t: "forwarded",
      headers: ["Host", "calc.apps:8080", "A", "b"],
      bodyBytes: 0,
    });
  });

  test.each([
    ["two Hosts", ["Host", "a", "Host", "a"], "more than one Host"],
    ["two lengths", ["Content-Length", "3", "Content-Length", "3"], "more than once how long"],
    ["a length and chunks", ["Content-Length", "3", "Transfer-Encoding", "chunked"], "more than once how long"],
    ["another coding", ["Transfer-Encoding", "gzip, chunked"], `not "chunked"`],
    ["chunked twice", ["Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"], `not "chunked"`],
    ["chunked and a comma", ["Transfer-Encoding", "chunked,"], `not "chunked"`],
    ["a signed length", ["Content-Length", "+3"], "not a number"],
    ["an empty length", ["Content-Length", ""], "not a number"],
    ["a list of lengths", ["Content-Length", "3, 3"], "not a number"],
    ["an endless length", ["Content-Length", "99999999999999999999"], "not a number"],
  ])("with %s are refused", (_, headers, message) => {
    const forwarded = forwardRequest(headers, origin);
    expect(forwarded).toMatchObject({ t: "malformed", error: { code: "BAD_REQUEST" } });
    expect(forwarded.t === "malformed" && forwarded.error.message).toContain(message);
  });
});

describe("a response's headers", () => {
  test("T1: keep everything but what belongs to the connection", () => {
    const kept = ["set-COOKIE", "a=1", "Set-Cookie", "b=\xe9", "Content-Length", "3", "Trailer", "X-Sum"];
    const hops = ["Connection", "close", "Transfer-Encoding", "chunked", "Keep-Alive", "timeout=5", "Sallyport-X", "1"];
    expect(forwardResponse([...hops, ...kept], "OK")).toEqual({ t: "forwarded", headers: kept });
  });

  test("with a coding that would be lost are a failure of the destination", () => {
    expect(forwardResponse(["Transfer-Encoding", "gzip, chunked"], "OK")).toMatchObject({
      t: "malformed",
      error: { code: "DESTINATION_FAILED" },
    });
  });

  test.each([
    ["large", ["X", "a".repeat(128 * 1024)]],
    ["many", Array.from({ length: 40_000 }, () => "a")],
  ])("too %s for a frame are a failure of the destination", (_, headers) => {
    expect(forwardResponse(headers, "OK")).toMatchObject({ t: "malformed", error: { code: "DESTINATION_FAILED" } });
    expect(forwardResponseTrailers(headers)).toMatchObject({ t: "malformed", error: { code: "DESTINATION_FAILED" } });
  });
});

test("T1: trailers go on, but for those that would change framing or addressee", () => {
  const raw = [
    "X-Sum",
    "\xe9",
    "x-SUM",
    "2",
    "Content-Length",
    "3",
    "Host",
    "x",
    "Transfer-Encoding",
    "chunked",
    "Trailer",
    "a",
  ];
  const headers = ["X-Sum", "\xe9", "x-SUM", "2"];
  expect(forwardRequestTrailers(raw)).toEqual(headers);
  expect(forwardResponseTrailers(raw)).toEqual({ t: "forwarded", headers });
});

import { expect, test } from "vitest";
import { interimHeaders, replyHead, replyTrailers } from "./head.ts";

const head = (status: number, headers: string[] = [], reason = "R") => ({ status, reason, headers });

test.each([
  ["GET", 200, ["Content-Length", "5"], true, { t: "length", bytes: 5 }],
  ["GET", 200, ["Content-Length", "5"], false, { t: "length", bytes: 5 }],
  ["GET", 200, [], true, { t: "chunked" }],
  ["GET", 200, [], false, { t: "close" }],
  ["HEAD", 200, ["Content-Length", "5"], true, { t: "none" }],
  ["HEAD", 200, [], false, { t: "none" }],
  ["GET", 204, [], true, { t: "none" }],
  ["GET", 304, ["Content-Length", "5"], true, { t: "none" }],
  ["GET", 205, ["Content-Length", "0"], true, { t: "length", bytes: 0 }],
  ["GET", 999, [], true, { t: "chunked" }],
])("%s %i %j ends as it should", (method, status, headers, http11, body) => {
  expect(replyHead(head(status, headers), method, http11).body).toEqual(body);
});

test("equal lengths count as one", () => {
  const { headers, body } = replyHead(head(200, ["A", "1", "content-length", "5", "Content-Length", "5"]), "GET", true);
  expect([headers, body]).toEqual([["A", "1", "content-length", "5"], { t: "length", bytes: 5 }]);
});

test("Connection cannot hide the length", () => {
  const sent = ["Connection", "Content-Length, X", "Content-Length", "5", "X", "1"];
  expect(replyHead(head(200, sent), "GET", true).headers).toEqual(["Content-Length", "5"]);
});

test.each([
  ["lengths that differ", head(200, ["Content-Length", "5", "Content-Length", "05"])],
  ["an empty length", head(200, ["Content-Length", ""])],
  ["a list of lengths", head(200, ["Content-Length", "5, 5"])],
  ["a length over 2^53", head(200, ["Content-Length", "99999999999999999999"])],
  ["switching protocols", head(101)],
  ["an interim status", head(199)],
  ["a status of four digits", head(1000)],
  ["a name that is no token", head(200, ["a b", "1"])],
  ["an empty name", head(200, ["", "1"])],
  ["a line break in a value", head(200, ["a", "1\r\nb: 2"])],
  ["NUL in a value", head(200, ["a", "\0"])],
  ["a character over one byte", head(200, ["a", "\u0100"])],
  ["a line break in the reason", head(200, [], "OK\r\n")],
  ["a name without a value", head(200, ["a"])],
])("%s cannot be passed on", (_, bad) => {
  expect(() => replyHead(bad, "GET", true)).toThrow("the destination's response cannot be passed on");
});

test("interim heads and trailers lose what frames a message", () => {
  const raw = ["Link", "<a>", "Content-Length", "5", "Connection", "X", "X", "1", "Transfer-Encoding", "chunked"];
  expect(interimHeaders(raw)).toEqual(["Link", "<a>"]);
  expect(replyTrailers([...raw, "Set-Cookie", "a=b", "link", "2"])).toEqual([
    ["Link", "<a>"],
    ["link", "2"],
  ]);
});

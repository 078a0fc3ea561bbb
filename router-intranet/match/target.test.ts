import { describe, expect, it } from "vitest";
import { hasDotSegments, hostOf, parseTarget } from "./target.ts";

describe("a request target", () => {
  it.each([
    ["/calc", "GET", { authority: undefined, path: "/calc", query: "" }],
    ["/calc?wsdl", "GET", { authority: undefined, path: "/calc", query: "wsdl" }],
    ["/calc?a=1?b#c?d", "GET", { authority: undefined, path: "/calc", query: "a=1?b" }],
    ["/calc#x", "GET", { authority: undefined, path: "/calc", query: "" }],
    ["/a%2Fb/C", "GET", { authority: undefined, path: "/a%2Fb/C", query: "" }],
    ["/http://h/p", "GET", { authority: undefined, path: "/http://h/p", query: "" }],
    ["//h/p", "GET", { authority: undefined, path: "//h/p", query: "" }],
    ["http://h:80/p?q", "GET", { authority: "h:80", path: "/p", query: "q" }],
    ["HTTPS://User:pw@Host/p", "GET", { authority: "Host", path: "/p", query: "" }],
    ["http://h", "GET", { authority: "h", path: "/", query: "" }],
    ["http://h?q", "GET", { authority: "h", path: "/", query: "q" }],
    ["*", "OPTIONS", { authority: undefined, path: "*", query: "" }],
    ["h:443", "CONNECT", { authority: "h:443", path: "", query: "" }],
    ["", "GET", { authority: undefined, path: "", query: "" }],
    ["/gr\u00c3\u00b6sse", "GET", { authority: undefined, path: "/grösse", query: "" }],
    ["/\u00f6", "GET", { authority: undefined, path: "/\ufffd", query: "" }],
  ])("%j of %s is split", (target, method, parts) => {
    expect(parseTarget(method, target)).toEqual(parts);
  });
});

describe("a host", () => {
  it.each([
    ["calc.example.com", "calc.example.com"],
    ["Calc.Example.COM:8080", "calc.example.com"],
    ["calc.example.com.", "calc.example.com"],
    ["calc.example.com.:80", "calc.example.com"],
    ["calc:", "calc"],
    ["my_host", "my_host"],
    ["10.0.0.1:80", "10.0.0.1"],
    ["[2001:DB8::1]:80", "[2001:db8::1]"],
    ["[::1]", "[::1]"],
  ])("is read from %j as %j", (authority, host) => {
    expect(hostOf(authority)).toBe(host);
  });

  it.each([
    "",
    ".example.com",
    "a..example.com",
    "a.example.com..",
    "evil/.example.com",
    "evil@.example.com",
    "a.example.com, b.example.com",
    "a.example.com:80x",
    "a b.example.com",
    "a\u0000.example.com",
    "\u00fc.example.com",
    `${"a".repeat(300)}.example.com`,
  ])("is none in %j", (authority) => {
    expect(hostOf(authority)).toBe("");
  });
});

describe("a path with dot segments", () => {
  it.each([
    "/..",
    "/.",
    "/a/../b",
    "/a/./b",
    "/a/..",
    "/a/%2e%2E/b",
    "/a/.%2e/b",
    "/a/%2e",
    "/a\\..\\b",
    "/a%5c..%5Cb",
    "/a%2f..%2Fb",
    "/a/..;x=1/b",
    "/a/..%3bx/b",
    "..",
  ])("is seen in %s", (path) => {
    expect(hasDotSegments(path)).toBe(true);
  });

  it.each(["/", "/a.b", "/a/..b", "/a/b..", "/...", "/a/...", "/.well-known/x", "/a%2eb", "/calc.svc/..x", "*", ""])(
    "is not seen in %j",
    (path) => {
      expect(hasDotSegments(path)).toBe(false);
    },
  );
});

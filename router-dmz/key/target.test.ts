import { expect, test } from "vitest";
import { checkTarget } from "./target.ts";

test.each([
  ["GET", "/", "a"],
  ["GET", "//b/c", "a"],
  ["GET", "/a?b=c?d", "a"],
  ["OPTIONS", "*", "a"],
  ["GET", "http://a/b", "a"],
  ["GET", "http://a", "a"],
  ["GET", "http://A.example:80/b", "a.example"],
  ["GET", "https://a/b", "a:443"],
  ["GET", "http://[::1]:8080/", "[::1]:8080"],
])("%s %s to host %s means one thing", (method, target, host) => {
  expect(() => checkTarget(method, target, host)).not.toThrow();
});

test.each([
  ["GET", "*", "a", "'*' is for OPTIONS only"],
  ["GET", "/a#b", "a", "has a fragment"],
  ["GET", "http://b/", "a", "names another host than Host does"],
  ["GET", "http://a:8080/", "a", "names another host than Host does"],
  ["GET", "http://a@b/", "b", "names another host than Host does"],
  ["GET", "http://a:443/", "a", "names another host than Host does"],
  ["GET", "http://a/", "", "names another host than Host does"],
  ["GET", "ftp://a/", "a", "is neither a path nor an http:// or https:// URL"],
  ["GET", "a:80", "a", "is neither a path nor an http:// or https:// URL"],
  ["GET", "", "a", "is neither a path nor an http:// or https:// URL"],
])("%s %s to host %s is refused: it %s", (method, target, host, why) => {
  expect(() => checkTarget(method, target, host)).toThrow(`the request was refused: its target ${why}`);
});

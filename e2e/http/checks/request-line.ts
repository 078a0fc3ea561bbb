import { deepEqual } from "node:assert/strict";
import { type Check, group } from "../check.ts";
import { host, passes } from "../request-check.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
const extensionMethods = ["PROPFIND", "MKCOL", "REPORT", "SEARCH", "M-SEARCH", "LINK", "QUERY"];

/** T1: what stands in a target is for the destination to understand. */
const targets: readonly (readonly [what: string, target: string])[] = [
  ["percent-encoded slashes and dots", "/a%2Fb/%2e%2E/%2f"],
  ["percent-encoded letters, in the case they came in", "/%41%62%c3%A4/%7Euser"],
  ["dot segments and doubled slashes", "/a/./b/../c//d/"],
  ["two slashes at the start", "//calc.example/a"],
  ["an encoded NUL and line end", "/a%00b%0D%0Ac"],
  ["path parameters", "/service.svc;v=2/a;b=1,2"],
  ["sub-delimiters", "/!$&'()*+,;=:@-._~"],
  ["a query with several marks", "/?a=b?c&d==&e&&%26=%3D"],
  ["an empty query", "/path?"],
  ["?wsdl", "/calc.svc?wsdl"],
  ["brackets and braces in the query", "/?filter[a]={1|2}&b=^`"],
  ["a percent sign that encodes nothing", "/100%/%zz"],
  ["6,000 bytes", `/${"p".repeat(6000)}?${"q".repeat(5)}`],
];

export const requestLineChecks: readonly Check[] = [
  ...group(
    "Methods",
    [...methods, ...extensionMethods].map((method) =>
      passes(`${method} arrives as ${method}`, { line: `${method} /method HTTP/1.1` }),
    ),
  ),
  ...group("Methods", ["BREW", "get"].map(unknownMethod)),
  ...group("Targets", [
    ...targets.map(([what, target]) => passes(`untouched: ${what}`, { line: `GET ${target} HTTP/1.1` })),
    passes("untouched: * of OPTIONS", { line: "OPTIONS * HTTP/1.1" }),
    passes("a target in absolute form means its path", {
      line: "GET http://calc.example/a%2Fb?c=d HTTP/1.1",
      arrives: { target: "/a%2Fb?c=d" },
    }),
    passes("an absolute target with a port that Host has too", {
      line: "GET http://calc.example:81/a HTTP/1.1",
      host: false,
      headers: ["Host: calc.example:81"],
      arrives: { target: "/a" },
    }),
    passes("16,000 bytes", { line: `GET /${"p".repeat(16_000)} HTTP/1.1` }),
  ]),
  ...group("Host", [
    hostArrives("the client's own arrives", "calc.example"),
    hostArrives("with a port", "calc.example:8080"),
    hostArrives("in capitals", "CALC.Example"),
    hostArrives("an IPv6 address", "[::1]:8080"),
    hostArrives("empty", ""),
  ]),
];

/** RFC 9110, 9.1: a method that a server does not know may be answered with 501. What it may not be is altered. */
function unknownMethod(method: string): Omit<Check, "group"> {
  return {
    name: `${method}, a method nobody knows, arrives or is refused; it is not altered`,
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      client.send(`${method} /method HTTP/1.1\r\n${host}\r\n\r\n`);
      const { status } = await client.response();
      const arrivals = way.destination.arrivals.map(({ method }) => method);
      if (status === 200) deepEqual(arrivals, [method]);
      else deepEqual({ status: [400, 405, 501].includes(status), arrivals }, { status: true, arrivals: [] });
      return status === 200 ? "arrives" : String(status);
    },
  };
}

function hostArrives(name: string, value: string): Omit<Check, "group"> {
  return {
    name,
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      client.send(`GET /host HTTP/1.1\r\nHost: ${value}\r\n\r\n`);
      await client.response();
      const [arrival] = way.destination.arrivals;
      deepEqual(
        arrival?.headers.filter(([name]) => name.toLowerCase() === "host").map(([, seen]) => seen),
        [value],
      );
      return undefined;
    },
  };
}

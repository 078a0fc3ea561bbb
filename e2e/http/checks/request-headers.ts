import { deepEqual } from "node:assert/strict";
import { type Check, group } from "../check.ts";
import type { Header } from "../message.ts";
import { passes, type RequestSpec, requestText } from "../request-check.ts";
import type { Way } from "../way.ts";

const line = "GET /headers HTTP/1.1";

function headers(name: string, ...lines: string[]): Omit<Check, "group"> {
  return passes(name, { line, headers: lines });
}

/** With a body, so that no hop takes a description of it for a mistake. */
function posts(name: string, ...lines: string[]): Omit<Check, "group"> {
  return passes(name, { line: "POST /headers HTTP/1.1", headers: lines, body: "body" });
}

export const requestHeaderChecks: readonly Check[] = [
  ...group("Request headers", [
    headers("order and duplicates stay", "X-B: 1", "X-A: 2", "X-B: 3", "X-A: 2", "X-C: 4"),
    headers("several Cookie lines stay several", "Cookie: a=1", "Cookie: b=2; c=3"),
    headers("an empty value stays empty", "X-Empty:", "X-Spaces:   ", "X-After: 1"),
    headers("spaces and tabs around a value go, those within stay", "X-Pad: \t  a  b\tc \t "),
    headers("no space after the colon", "X-A:1"),
    headers("bytes over 127 stay as they are", "X-Latin: \xe4\xf6\xfc\xff", "X-Utf8: \xc3\xa4\xe2\x82\xac"),
    headers("quotes, commas, semicolons and backslashes", `X-Q: "a\\"b, c"; d='e', f`),
    headers("every character a name may have", "!#$%&'*+-.^_`|~09azAZ: 1"),
    headers("a name with an underscore", "X_Under_Score: 1", "Under_Score: 2"),
    headers("a name of digits", "123: 456"),
    headers("a name of one letter", "Q: 1"),
    headers("a name of 200 letters", `${"N".repeat(200)}: 1`),
    headers("a value of 8,000 bytes", `X-Long: ${"v".repeat(8000)}`),
    headers("90 lines", ...Array.from({ length: 90 }, (_, nth) => `X-${nth}: ${nth}`)),
    headers("a Kerberos token of 12,000 bytes", `Authorization: Negotiate ${"YII".repeat(4000)}`),
    headers("32,000 bytes in all", ...Array.from({ length: 32 }, (_, nth) => `X-${nth}: ${"v".repeat(1000)}`)),
    headers("300 lines", ...Array.from({ length: 300 }, (_, nth) => `X-${nth}: ${nth}`)),
    headers("Authorization", "Authorization: Basic dXNlcjpwYXNz"),
    headers("Accept-Encoding, and so the coding the client can read", "Accept-Encoding: gzip;q=0.5, br, *;q=0"),
    headers("Via of an earlier hop", "Via: 1.0 fred, 1.1 p.example.net (Apache/1.1)"),
    headers("Max-Forwards", "Max-Forwards: 3"),
    headers("Range and conditions", "Range: bytes=0-4,9-", 'If-Match: "a"', 'If-None-Match: W/"b", *'),
    headers("Date, and Pragma", "Date: Tue, 15 Nov 1994 08:12:31 GMT", "Pragma: no-cache", "Cache-Control: no-store"),
    headers("traceparent and tracestate", `traceparent: 00-${"a".repeat(32)}-${"b".repeat(16)}-01`, "tracestate: c=d"),
    posts("Content-Type with its parameters", 'Content-Type: multipart/related; type="text/xml"; boundary="b;"'),
    posts("SOAPAction, quoted, empty and bare", 'SOAPAction: ""'),
    posts("Content-Encoding; the body is not touched", "Content-Encoding: gzip", "Content-MD5: x"),
    exactly("names keep their case", ["X-oDD-cASe: 1", "sOaPaCtIoN: 2", "x-lower: 3", "X-UPPER: 4"]),
    nothingInvented(),
  ]),
  ...group("Headers of one hop", [
    takenOut("what Connection names", ["Connection: close, X-Secret-Hop", "X-Secret-Hop: 1", "X-Stays: 2"]),
    takenOut("what a second Connection line names", [
      "Connection: X-Hop-A",
      "Connection: x-hop-b",
      "X-Hop-A: 1",
      "X-Hop-B: 1",
      "X-Stays: 2",
    ]),
    takenOut("Keep-Alive", ["Connection: keep-alive", "Keep-Alive: timeout=5", "X-Stays: 2"], ["keep-alive"]),
    takenOut("Proxy-Connection", ["Proxy-Connection: keep-alive", "X-Stays: 2"]),
    takenOut("Upgrade, of an offer nobody takes up", [
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
      "X-Stays: 2",
    ]),
    takenOut("TE, but for trailers", ["Connection: TE", "TE: gzip, deflate;q=0.5", "X-Stays: 2"]),
    cannotHide("Connection cannot hide Content-Length", ["Connection: Content-Length"]),
    cannotHide("Connection cannot hide Host", ["Connection: Host"]),
  ]),
  ...group("Where the call came from", [
    fromHere("X-Forwarded-For is the client's address, whatever the client says", [
      "X-Forwarded-For: 10.0.0.1, 10.0.0.2",
    ]),
    fromHere("X-Forwarded-Proto and -Host are what the router saw", [
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: evil",
    ]),
    fromHere("Forwarded is what the router saw", ["Forwarded: for=10.0.0.1;proto=https;host=evil"]),
    fromHere("neither case nor doubling gets one through", ["x-FORWARDED-for: 10.0.0.1", "X-Forwarded-For: 10.0.0.2"]),
    fromHere("underscores get none through", ["X_Forwarded_For: 10.0.0.1", "X-Forwarded_Host: evil"]),
    fromHere("other forwarding headers are dropped", ["X-Real-IP: 10.0.0.1", "X-Forwarded-Port: 1", "X-Forwarded: a"]),
    fromHere("the tunnel's own headers are dropped", ["Sallyport-Tenant: a", "sallyport_identity: b"]),
    fromHere("Connection cannot take them out", ["Connection: X-Forwarded-For, Forwarded"]),
  ]),
];

async function seenBy(way: Way, spec: RequestSpec): Promise<readonly Header[]> {
  way.destination.begin();
  const client = await way.connect();
  client.send(requestText(spec));
  const { status } = await client.response();
  deepEqual({ status, arrivals: way.destination.arrivals.length }, { status: 200, arrivals: 1 });
  return way.destination.arrivals[0]?.headers ?? [];
}

function exactly(name: string, lines: readonly string[]): Omit<Check, "group"> {
  return {
    name,
    async run(way) {
      const headers = await seenBy(way, { line, headers: lines });
      const names = headers.map(([name, value]) => `${name}: ${value}`);
      deepEqual(
        names.filter((line) => lines.some((sent) => sent.toLowerCase() === line.toLowerCase())),
        lines,
      );
      return undefined;
    },
  };
}

function nothingInvented(): Omit<Check, "group"> {
  return {
    name: "nothing is invented: no Accept, User-Agent, Via or Content-Type",
    async run(way) {
      const headers = await seenBy(way, { line });
      const own = new Set([
        "host",
        "connection",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "forwarded",
      ]);
      deepEqual(
        headers.map(([name]) => name.toLowerCase()).filter((name) => !own.has(name)),
        [],
      );
      return undefined;
    },
  };
}

/** Only `X-Stays`, and what a hop says for itself, arrives. */
function takenOut(
  name: string,
  lines: readonly string[],
  mayBeOfNextHop: readonly string[] = [],
): Omit<Check, "group"> {
  return {
    name: `taken out: ${name}`,
    ways: ["tunnel", "haproxy"],
    async run(way) {
      const headers = await seenBy(way, { line, headers: lines });
      const ours = new Set([
        ...mayBeOfNextHop,
        "host",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "forwarded",
      ]);
      const kept = headers.filter(
        ([name, value]) => !ours.has(name.toLowerCase()) && !/^(close|keep-alive)$/.test(value),
      );
      deepEqual(
        kept.map(([name, value]) => `${name.toLowerCase()}: ${value}`),
        ["x-stays: 2"],
      );
      return undefined;
    },
  };
}

function cannotHide(name: string, lines: readonly string[]): Omit<Check, "group"> {
  return passes(name, { line: "POST /hide HTTP/1.1", headers: lines, body: "whole body" });
}

/** Of all that tells where a call came from, what arrives is what the tunnel saw. */
function fromHere(name: string, lines: readonly string[]): Omit<Check, "group"> {
  return {
    name,
    ways: ["tunnel"],
    async run(way) {
      const headers = await seenBy(way, { line, headers: lines });
      const origin = headers.filter(([name]) => /^(x[-_]|forwarded|sallyport)/i.test(name));
      deepEqual(origin, [
        ["X-Forwarded-For", "127.0.0.1"],
        ["X-Forwarded-Proto", "http"],
        ["X-Forwarded-Host", "calc.example"],
        ["Forwarded", "for=127.0.0.1;host=calc.example;proto=http"],
      ]);
      return undefined;
    },
  };
}

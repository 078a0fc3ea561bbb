import { TunnelError } from "@sallyport/proto/error";
import { expect, test } from "vitest";
import { endpoint } from "../endpoint.ts";
import { type RequestContext, toOpen, toTrailers } from "./http.ts";

const context: RequestContext = {
  id: "r1-1",
  listener: "web",
  connection: 7,
  clientAddress: "2001:db8::1",
  clientPort: 5000,
  local: "[2001:db8::2]:8080",
  secure: true,
};

function open(rawHeaders: string[], request: { method?: string; url?: string; httpVersion?: string } = {}) {
  return toOpen({ method: "POST", url: "/", httpVersion: "1.1", ...request, rawHeaders }, context);
}

/** What goes on of these, besides what R1 adds: four pairs, or three without a Host. */
function kept(rawHeaders: string[]): string[] {
  const { headers } = open(["Host", "a", ...rawHeaders]);
  return headers.slice(2, -8);
}

test("says who called, over IPv6 and TLS too", () => {
  const { client, local, secure, connection, headers } = open(["Host", "a.example"]);
  expect({ client, local, secure, connection }).toEqual({
    client: "[2001:db8::1]:5000",
    local: "[2001:db8::2]:8080",
    secure: true,
    connection: 7,
  });
  expect(headers).toEqual([
    ...["Host", "a.example", "X-Forwarded-For", "2001:db8::1", "X-Forwarded-Proto", "https"],
    ...["X-Forwarded-Host", "a.example", "Forwarded", 'for="[2001:db8::1]";host=a.example;proto=https'],
  ]);
});

test("an HTTP/1.0 request needs no Host, and none is made up", () => {
  expect(open([], { httpVersion: "1.0" }).headers).toEqual([
    ...["X-Forwarded-For", "2001:db8::1", "X-Forwarded-Proto", "https", "Forwarded", 'for="[2001:db8::1]";proto=https'],
  ]);
});

test.each([
  ["Keep-Alive", "timeout=5"],
  ["Proxy-Connection", "keep-alive"],
  ["PROXY-Authorization", "Basic x"],
  ["Proxy-Authenticate", "Basic"],
  ["Upgrade", "h2c"],
  ["Connection", "keep-alive"],
  ["TE", "gzip"],
])("%s is of this hop", (name, value) => {
  expect(kept([name, value, "X", "1"])).toEqual(["X", "1"]);
});

test("T1: the rest goes on: order, case, duplicates, empty values and bytes over ASCII", () => {
  const headers = ["b", "", "A", "\xff", "B", "2", "Trailer", "X", "Via", "1.0 old", "Expect", "100-continue"];
  expect(kept(headers)).toEqual(headers);
});

test("what Connection names is of this hop, wherever it stands", () => {
  expect(kept(["X-One", "1", "Connection", "x-ONE , close", "X-Two", "2", "connection", "X-TWO"])).toEqual([]);
});

test("TE: trailers goes on by itself, even though Connection has to name it", () => {
  expect(kept(["TE", "gzip, trailers;q=0.5", "Connection", "TE"])).toEqual(["TE", "trailers"]);
});

test("a body of unknown length shows as chunked in one pair", () => {
  expect(kept(["transfer-encoding", "CHUNKED"])).toEqual(["Transfer-Encoding", "chunked"]);
});

test("Content-Length stays as it was sent", () => {
  expect(kept(["content-length", "007"])).toEqual(["content-length", "007"]);
});

test.each([
  ["a list of lengths", ["Content-Length", "1, 1"]],
  ["a length twice", ["Content-Length", "1", "content-length", "1"]],
  ["a length with a space", ["Content-Length", " 1"]],
  ["a length over 2^53", ["Content-Length", "9007199254740992"]],
  ["both framings", ["Content-Length", "1", "Transfer-Encoding", "chunked"]],
  ["a coding before chunked", ["Transfer-Encoding", "gzip, chunked"]],
  ["a second coding", ["Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"]],
  ["a second Host", ["HOST", "a"]],
])("refuses %s", (_, headers) => {
  expect(() => open(["Host", "a", ...headers])).toThrow(TunnelError);
});

test.each(["a", "a:80", "a:", "", "127.0.0.1:1", "[::1]", "[::1]:80", "a_b.example", "xn--a"])(
  "takes Host '%s'",
  (host) => {
    expect(open(["Host", host]).headers.slice(0, 2)).toEqual(["Host", host]);
  },
);

test.each(["a b", "a/b", "a@b", 'a"', "a,b:80 ", "::1", "[::1", "a:b", "a:123456", "\xe4"])(
  "refuses Host '%s'",
  (host) => {
    expect(() => open(["Host", host])).toThrow("its Host header is not a host name with a port");
  },
);

test("trace context is read, and its headers go on as they came", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const headers = ["Host", "a", "Traceparent", traceparent, "tracestate", "a=1", "TraceState", "b=2"];
  const opened = open(headers);
  expect([opened.traceparent, opened.tracestate]).toEqual([traceparent, "a=1,b=2"]);
  expect(opened.headers.slice(0, 8)).toEqual(headers);
});

test("trailers that frame, route or describe a message are left out", () => {
  const raw = [
    "X-Sum",
    "1",
    "Content-Length",
    "5",
    "HOST",
    "b",
    "Forwarded",
    "for=b",
    "Sallyport-X",
    "1",
    "x-sum",
    "2",
  ];
  expect(toTrailers(raw)).toEqual(["X-Sum", "1", "x-sum", "2"]);
});

test("an endpoint has brackets around IPv6", () => {
  expect([endpoint("1.2.3.4", 5), endpoint("::1", 5)]).toEqual(["1.2.3.4:5", "[::1]:5"]);
});

import { type Check, group } from "../check.ts";
import { comesBack } from "../response-check.ts";

const everyByte = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join("");
const chunked = ["Transfer-Encoding: chunked"];
const hello = "5\r\nhello\r\n0\r\n\r\n";

const statuses = [
  "200 OK",
  "201 Created",
  "202 Accepted",
  "206 Partial Content",
  "301 Moved Permanently",
  "400 Bad Request",
  "404 Not Found",
  "409 Conflict",
  "418 I'm a teapot",
  "429 Too Many Requests",
  "500 Internal Server Error",
  "502 Bad Gateway",
  "503 Service Unavailable",
  "299 Unregistered",
  "599 Unregistered",
  "200 Everything (is) fine; really!",
  "200 ",
];

export const responseChecks: readonly Check[] = [
  ...group("Status", [
    ...statuses.map((status) => comesBack(`${JSON.stringify(status)} with its body`, { status, body: "body" })),
    comesBack("202 with no body, as a one-way call is answered", { status: "202 Accepted", body: "" }),
    comesBack("204 has no body and no length", { status: "204 No Content" }),
    comesBack("205", { status: "205 Reset Content", body: "" }),
    comesBack("304 has no body", { status: "304 Not Modified", headers: ['ETag: "a"'] }),
    comesBack("304 keeps the length of what it stands for", {
      status: "304 Not Modified",
      headers: ['ETag: "a"', "Content-Length: 1234"],
    }),
    comesBack("401 with several challenges", {
      status: "401 Unauthorized",
      headers: ["WWW-Authenticate: Negotiate", 'WWW-Authenticate: Basic realm="a, b"'],
      body: "no",
    }),
    comesBack("bytes over 127 in the reason", { status: "200 \xe4\xf6\xfc", body: "body" }),
  ]),
  ...group("HEAD", [
    comesBack("has the length of GET and no body", {
      method: "HEAD",
      status: "200 OK",
      headers: ["Content-Length: 1234"],
    }),
    comesBack("of a length nobody knows", { method: "HEAD", status: "200 OK", headers: ["X-A: 1"] }),
    comesBack("of what would come in chunks", { method: "HEAD", status: "200 OK", headers: chunked }),
    comesBack("404", { method: "HEAD", status: "404 Not Found", headers: ["Content-Length: 9"] }),
  ]),
  ...group("Response headers", [
    headers(
      "several Set-Cookie stay several, in order",
      "Set-Cookie: a=1; Path=/",
      "Set-Cookie: b=2, c",
      "Set-Cookie: a=3",
    ),
    headers("order and duplicates stay", "X-B: 1", "X-A: 2", "X-B: 3", "X-A: 2"),
    headers("Date and Server are the destination's", "Date: Tue, 15 Nov 1994 08:12:31 GMT", "Server: Mono-HTTPAPI/1.0"),
    headers("none is invented: no Date, no Server, no Via", ...[]),
    headers("an empty value stays empty", "X-Empty:", "X-After: 1"),
    headers(
      "bytes over 127 stay as they are",
      "X-Latin: \xe4\xf6\xfc",
      'Content-Disposition: attachment; filename="\xc3\xa4"',
    ),
    headers("quotes, commas, tabs and backslashes", `X-Q: "a\\"b, c";\td='e'`),
    headers("every character a name may have", "!#$%&'*+-.^_`|~09azAZ: 1"),
    headers("a value of 8,000 bytes", `X-Long: ${"v".repeat(8000)}`),
    headers("90 lines", ...Array.from({ length: 90 }, (_, nth) => `X-${nth}: ${nth}`)),
    headers("a value of 40,000 bytes", `X-Long: ${"v".repeat(40_000)}`),
    headers("Location", "Location: http://calc.example/a%2Fb?c#d"),
    headers("Via, Vary, Age, ETag", "Via: 1.0 p", "Vary: Accept, *", "Age: 3", 'ETag: W/"x"'),
    headers("Cache-Control, Expires, Pragma", "Cache-Control: private, max-age=0", "Expires: 0", "Pragma: no-cache"),
    headers("Content-Encoding; the body is not touched", "Content-Encoding: gzip", "Content-Type: text/xml"),
    headers("Strict-Transport-Security and Alt-Svc", "Strict-Transport-Security: max-age=1", 'Alt-Svc: h3=":443"'),
    {
      ...comesBack("what Connection names is taken out", {
        status: "200 OK",
        headers: ["Connection: X-Hop", "X-Hop: 1", "X-Stays: 2"],
        comes: { headers: [["x-stays", "2"]] },
        closes: true,
      }),
      ways: ["tunnel", "haproxy"],
    },
  ]),
  ...group("Response bodies", [
    comesBack("with a length", { status: "200 OK", body: everyByte }),
    comesBack("with a length of 0", { status: "200 OK", body: "" }),
    comesBack("of 1 MiB with a length", { status: "200 OK", body: everyByte.repeat(4096) }),
    comesBack("in chunks", { status: "200 OK", headers: chunked, wire: hello, body: "hello" }),
    comesBack("in no chunk at all", { status: "200 OK", headers: chunked, wire: "0\r\n\r\n", body: "" }),
    comesBack("in chunks with extensions", {
      status: "200 OK",
      headers: chunked,
      wire: '5;a="b"\r\nhello\r\n0;c\r\n\r\n',
      body: "hello",
    }),
    comesBack("sizes in capitals and with leading zeros", {
      status: "200 OK",
      headers: chunked,
      wire: "00A\r\n0123456789\r\n0\r\n\r\n",
      body: "0123456789",
    }),
    comesBack("with trailers", {
      status: "200 OK",
      headers: [...chunked, "Trailer: X-Sum"],
      wire: "5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n",
      body: "hello",
      comes: {
        trailers: [
          ["x-sum", "1"],
          ["x-sum", "2"],
        ],
      },
    }),
    comesBack("with trailers nobody announced", {
      status: "200 OK",
      headers: chunked,
      wire: "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
      body: "hello",
      comes: { trailers: [["x-sum", "1"]] },
    }),
    comesBack("that the connection's end ends", { status: "200 OK", wire: "hello", body: "hello", closes: true }),
    comesBack("of no byte, that the connection's end ends", { status: "200 OK", closes: true }),
    comesBack("of an HTTP/1.0 destination", {
      version: "1.0",
      status: "200 OK",
      wire: "hello",
      body: "hello",
      closes: true,
    }),
    comesBack("of an HTTP/1.0 destination with a length", {
      version: "1.0",
      status: "200 OK",
      body: "hello",
      closes: true,
    }),
    comesBack("from a destination that closes", {
      status: "200 OK",
      headers: ["Connection: close"],
      body: "hello",
      closes: true,
    }),
    comesBack("that looks like a response is a body", {
      status: "200 OK",
      body: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    }),
  ]),
];

function headers(name: string, ...lines: string[]): Omit<Check, "group"> {
  return comesBack(name, { status: "200 OK", headers: lines, body: "body" });
}

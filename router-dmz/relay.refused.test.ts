import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bench, openBench } from "./relay.fixture.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const post = "POST / HTTP/1.1\r\nHost: a\r\n";
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;
/** Would be a request of its own if a router or destination lost count. */
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/** Each with a piece of what the client is told. */
const malformedHeads: Record<string, [request: string, detail: string]> = {
  "Content-Length and Transfer-Encoding": [
    `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "present with Content-Length",
  ],
  "Transfer-Encoding and Content-Length": [
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
    "present with Transfer-Encoding",
  ],
  "two equal Content-Lengths": [`${post}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`, "Duplicate"],
  "two different Content-Lengths": [`${post}Content-Length: 1\r\nContent-Length: 9\r\n\r\nx`, "Duplicate"],
  "a list of Content-Lengths": [`${post}Content-Length: 1, 1\r\n\r\nx`, "Content-Length"],
  "a Content-Length with a sign": [`${post}Content-Length: +1\r\n\r\nx`, "Content-Length"],
  "a negative Content-Length": [`${post}Content-Length: -1\r\n\r\nx`, "Content-Length"],
  "a hexadecimal Content-Length": [`${post}Content-Length: 0x1\r\n\r\nx`, "Content-Length"],
  "an empty Content-Length": [`${post}Content-Length:\r\n\r\n`, "Content-Length"],
  "a Content-Length over 64 bits": [`${post}Content-Length: 99999999999999999999\r\n\r\n`, "overflow"],
  "a Content-Length no number holds": [`${post}Content-Length: 18446744073709551615\r\n\r\n`, "whole number"],
  "a space before the colon": [`${post}Content-Length : 1\r\n\r\nx`, "malformed"],
  "obs-fold in a value": [`${post}X: a\r\n b\r\n\r\n`, "whitespace"],
  "obs-fold by a tab": [`${post}X: a\r\n\tb\r\n\r\n`, "whitespace"],
  "obs-fold before a value": [`${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, "malformed"],
  "a space before the first header": [`GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n`, "malformed"],
  "bare LF throughout": ["GET / HTTP/1.1\nHost: a\n\n", "CRLF"],
  "bare LF after a header": ["GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "CR"],
  "bare LF for the empty line": ["GET / HTTP/1.1\r\nHost: a\r\n\n", "malformed"],
  "bare CR in a value": ["GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "LF"],
  "NUL in a value": [`${post}X: a\0b\r\n\r\n`, "malformed"],
  "NUL in a name": [`${post}X\0: b\r\n\r\n`, "malformed"],
  "a control character in a value": [`${post}X: a\x01b\r\n\r\n`, "malformed"],
  "DEL in a value": [`${post}X: a\x7fb\r\n\r\n`, "malformed"],
  "a header without a colon": [`${post}nonsense\r\n\r\n`, "malformed"],
  "an empty header name": [`${post}: b\r\n\r\n`, "malformed"],
  "a space in a name": [`${post}X Y: b\r\n\r\n`, "malformed"],
  "a name over ASCII": [`${post}X\xe4: b\r\n\r\n`, "malformed"],
  "Transfer-Encoding: chunked,": [`${post}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n`, "Transfer-Encoding"],
  "Transfer-Encoding: ,chunked": [`${post}Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n`, "other than chunked"],
  "Transfer-Encoding: xchunked": [`${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, "other than chunked"],
  "Transfer-Encoding: chunked, identity": [
    `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    "Transfer-Encoding",
  ],
  "Transfer-Encoding: identity, chunked": [
    `${post}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n`,
    "other than chunked",
  ],
  "Transfer-Encoding: gzip, chunked": [
    `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    "other than chunked",
  ],
  "Transfer-Encoding: chunked, chunked": [
    `${post}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    "Transfer-Encoding",
  ],
  "Transfer-Encoding: identity": [`${post}Transfer-Encoding: identity\r\n\r\n`, "other than chunked"],
  'Transfer-Encoding: "chunked"': [`${post}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`, "other than chunked"],
  "an empty Transfer-Encoding": [`${post}Transfer-Encoding:\r\n\r\n`, "Transfer-Encoding"],
  "a vertical tab in Transfer-Encoding": [`${post}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, "malformed"],
  "Transfer-Encoding twice": [
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "Transfer-Encoding",
  ],
  "Transfer-Encoding twice, identity first": [
    `${post}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "other than chunked",
  ],
  "chunks in HTTP/1.0": ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.0"],
  "no Host": ["GET / HTTP/1.1\r\n\r\n", "no Host"],
  "two Hosts": ["GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "more than one Host"],
  "a Host that is no name": ['GET / HTTP/1.1\r\nHost: a"; for=b\r\n\r\n', "Host header is not"],
  "an absolute target of another host": ["GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "another host"],
  "an absolute target of another scheme": ["GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "neither a path"],
  "a target with a fragment": ["GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "fragment"],
  "'*' with GET": ["GET * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS"],
  "a target that is no path": ["GET a HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  "bytes over ASCII in the target": ["GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  "a control character in the target": ["GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  "HTTP/0.9": ["GET /\r\n\r\n", "HTTP/0.9"],
  "HTTP/1.2": ["GET / HTTP/1.2\r\nHost: a\r\n\r\n", "malformed"],
  "HTTP/2.0 in a request line": ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/2.0"],
  "HTTP/2's preface": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not HTTP/2"],
  "an unknown method": ["FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  "a TLS hello": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "malformed"],
  "a thousand and one headers": [`${post}${"a: \r\n".repeat(1000)}\r\n`, "more than 1000"],
};

describe("a request with a malformed head is refused, and nothing of it is forwarded", () => {
  test.each(Object.entries(malformedHeads))("%s", async (_, [request, detail]) => {
    const client = await bench.client();
    client.send(request + smuggled);
    const response = await client.response();
    const problem = JSON.parse(response.body);
    expect([response.status, problem.status]).toEqual([400, 400]);
    expect(problem.detail).toContain(detail);
    expect(valuesOf(response.headers, "connection")).toEqual(["close"]);
    expect(valuesOf(response.headers, "content-type")).toEqual(["application/problem+json"]);
    client.socket.end();
    await client.until(() => client.closed);
    expect(client.received).toBe("");
    expect(bench.starter.calls).toEqual([]);
  });
});

const malformedBodies: Record<string, string> = {
  "a negative chunk": "-1\r\n\r\n",
  "a chunk over 64 bits": "fffffffffffffffff\r\n",
  "a chunk size with 0x": "0x1\r\na\r\n0\r\n\r\n",
  "a space behind the chunk size": "1 \r\na\r\n0\r\n\r\n",
  "bare LF behind the chunk size": "1\na\r\n0\r\n\r\n",
  "bare LF in a chunk extension": "1;a\nb\r\na\r\n0\r\n\r\n",
  "bare CR in a chunk extension": "1;a\rb\r\na\r\n0\r\n\r\n",
  "a chunk longer than it says": "1\r\nab\r\n0\r\n\r\n",
  "bare LF behind a chunk": "1\r\na\n0\r\n\r\n",
  "Content-Length in the trailers": "0\r\nContent-Length: 5\r\n\r\n",
  "Transfer-Encoding in the trailers": "0\r\nTransfer-Encoding: chunked\r\n\r\n",
  "NUL in the trailers": "0\r\nX: \0\r\n\r\n",
  "obs-fold in the trailers": "0\r\nX: a\r\n b\r\n\r\n",
};

describe("a request whose chunks are malformed is answered 400, and its call is reset", () => {
  test.each(Object.entries(malformedBodies))("%s", async (_, body) => {
    const client = await bench.client();
    client.send(chunked + body + smuggled);
    const response = await client.response();
    expect(response.status).toBe(400);
    expect(JSON.parse(response.body)).toMatchObject({ code: "BAD_REQUEST", callId: "call-1" });
    client.socket.end();
    await client.until(() => client.closed);
    const [call, ...others] = bench.starter.calls;
    expect(call!.resetBy?.code).toBe("BAD_REQUEST");
    expect(call!.trailers).toBe(undefined);
    expect(others).toEqual([]);
    expect(await bench.done(1)).toMatchObject([{ status: 400, error: "BAD_REQUEST" }]);
    expect(bench.clock.timers).toBe(0);
  });

  test("extensions without end are cut off with 413", async () => {
    const client = await bench.client();
    client.send(`${chunked}1;${"a".repeat(20_000)}`);
    expect((await client.response()).status).toBe(413);
    expect(bench.starter.calls[0]!.resetBy?.code).toBe("PAYLOAD_TOO_LARGE");
  });
});

test("headers over the limit are answered 431", async () => {
  const client = await bench.client();
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(70_000)}\r\n\r\n`);
  const response = await client.response();
  expect([response.status, response.reason]).toEqual([431, "Request Header Fields Too Large"]);
  expect(bench.refusals).toEqual([
    { status: 431, detail: "the request's headers are larger than this listener takes" },
  ]);
  expect(bench.listener.stats).toMatchObject({ refused: 1, exchanges: 0 });
});

test("headers under the limit may be long: Kerberos tokens are", async () => {
  bench.starter.onCall = (call) => call.answer("ok");
  const client = await bench.client();
  const token = "a".repeat(60_000);
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Negotiate ${token}\r\n\r\n`);
  expect((await client.response()).body).toBe("ok");
  expect(bench.starter.calls[0]!.open.headers[3]).toBe(`Negotiate ${token}`);
});

test("a request line that does not come in time is answered 408", async () => {
  await bench.close();
  bench = await openBench({ headersTimeoutMs: 100 });
  const client = await bench.client();
  client.send("GET / HTTP/1.1\r\nHo");
  const response = await client.response();
  expect(response.status).toBe(408);
  expect(JSON.parse(response.body).detail).toBe("the request's headers did not arrive in time");
});

test("CONNECT is answered 501", async () => {
  const client = await bench.client();
  client.send("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
  const response = await client.response();
  expect(response.status).toBe(501);
  expect(JSON.parse(response.body).detail).toBe("this listener is no proxy: it does not CONNECT");
  client.socket.end();
  await client.until(() => client.closed);
  expect(bench.starter.calls).toEqual([]);
});

test("a refused client that does not close is closed after two seconds", async () => {
  const client = await bench.client({ allowHalfOpen: true });
  client.send("nonsense\r\n\r\n");
  await client.until(() => client.ended);
  expect(client.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  client.send("more nonsense\r\n\r\n");
  bench.clock.advance(2_000);
  client.send("more nonsense\r\n\r\n");
  await client.until(() => client.closed);
  expect(bench.refusals.length).toBe(1);
});

test("a malformed request behind a good one waits for its answer", async () => {
  const client = await bench.client();
  client.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n");
  const call = await bench.starter.call(1);
  expect(client.received).toBe("");
  call.answer("good");
  expect((await client.response()).body).toBe("good");
  expect((await client.response()).status).toBe(400);
});

test("a request with malformed chunks behind a good one waits for its answer", async () => {
  const client = await bench.client();
  client.send(`GET /good HTTP/1.1\r\nHost: a\r\n\r\n${chunked}nonsense\r\n`);
  const call = await bench.starter.call(1);
  call.answer("good");
  expect((await client.response()).body).toBe("good");
  expect(JSON.parse((await client.response()).body)).toMatchObject({ code: "BAD_REQUEST", callId: "call-2" });
  expect(bench.starter.calls.length).toBe(1);
});

test("chunks that turn out malformed after the answer break the connection off without another one", async () => {
  const client = await bench.client();
  client.send(`${chunked}1\r\na\r\n`);
  const call = await bench.starter.call(1);
  call.answer("early");
  expect((await client.response()).body).toBe("early");
  client.send("nonsense\r\n");
  await client.until(() => client.closed);
  expect(client.received).toBe("");
  expect(call.resetBy?.code).toBe("CANCELLED");
  expect(await bench.done(1)).toMatchObject([{ status: 200, error: "" }]);
});

test("bytes after a request with Connection: close are ignored", async () => {
  bench.starter.onCall = (call) => call.answer("last");
  const client = await bench.client();
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${smuggled}`);
  expect((await client.response()).body).toBe("last");
  await client.until(() => client.closed);
  expect(client.received).toBe("");
  expect(bench.starter.calls.length).toBe(1);
  expect(bench.refusals).toEqual([]);
});

describe("spoofed headers are dropped", () => {
  test.each([
    ...["Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "X-Forwarded-Port", "X_Forwarded_For"],
    ...["X-Real-IP", "X-Forwarded-Client-Cert", "Sallyport-Tenant", "sallyport_call"],
  ])("%s", async (name) => {
    (await bench.client()).send(`GET / HTTP/1.1\r\nHost: a\r\n${name}: 1.2.3.4\r\nX-Kept: 1\r\n\r\n`);
    const call = await bench.starter.call(1);
    expect(call.open.headers.slice(0, 4)).toEqual(["Host", "a", "X-Kept", "1"]);
    expect(call.open.headers).not.toContain("1.2.3.4");
  });

  test("and Connection cannot name what R1 sets or a destination needs", async () => {
    (await bench.client()).send(
      "POST / HTTP/1.1\r\nConnection: X-Forwarded-For, Host, Content-Length, Authorization, X-Mine\r\nHost: a\r\n" +
        "Authorization: Basic x\r\nX-Mine: 1\r\nContent-Length: 1\r\n\r\nx",
    );
    const call = await bench.starter.call(1);
    expect(call.open.headers.slice(0, 8)).toEqual([
      ...["Host", "a", "Authorization", "Basic x", "Content-Length", "1", "X-Forwarded-For", "127.0.0.1"],
    ]);
  });
});

function valuesOf(headers: string[], name: string): string[] {
  return headers.filter((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name);
}

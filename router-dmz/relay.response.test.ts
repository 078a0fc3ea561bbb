import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bench, openBench } from "./relay.fixture.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const get = "GET /a?b=c HTTP/1.1\r\nHost: calc:8080\r\n\r\n";

describe("a response", () => {
  test("T1: arrives with its reason, header order, case, duplicates and bytes", async () => {
    bench.starter.onCall = (call) => {
      call.sendHead(
        203,
        ["X-b", "\xe4\xff", "SET-cookie", "a=1", "Set-Cookie", "b=2", "content-LENGTH", "2", "x-A", ""],
        "Gr\xfc\xdfe",
      );
      call.sendData("\x00\xff");
      call.events.onFin([]);
    };
    const client = await bench.client();
    client.send(get);
    expect(await client.response()).toEqual({
      status: 203,
      reason: "Gr\xfc\xdfe",
      headers: [
        ...["X-b", "\xe4\xff", "SET-cookie", "a=1", "Set-Cookie", "b=2", "content-LENGTH", "2", "x-A", ""],
        ...["Connection", "keep-alive", "Keep-Alive", "timeout=75"],
      ],
      body: "\x00\xff",
      trailers: "",
    });
  });

  test("T1: a Content-Disposition keeps its bytes behind a Content-Length", async () => {
    const disposition = 'attachment; filename="\xc3\xa4\xe4"';
    bench.starter.onCall = (call) => {
      call.sendHead(200, ["A", "1", "Content-Length", "1", "B", "2", "Content-Disposition", disposition]);
      call.sendData("x");
      call.events.onFin([]);
    };
    const client = await bench.client();
    client.send(get);
    expect((await client.response()).headers.slice(0, 8)).toEqual([
      ...["A", "1", "B", "2", "Content-Disposition", disposition, "Content-Length", "1"],
    ]);
  });

  test("T1: a head that has to wait for its body goes ahead with the same bytes", async () => {
    const client = await bench.client();
    client.send(get);
    const call = await bench.starter.call(1);
    call.sendHead(200, ["X", "\xe4\xff"], "\xe4");
    await client.until(() => client.received.includes("\r\n\r\n"));
    expect(client.received).toMatch(/^HTTP\/1\.1 200 \xe4\r\nX: \xe4\xff\r\n/);
    call.sendData("late");
    call.events.onFin([]);
    expect((await client.response()).body).toBe("late");
  });

  test("leaves out what belongs to the destination's connection", async () => {
    bench.starter.onCall = (call) => {
      call.sendHead(200, [
        ...["Connection", "close, X-Hop", "X-Hop", "1", "Keep-Alive", "timeout=1", "Upgrade", "h2c"],
        ...["Transfer-Encoding", "chunked", "Proxy-Connection", "close", "Content-Length", "0", "X-End", "1"],
      ]);
      call.events.onFin([]);
    };
    const client = await bench.client();
    client.send(get);
    expect((await client.response()).headers).toEqual([
      ...["Content-Length", "0", "X-End", "1", "Connection", "keep-alive", "Keep-Alive", "timeout=75"],
    ]);
  });

  test("without Content-Length is chunked, with its trailers", async () => {
    bench.starter.onCall = (call) => {
      call.sendHead(200, ["Trailer", "X-Sum"]);
      call.sendData("ab");
      call.sendData("c");
      call.events.onFin(["X-Sum", "\xe4", "x-sum", "2", "Content-Length", "9"]);
    };
    const client = await bench.client();
    client.send(get);
    const { headers, body, trailers } = await client.response();
    expect(headers.slice(0, 2)).toEqual(["Trailer", "X-Sum"]);
    expect(body).toBe("abc");
    expect(trailers).toBe("X-Sum: \xe4\r\nx-sum: 2");
  });

  test("with Content-Length cannot have trailers: they and their announcement are left out", async () => {
    bench.starter.onCall = (call) => {
      call.sendHead(200, ["Trailer", "X-Sum", "Content-Length", "1"]);
      call.sendData("a");
      call.events.onFin(["X-Sum", "1"]);
    };
    const client = await bench.client();
    client.send(get);
    expect((await client.response()).headers.slice(0, 2)).toEqual(["Content-Length", "1"]);
  });

  test("to HTTP/1.0 without Content-Length ends with the connection, even if the client says TE: chunked", async () => {
    bench.starter.onCall = (call) => {
      call.sendHead(200, ["X", "1"]);
      call.sendData("abc");
      call.events.onFin(["X-Sum", "1"]);
    };
    const client = await bench.client();
    client.send("GET / HTTP/1.0\r\nTE: chunked\r\nConnection: keep-alive\r\n\r\n");
    expect(await client.response()).toEqual({
      status: 200,
      reason: "R",
      headers: ["X", "1", "Connection", "close"],
      body: "abc",
      trailers: "",
    });
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("");
  });

  test("to HTTP/1.0 with Content-Length keeps the connection if the client asks for that", async () => {
    bench.starter.onCall = (call) => call.answer("ok");
    const client = await bench.client();
    for (let nth = 1; nth <= 2; nth++) {
      client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      expect((await client.response()).body).toBe("ok");
    }
    client.send("GET / HTTP/1.0\r\n\r\n");
    expect((await client.response()).headers).toEqual(["Content-Length", "2", "Connection", "close"]);
  });

  test.each([
    ["HEAD", 200],
    ["HEAD", 404],
    ["GET", 304],
  ])("to %s with status %i keeps its Content-Length and has no body", async (method, status) => {
    bench.starter.onCall = (call) => {
      call.sendHead(status, ["Content-Length", "1234"]);
      call.events.onFin([]);
    };
    const client = await bench.client();
    for (let nth = 1; nth <= 2; nth++) {
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      const { headers } = await client.response("HEAD");
      expect(headers).toEqual(["Content-Length", "1234", "Connection", "keep-alive", "Keep-Alive", "timeout=75"]);
      expect(client.received).toBe("");
    }
  });

  test("204 has neither body nor Content-Length, and no chunks", async () => {
    bench.starter.onCall = (call) => {
      call.sendHead(204, ["Content-Length", "0", "Trailer", "X"]);
      call.events.onFin([]);
    };
    const client = await bench.client();
    client.send(get);
    const { headers } = await client.response();
    expect(headers).toEqual(["Connection", "keep-alive", "Keep-Alive", "timeout=75"]);
  });

  test("to a client that says Connection: close is the last", async () => {
    bench.starter.onCall = (call) => call.answer("ok");
    const client = await bench.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect((await client.response()).headers).toEqual(["Content-Length", "2", "Connection", "close"]);
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("");
  });

  test("M1: an empty 202 is passed on as it is", async () => {
    bench.starter.onCall = (call) => call.answer("", 202);
    const client = await bench.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    expect(await client.response()).toMatchObject({ status: 202, body: "" });
  });
});

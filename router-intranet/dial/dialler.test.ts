import { TunnelError } from "@sallyport/proto/error";
import { afterEach, describe, expect, test } from "vitest";
import { unknownLength } from "./destination.ts";
import { closeDiallers, destinations, ways } from "./testing/diallers.ts";
import { closeLoopbacks, type RawConnection, serveRaw } from "./testing/loopback.ts";
import { Recorder, requestTo } from "./testing/recorder.ts";

afterEach(async () => {
  await closeLoopbacks();
  await closeDiallers();
});

const gone = new TunnelError("CANCELLED", "gone");
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Answers each request, once it ends with `end`, and notes what came. */
async function answering(answer: string, end = "\r\n\r\n") {
  const requests: string[] = [];
  const server = await serveRaw(async (connection) => {
    requests.push(await connection.until(end));
    connection.send(answer);
  });
  return { server, requests };
}

describe("T1: a request arrives as it was sent", () => {
  const odd = ["Host", "calc", "x-ODD", "1", "X-odd", "\xe9\xff", "Cookie", "a=1", "Cookie", "b=2", "Empty", ""];

  test("by undici: method, target, names' case, order, duplicates and bytes; only host is written in lower case", async () => {
    const { server, requests } = await answering(ok);
    const seen = new Recorder();
    destinations().exchange(
      requestTo(server.origin, { method: "get", target: "/a?b=%20\xe9&c=[|]", headers: odd }),
      seen,
    );
    await seen.end();
    expect(requests).toEqual([
      "get /a?b=%20\xe9&c=[|] HTTP/1.1\r\nhost: calc\r\nconnection: keep-alive\r\nx-ODD: 1\r\nX-odd: \xe9\xff\r\n" +
        "Cookie: a=1\r\nCookie: b=2\r\nEmpty: \r\n\r\n",
    ]);
    expect(seen.summary()).toEqual({ status: 200, body: "ok", trailers: [], failed: undefined });
  });

  test("by node:http: all names as they came, then Connection", async () => {
    const { server, requests } = await answering(ok);
    const seen = new Recorder();
    const headers = [...odd, "eXPECT", "100-continue"];
    destinations().exchange(requestTo(server.origin, { target: "/a?b=%20\xe9&c=[|]", headers }), seen);
    // Nothing is left to send, but the request ends only when it is said to.
    await seen.until(({ heads }) => heads.length === 1);
    expect(requests).toEqual([
      "GET /a?b=%20\xe9&c=[|] HTTP/1.1\r\nHost: calc\r\nx-ODD: 1\r\nX-odd: \xe9\xff\r\nCookie: a=1\r\nCookie: b=2\r\n" +
        "Empty: \r\neXPECT: 100-continue\r\nConnection: keep-alive\r\n\r\n",
    ]);
  });

  test.each([
    ["OPTIONS", "*"],
    ["GET", "http://other.example/a"],
    ["PROPFIND", "/a"],
  ])("%s %s", async (method, target) => {
    const { server, requests } = await answering(ok);
    const seen = new Recorder();
    destinations().exchange(requestTo(server.origin, { method, target }), seen).end([]);
    await seen.end();
    expect(requests[0]?.split("\r\n")[0]).toBe(`${method} ${target} HTTP/1.1`);
  });

  test.each(["GET", "DELETE", "OPTIONS"])("%s with Content-Length: 0 keeps it", async (method) => {
    const { server, requests } = await answering(ok);
    const seen = new Recorder();
    const headers = ["Host", "calc", "Content-Length", "0"];
    destinations().exchange(requestTo(server.origin, { method, headers }), seen).end([]);
    await seen.end();
    expect(requests[0]).toContain("\r\nContent-Length: 0\r\n");
  });

  test.each(ways)("a POST with neither length nor chunks has no body (%s)", async (_, header) => {
    const { server, requests } = await answering(ok);
    const seen = new Recorder();
    const headers = ["Host", "calc", ...header];
    destinations()
      .exchange(requestTo(server.origin, { method: "POST", headers }), seen)
      .end([]);
    await seen.end();
    expect(requests[0]?.toLowerCase()).toContain("\r\ncontent-length: 0\r\n");
    expect(requests[0]?.toLowerCase()).not.toContain("transfer-encoding");
  });
});

test("Trailer goes on where trailers may follow; where Node refuses it, it says nothing", async () => {
  const { server, requests } = await answering(ok, "hello");
  const streamed = new Recorder();
  const headers = ["Host", "calc", "Trailer", "X-Sum", "Content-Length", "5", "Expect", "100-continue"];
  const exchange = destinations().exchange(
    requestTo(server.origin, { method: "PUT", headers, bodyBytes: 5 }),
    streamed,
  );
  exchange.write(Buffer.from("hello"));
  exchange.end([]);
  await streamed.end();
  expect(requests[0]).not.toContain("Trailer");
  const whole = new Recorder();
  destinations().exchange(
    requestTo((await answering(ok)).server.origin, { headers: ["Host", "c", "Trailer", "X"] }),
    whole,
  );
  await whole.end();
  expect(whole.heads[0]?.status).toBe(200);
});

describe("a body", () => {
  const lengthFive = { method: "POST", headers: ["Host", "calc", "Content-Length", "5"], bodyBytes: 5 };
  const chunked = { method: "POST", headers: ["Host", "calc"], bodyBytes: unknownLength };

  test("that is whole goes out with its head", async () => {
    const { server, requests } = await answering(ok, "hello");
    const seen = new Recorder();
    const exchange = destinations().exchange(requestTo(server.origin, lengthFive), seen);
    exchange.write(Buffer.from("hel"));
    exchange.write(Buffer.from("lo"));
    exchange.end([]);
    await seen.end();
    expect(requests[0]).toBe(
      "POST / HTTP/1.1\r\nhost: calc\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello",
    );
    expect([seen.bytesSent, seen.requestSent, seen.late]).toEqual([5, true, 0]);
  });

  test("of a GET goes out too", async () => {
    const { server, requests } = await answering(ok, "hello");
    const seen = new Recorder();
    const exchange = destinations().exchange(requestTo(server.origin, { ...lengthFive, method: "GET" }), seen);
    exchange.write(Buffer.from("hello"));
    exchange.end([]);
    await seen.end();
    expect(requests[0]).toContain("content-length: 5\r\n\r\nhello");
  });

  test("in chunks that is empty ends the request", async () => {
    const { server, requests } = await answering(ok);
    const seen = new Recorder();
    destinations().exchange(requestTo(server.origin, chunked), seen).end([]);
    await seen.end();
    expect(requests[0]).toContain("content-length: 0\r\n\r\n");
  });

  test("that comes late does not keep the head back: the destination may answer before it", async () => {
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
      await connection.until("0\r\n\r\n");
      connection.send("0\r\n\r\n");
    });
    const seen = new Recorder();
    const exchange = destinations().exchange(requestTo(server.origin, chunked), seen);
    await seen.until(({ body }) => body === "ok");
    exchange.write(Buffer.from("late"));
    exchange.end([]);
    await seen.end();
    expect(seen.summary()).toEqual({ status: 200, body: "ok", trailers: [], failed: undefined });
    expect([seen.bytesSent, seen.requestSent]).toEqual([4, true]);
  });

  test.each([
    ["whole", () => Promise.resolve(), "5\r\nhello\r\n"],
    ["in parts", (seen: Recorder) => seen.until(({ bytesSent }) => bytesSent === 3), "3\r\nhel\r\n2\r\nlo\r\n"],
  ])("T1: in chunks that came %s keeps its trailers", async (_, between, chunks) => {
    const trailers = "0\r\nX-Sum: \xe9\r\nx-SUM: 2\r\n\r\n";
    const { server, requests } = await answering(ok, trailers);
    const seen = new Recorder();
    const exchange = destinations().exchange(requestTo(server.origin, chunked), seen);
    exchange.write(Buffer.from("hel"));
    await between(seen);
    exchange.write(Buffer.from("lo"));
    exchange.end(["X-Sum", "\xe9", "x-SUM", "2"]);
    await seen.end();
    const head = "POST / HTTP/1.1\r\nHost: calc\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n";
    expect(requests).toEqual([head + chunks + trailers]);
  });
});

describe("T1: a response arrives as it was sent", () => {
  const head =
    "HTTP/1.1 203 \xc4h ja\r\nset-COOKIE: a=1\r\nSet-Cookie: b=\xe9\r\nX-Odd:\r\nx-odd: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
  const body = "3\r\na\xe9b\r\n0\r\nX-Sum: \xff\r\nx-SUM: 2\r\n\r\n";

  test.each(ways)("head, body and trailers, even byte by byte (%s)", async (way, header) => {
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      for (const byte of head + body)
        await new Promise<void>((sent) => connection.socket.write(byte, "latin1", () => sent()));
    });
    const seen = new Recorder();
    destinations()
      .exchange(requestTo(server.origin, { headers: ["Host", "calc", ...header] }), seen)
      .end([]);
    await seen.end();
    const headers = [
      "set-COOKIE",
      "a=1",
      "Set-Cookie",
      "b=\xe9",
      "X-Odd",
      "",
      "x-odd",
      "2",
      "Transfer-Encoding",
      "chunked",
    ];
    expect(seen.heads.map((seenHead) => [seenHead.status, seenHead.headers])).toEqual([[203, headers]]);
    if (way === "node:http") expect(seen.heads[0]?.reason).toBe("\xc4h ja");
    expect(seen.summary()).toMatchObject({ body: "a\xe9b", trailers: ["X-Sum", "\xff", "x-SUM", "2"] });
  });

  test.each(ways)("T1: a reason phrase in its bytes, UTF-8 or not (%s)", async (_, header) => {
    for (const sent of [Buffer.from("Sch\u00f6n").toString("latin1"), "Sch\xf6n", "\x80\xff"]) {
      const { server } = await answering(`HTTP/1.1 102 ${sent}\r\n\r\nHTTP/1.1 200 ${sent}\r\nX: \xe9\r\n\r\n\xff`);
      const seen = new Recorder();
      const headers = ["Host", "calc", ...header];
      const exchange = destinations().exchange(requestTo(server.origin, { headers }), seen);
      exchange.end([]);
      await seen.until(({ body }) => body !== "");
      expect(seen.heads).toEqual([
        { status: 102, reason: sent, headers: [] },
        { status: 200, reason: sent, headers: ["X", "\xe9"] },
      ]);
      expect(seen.body).toBe("\xff");
      exchange.abort(gone);
    }
  });

  test.each(ways)("all of many headers (%s)", async (_, header) => {
    const { server } = await answering(`HTTP/1.1 204 No Content\r\n${"a: b\r\n".repeat(3_000)}\r\n`);
    const seen = new Recorder();
    const dialler = destinations();
    dialler.exchange(requestTo(server.origin, { headers: ["Host", "calc", ...header] }), seen).end([]);
    await seen.end();
    expect(seen.heads[0]?.headers).toHaveLength(6_000);
  });

  test.each(ways)("interim responses before the final one (%s)", async (_, header) => {
    const interim = "HTTP/1.1 103 Early Hints\r\nLink: a\r\nLINK: b\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
    const { server } = await answering(interim + ok);
    const seen = new Recorder();
    const dialler = destinations();
    dialler.exchange(requestTo(server.origin, { headers: ["Host", "calc", ...header] }), seen).end([]);
    await seen.end();
    expect(seen.heads).toEqual([
      { status: 103, reason: "Early Hints", headers: ["Link", "a", "LINK", "b"] },
      { status: 102, reason: "Processing", headers: [] },
      { status: 200, reason: "OK", headers: ["Content-Length", "2"] },
    ]);
  });

  test("100 Continue to a request that expects it, end to end", async () => {
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send("HTTP/1.1 100 Go on\r\nX-A: \xe9\r\n\r\n");
      await connection.until("hello");
      connection.send(ok);
    });
    const seen = new Recorder();
    const headers = ["Host", "calc", "expect", "100-Continue", "Content-Length", "5"];
    const exchange = destinations().exchange(requestTo(server.origin, { method: "POST", headers, bodyBytes: 5 }), seen);
    await seen.until(({ heads }) => heads.length === 1);
    expect(seen.heads).toEqual([{ status: 100, reason: "Go on", headers: ["X-A", "\xe9"] }]);
    exchange.write(Buffer.from("hello"));
    exchange.end([]);
    await seen.end();
    expect(seen.summary()).toEqual({ status: 200, body: "ok", trailers: [], failed: undefined });
  });

  test.each(ways)("100 Continue that nobody asked for, by itself or with more (%s)", async (_, header) => {
    const early = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send(`HTTP/1.1 100 Go on\r\n\r\n${early}HTTP/1.1 100 Again\r\nX: 1\r\n\r\n${ok}`);
      await connection.until("\r\n\r\n", 2);
      connection.send("HTTP/1.1 100 Go on\r\n\r\n");
      await both;
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 100");
    });
    let release = () => {};
    const both = new Promise<void>((resolve) => {
      release = resolve;
    });
    const dialler = destinations();
    const headers = ["Host", "calc", ...header];
    const first = new Recorder();
    dialler.exchange(requestTo(server.origin, { headers }), first).end([]);
    await first.end();
    // undici takes the connection back in a later turn.
    await new Promise(setImmediate);
    const second = new Recorder();
    dialler.exchange(requestTo(server.origin, { headers }), second).end([]);
    await second.until(({ heads }) => heads.length === 1);
    release();
    await second.end();
    expect(
      [first, second].map(({ heads, body }) => [...heads.map(({ status, reason }) => `${status} ${reason}`), body]),
    ).toEqual([
      ["100 Go on", "103 Early Hints", "100 Again", "200 OK", "ok"],
      ["100 Go on", "200 OK", "HTTP/1.1 100"],
    ]);
    expect(server.connections).toBe(1);
  });

  test.each(ways)("without a length, delimited by the connection's close (%s)", async (_, header) => {
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.end("HTTP/1.0 200 OK\r\n\r\nall of it");
    });
    const seen = new Recorder();
    const headers = ["Host", "calc", ...header];
    destinations().exchange(requestTo(server.origin, { headers }), seen).end([]);
    await seen.end();
    expect(seen.summary()).toEqual({ status: 200, body: "all of it", trailers: [], failed: undefined });
  });

  test.each([
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"],
    ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n"],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n"],
  ])("%s: %j has no body", async (method, answer) => {
    const { server } = await answering(answer);
    const seen = new Recorder();
    destinations().exchange(requestTo(server.origin, { method }), seen).end([]);
    await seen.end();
    expect(seen.summary()).toMatchObject({ body: "", trailers: [], failed: undefined });
  });
});

describe("pause", () => {
  test.each(ways)("stops the response but for one socket buffer; resume goes on (%s)", async (_, header) => {
    const total = 8 * 1024 * 1024;
    let connection: RawConnection | undefined;
    const server = await serveRaw(async (accepted) => {
      connection = accepted;
      await accepted.until("\r\n\r\n");
      accepted.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      for (let sent = 0; sent < total; sent += 65536) accepted.socket.write(Buffer.alloc(65536));
    });
    let received = 0;
    let receivedAtPause = 0;
    const seen = new Recorder();
    seen.onResponseData = (bytes) => {
      received += bytes.length;
      if (receivedAtPause === 0) {
        receivedAtPause = received;
        exchange.pause();
      }
    };
    const exchange = destinations().exchange(requestTo(server.origin, { headers: ["Host", "calc", ...header] }), seen);
    exchange.end([]);
    // Fifty turns of the loop would bring it all, did it not stand still.
    await seen.until(({ heads }) => heads.length === 1);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(received - receivedAtPause).toBeLessThanOrEqual(64 * 1024);
    expect(connection!.socket.writableLength).toBeGreaterThan(0);
    exchange.resume();
    await seen.end();
    expect(received).toBe(total);
  });
});

import { TunnelError } from "@sallyport/proto/error";
import { CallKind } from "@sallyport/proto/frame";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { turns } from "./listen/client.fixture.ts";
import { type Bench, openBench } from "./relay.fixture.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const get = "GET /a?b=c HTTP/1.1\r\nHost: calc:8080\r\n\r\n";

describe("a request", () => {
  test("T1: opens a call with its head as it came, and R1's own forwarding headers", async () => {
    const client = await bench.client();
    const { localPort } = client.socket;
    client.send(
      "POST /Calc/%2e?x=<y> HTTP/1.1\r\nhOST: calc:8080\r\nX-Twice: 1\r\nx-twice: \xe4\xff\r\nContent-Length: 2\r\n\r\nhi",
    );
    const call = await bench.starter.call(1);
    await call.until(() => call.trailers !== undefined);
    expect({ ...call.open, preamble: "" }).toEqual({
      kind: CallKind.exchange,
      protocol: "HTTP",
      alpn: "",
      upgradeProtocol: "",
      id: "call-1",
      listener: "web",
      connection: 1,
      client: `127.0.0.1:${localPort}`,
      local: `127.0.0.1:${bench.port}`,
      deadlineMs: 0,
      tenant: "",
      traceparent: "",
      tracestate: "",
      secure: false,
      serverName: "",
      method: "POST",
      target: "/Calc/%2e?x=<y>",
      httpVersion: "1.1",
      headers: [
        ...["hOST", "calc:8080", "X-Twice", "1", "x-twice", "\xe4\xff", "Content-Length", "2"],
        ...["X-Forwarded-For", "127.0.0.1", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "calc:8080"],
        ...["Forwarded", 'for=127.0.0.1;host="calc:8080";proto=http'],
      ],
      preamble: "",
    });
    expect(call.body).toBe("hi");
    expect(call.trailers).toEqual([]);
  });

  test("without a body is ended in the turn it is opened", async () => {
    let finAtStart: readonly string[] | undefined;
    bench.starter.onCall = (call) => {
      finAtStart = call.trailers;
    };
    (await bench.client()).send(get);
    await bench.starter.call(1);
    expect(finAtStart).toEqual([]);
  });

  test("with Content-Length 0 has no body", async () => {
    let finAtStart: readonly string[] | undefined;
    bench.starter.onCall = (call) => {
      finAtStart = call.trailers;
    };
    (await bench.client()).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    await bench.starter.call(1);
    expect(finAtStart).toEqual([]);
  });

  test("in chunks shows as chunked, and its trailers follow", async () => {
    (await bench.client()).send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n" +
        "2;ext=1\r\nab\r\n1\r\nc\r\n0\r\nX-Sum: \xe4\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    );
    const call = await bench.starter.call(1);
    await call.until(() => call.trailers !== undefined);
    expect(call.open.headers.slice(0, 6)).toEqual(["Host", "a", "Transfer-Encoding", "chunked", "Trailer", "X-Sum"]);
    expect(call.body).toBe("abc");
    expect(call.trailers).toEqual(["X-Sum", "\xe4"]);
  });

  test("GET may have a body", async () => {
    (await bench.client()).send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    const call = await bench.starter.call(1);
    await call.until(() => call.trailers !== undefined);
    expect(call.body).toBe("abc");
  });

  test("is not read before the call has started", async () => {
    bench.starter.mode = "wait";
    const client = await bench.client();
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${8 * 1024 * 1024}\r\n\r\n`);
    await bench.starter.signal.until(() => bench.starter.waiting.length === 1);
    const piece = Buffer.alloc(1024 * 1024, "a");
    for (let sent = 0; sent < 8; sent++) client.socket.write(piece);
    const held = client.socket.writableLength;
    expect(held).toBeGreaterThan(0);
    bench.starter.waiting[0]!.start();
    const call = await bench.starter.call(1);
    await call.until(() => call.trailers !== undefined);
    expect(call.body.length).toBe(8 * 1024 * 1024);
  });

  test("stops when the call takes no more, and goes on when it does", async () => {
    bench.starter.onCall = (call) => {
      call.takes = false;
    };
    const client = await bench.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
    const call = await bench.starter.call(1);
    await call.until(() => call.body === "a");
    client.send("b");
    client.socket.end();
    await turns();
    expect(call.body).toBe("a");
    call.takes = true;
    call.events.onWritable();
    await call.until(() => call.trailers !== undefined);
    expect(call.body).toBe("ab");
  });

  test("an offer to upgrade is left out and not taken up", async () => {
    bench.starter.onCall = (call) => call.answer("ok");
    const client = await bench.client();
    client.send(
      "POST /h2c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
        "HTTP2-Settings: AA\r\nContent-Length: 3\r\n\r\nabc",
    );
    expect((await client.response()).body).toBe("ok");
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.response()).body).toBe("ok");
    const [first, second] = bench.starter.calls;
    expect(first!.open.headers.slice(0, 4)).toEqual(["Host", "a", "Content-Length", "3"]);
    expect(first!.body).toBe("abc");
    expect(second!.open.target).toBe("/next");
  });
});

describe("the access log", () => {
  test("has one entry for each exchange", async () => {
    bench.starter.onCall = (call) => call.answer("four");
    const client = await bench.client();
    client.send("POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    await client.response();
    client.send(get);
    await client.response();
    const same = { listener: "web", connection: 1, client: "127.0.0.1", durationMs: 0, responseBytes: 4, error: "" };
    expect(await bench.done(2)).toEqual([
      { ...same, id: "call-1", method: "POST", target: "/x?y", status: 200, requestBytes: 3 },
      { ...same, id: "call-2", method: "GET", target: "/a?b=c", status: 200, requestBytes: 0 },
    ]);
    expect(bench.clock.timers).toBe(0);
  });

  test("has many entries for one connection, which keeps nothing of them", async () => {
    bench.starter.onCall = (call) => call.answer("");
    const client = await bench.client();
    const listeners: number[][] = [];
    for (let nth = 1; nth <= 5; nth++) {
      client.send(get);
      await client.response();
      await bench.done(nth);
      const { socket } = bench.exchanges[0]!.connection;
      listeners.push(socket.eventNames().map((name) => socket.listenerCount(name)));
    }
    expect(listeners).toEqual(Array.from({ length: 5 }, () => listeners[0]));
  });

  test("counts clients' connections", async () => {
    bench.starter.onCall = (call) => call.answer("");
    for (let nth = 1; nth <= 3; nth++) {
      const client = await bench.client();
      client.send(get);
      await client.response();
    }
    expect((await bench.done(3)).map(({ connection }) => connection)).toEqual([1, 2, 3]);
  });

  test("names the error and status of a call that could not start", async () => {
    bench.starter.mode = new TunnelError("NO_LINK", "no R2 is connected");
    const client = await bench.client();
    client.send(get);
    await client.response();
    expect(await bench.done(1)).toMatchObject([{ status: 503, error: "NO_LINK" }]);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { turns } from "./listen/client.fixture.ts";
import { uploadRestMs } from "./listen/upload.ts";
import { type Bench, openBench } from "./relay.fixture.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";

describe("a client that vanishes", () => {
  test("in its upload, by a reset, cancels the call", async () => {
    const client = await bench.client();
    client.send(`${upload}01234`);
    const call = await bench.starter.call(1);
    await call.until(() => call.body === "01234");
    client.socket.resetAndDestroy();
    await call.until(() => call.resetBy !== undefined);
    expect(call.resetBy?.code).toBe("CANCELLED");
    expect(call.trailers).toBe(undefined);
    expect(await bench.done(1)).toMatchObject([{ status: 0, error: "CANCELLED", requestBytes: 5 }]);
    expect(bench.clock.timers).toBe(0);
  });

  test("in its upload, by closing, cancels the call and gets no answer", async () => {
    const client = await bench.client({ allowHalfOpen: true });
    client.send(`${upload}01234`);
    const call = await bench.starter.call(1);
    client.socket.end();
    await call.until(() => call.resetBy !== undefined);
    expect(call.resetBy?.code).toBe("CANCELLED");
    await client.until(() => client.closed);
    expect(client.received).toBe("");
    expect(await bench.done(1)).toMatchObject([{ status: 0, error: "CANCELLED" }]);
  });

  test("after its request was whole, by a reset, cancels the call: R2 has its grace", async () => {
    const client = await bench.client();
    client.send(`${upload}0123456789`);
    const call = await bench.starter.call(1);
    await call.until(() => call.trailers !== undefined);
    client.socket.resetAndDestroy();
    await call.until(() => call.resetBy !== undefined);
    expect(call.resetBy?.code).toBe("CANCELLED");
    expect(await bench.done(1)).toMatchObject([{ error: "CANCELLED", requestBytes: 10 }]);
  });

  test("in the middle of its answer cancels the call", async () => {
    const client = await bench.client();
    client.send(get);
    const call = await bench.starter.call(1);
    call.sendHead(200);
    call.sendData("part");
    await client.until(() => client.received.includes("part"));
    client.socket.resetAndDestroy();
    await call.until(() => call.resetBy !== undefined);
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "CANCELLED", responseBytes: 4 }]);
  });

  test.each([["by a reset"], ["by closing"]])(
    "while its call waits for a link gives its place back (%s)",
    async (how) => {
      bench.starter.mode = "wait";
      const client = await bench.client();
      client.send(get);
      await bench.starter.signal.until(() => bench.starter.waiting.length === 1);
      if (how === "by a reset") client.socket.resetAndDestroy();
      else client.socket.end();
      await turns();
      bench.clock.advance(5_000);
      await bench.starter.signal.until(() => bench.starter.cancelled === 1);
      expect(await bench.done(1)).toMatchObject([{ status: 0, error: "CANCELLED" }]);
      expect(bench.starter.calls).toEqual([]);
    },
  );

  test("after its answer and in the middle of its upload cancels the call", async () => {
    const client = await bench.client();
    client.send(`${upload}01234`);
    const call = await bench.starter.call(1);
    call.answer("early");
    await client.response();
    client.socket.resetAndDestroy();
    await call.until(() => call.resetBy !== undefined);
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "", responseBytes: 5 }]);
    expect(bench.clock.timers).toBe(0);
  });
});

describe("a client that closed only its sending side", () => {
  test("gets its answer", async () => {
    const client = await bench.client({ allowHalfOpen: true });
    client.socket.end(get);
    const call = await bench.starter.call(1);
    await turns();
    bench.clock.advance(4_999);
    call.answer("late");
    const { headers, body } = await client.response();
    expect([headers, body]).toEqual([["Content-Length", "4", "Connection", "close"], "late"]);
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("");
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "" }]);
    expect(bench.clock.timers).toBe(0);
  });

  test("gets the answers to all it sent before", async () => {
    bench.starter.onCall = (call) => setImmediate(() => call.answer(call.open.target));
    const client = await bench.client({ allowHalfOpen: true });
    client.socket.end(["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    for (const path of ["/1", "/2", "/3"]) expect((await client.response()).body).toBe(path);
    await client.until(() => client.closed);
  });

  test("is taken for gone after five seconds", async () => {
    const client = await bench.client({ allowHalfOpen: true });
    client.socket.end(get);
    const call = await bench.starter.call(1);
    await turns();
    bench.clock.advance(5_000);
    expect(call.resetBy?.code).toBe("CANCELLED");
    await client.until(() => client.closed);
    expect(await bench.done(1)).toMatchObject([{ status: 0, error: "CANCELLED" }]);
  });

  test("is taken for gone after five seconds with its last request too", async () => {
    const client = await bench.client({ allowHalfOpen: true });
    client.socket.end(get + get);
    const first = await bench.starter.call(1);
    await turns();
    first.answer("one");
    expect((await client.response()).body).toBe("one");
    const call = await bench.starter.call(2);
    bench.clock.advance(5_000);
    expect(call.resetBy?.code).toBe("CANCELLED");
    await client.until(() => client.closed);
  });

  test("is there as long as it takes bytes", async () => {
    const client = await bench.client({ allowHalfOpen: true });
    client.socket.end(get);
    const call = await bench.starter.call(1);
    await turns();
    call.sendHead(200);
    for (const part of ["a", "b", "c"]) {
      call.sendData(part);
      await client.until(() => client.received.endsWith(`${part}\r\n`));
      bench.clock.advance(5_000);
      expect(call.resetBy).toBe(undefined);
    }
    call.events.onFin([]);
    expect((await client.response()).body).toBe("abc");
  });
});

describe("a body that stops coming", () => {
  test("is answered 408 after a minute, and the connection closes", async () => {
    const client = await bench.client();
    client.send(`${upload}0`);
    const call = await bench.starter.call(1);
    await call.until(() => call.body === "0");
    bench.clock.advance(59_999);
    client.send("1");
    await call.until(() => call.body === "01");
    bench.clock.advance(59_999);
    expect(call.resetBy).toBe(undefined);
    bench.clock.advance(1);
    expect(call.resetBy?.code).toBe("REQUEST_TIMEOUT");
    const { status, headers, body } = await client.response();
    expect(status).toBe(408);
    expect(headers).toContain("close");
    expect(JSON.parse(body).detail).toBe("no more of the request's body came for 60000 ms");
    // Closed at once, bytes on their way would reset the connection before the answer is read.
    await turns(20);
    expect(client.ended).toBe(false);
    bench.clock.advance(uploadRestMs);
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("");
    expect(await bench.done(1)).toMatchObject([{ status: 408, error: "REQUEST_TIMEOUT", requestBytes: 2 }]);
  });

  test("is the destination's doing while it takes none", async () => {
    bench.starter.onCall = (call) => {
      call.takes = false;
    };
    const client = await bench.client();
    client.send(`${upload}0`);
    const call = await bench.starter.call(1);
    await call.until(() => call.body === "0");
    bench.clock.advance(630_000);
    expect(call.resetBy).toBe(undefined);
    call.takes = true;
    call.events.onWritable();
    bench.clock.advance(59_999);
    expect(call.resetBy).toBe(undefined);
    bench.clock.advance(1);
    expect(call.resetBy?.code).toBe("REQUEST_TIMEOUT");
  });

  test("is not missed before the 100 that the client waits for", async () => {
    const client = await bench.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    const call = await bench.starter.call(1);
    bench.clock.advance(600_000);
    expect(call.resetBy).toBe(undefined);
    call.sendHead(100);
    bench.clock.advance(60_000);
    expect(call.resetBy?.code).toBe("REQUEST_TIMEOUT");
  });
});

import { TunnelError } from "@sallyport/proto/error";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { turns } from "./listen/client.fixture.ts";
import { uploadRestBytesMax, uploadRestMs } from "./listen/upload.ts";
import { type Bench, openBench } from "./relay.fixture.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const KiB = 1024;

describe("split at every byte", () => {
  const request = "POST /p HTTP/1.1\r\nHost: a\r\nX: \xe4\r\nContent-Length: 5\r\n\r\nhe\r\nl";
  const inChunks =
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhe\r\r\n2\r\n\nl\r\n0\r\nX-T: 1\r\n\r\n";

  test.each([
    ["a request", request, []],
    ["a request in chunks", inChunks, ["X-T", "1"]],
  ])("%s arrives the same", async (_, text, trailers) => {
    bench.starter.onCall = (call) => void call.until(() => call.trailers !== undefined).then(() => call.answer("ok"));
    const client = await bench.client();
    for (let at = 1; at < text.length; at++) {
      client.send(text.slice(0, at));
      await turns();
      client.send(text.slice(at));
      expect((await client.response()).body).toBe("ok");
    }
    const expected = { body: "he\r\nl", target: "/p", trailers };
    const seen = bench.starter.calls.map((call) => ({
      body: call.body,
      target: call.open.target,
      trailers: call.trailers,
    }));
    expect(seen).toEqual(Array.from({ length: text.length - 1 }, () => expected));
  });

  test("a request arrives whole when every byte comes by itself", async () => {
    bench.starter.onCall = (call) => void call.until(() => call.trailers !== undefined).then(() => call.answer("ok"));
    const client = await bench.client();
    for (const byte of inChunks) {
      client.send(byte);
      await turns();
    }
    expect((await client.response()).body).toBe("ok");
    expect(bench.starter.calls[0]!.body).toBe("he\r\nl");
  });
});

describe("a slow reader", () => {
  test("gets credit returned only for what left, and all of the body in the end", async () => {
    const pieces = Array.from({ length: 512 }, (_, at) => Buffer.alloc(64 * KiB, String.fromCharCode(97 + (at % 26))));
    const total = 512 * 64 * KiB;
    const client = await bench.client();
    const read: Buffer[] = [];
    client.socket.removeAllListeners("data").on("data", (bytes) => read.push(bytes));
    client.socket.pause();
    client.send("GET / HTTP/1.0\r\n\r\n");
    const call = await bench.starter.call(1);
    call.sendHead(200, ["Content-Length", String(total)]);
    call.stream([...pieces], 256 * KiB, () => call.events.onFin([]));
    await stalled(() => call.consumedBytes);
    expect(call.sentBytes).toBeLessThan(total);
    expect(call.sentBytes - call.consumedBytes).toBeGreaterThan(192 * KiB - 1);
    expect(call.outstandingMax).toBeLessThanOrEqual(256 * KiB);
    client.socket.resume();
    await client.until(() => client.closed);
    expect(Buffer.concat(read).subarray(-total).equals(Buffer.concat(pieces))).toBe(true);
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "", responseBytes: total }]);
  });

  test("of chunks is fed the same way", async () => {
    const pieces = Array.from({ length: 256 }, () => Buffer.alloc(16 * KiB, "x"));
    bench.starter.onCall = (call) => {
      call.sendHead(200);
      call.stream(pieces, 64 * KiB, () => call.events.onFin([]));
    };
    const client = await bench.client();
    client.send(get);
    expect((await client.response()).body.length).toBe(256 * 16 * KiB);
    expect(bench.starter.calls[0]!.outstandingMax).toBeLessThanOrEqual(64 * KiB);
  });
});

describe("an answer that comes before the request is whole", () => {
  const upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";

  test("is passed on; the rest still goes to the destination, and the connection stays", async () => {
    const client = await bench.client();
    client.send(`${upload}01234`);
    const call = await bench.starter.call(1);
    await call.until(() => call.body === "01234");
    call.answer("early");
    expect((await client.response()).body).toBe("early");
    client.send("56789");
    await call.until(() => call.trailers !== undefined);
    expect(call.body).toBe("0123456789");
    expect(call.resetBy).toBe(undefined);
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "", requestBytes: 10 }]);
    bench.starter.onCall = (next) => next.answer("next");
    client.send(get);
    expect((await client.response()).body).toBe("next");
    expect(bench.clock.timers).toBe(0);
  });

  test("and never is: the connection is closed after five seconds", async () => {
    const client = await bench.client();
    client.send(`${upload}01234`);
    const call = await bench.starter.call(1);
    call.answer("early");
    expect((await client.response()).body).toBe("early");
    bench.clock.advance(uploadRestMs - 1);
    expect(call.resetBy).toBe(undefined);
    bench.clock.advance(1);
    expect(call.resetBy?.code).toBe("CANCELLED");
    await client.until(() => client.closed);
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "" }]);
  });

  test("and goes on without end: the connection is closed after a mebibyte", async () => {
    const client = await bench.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const call = await bench.starter.call(1);
    call.answer("early");
    expect((await client.response()).body).toBe("early");
    const piece = Buffer.from(`8000\r\n${"x".repeat(32 * KiB)}\r\n`);
    const feed = () => {
      while (!client.closed && client.socket.write(piece));
    };
    client.socket.on("drain", feed);
    feed();
    await client.until(() => client.closed);
    expect(call.resetBy?.code).toBe("CANCELLED");
    const [entry] = await bench.done(1);
    expect(entry!.requestBytes).toBeGreaterThan(uploadRestBytesMax);
    expect(entry!.requestBytes).toBeLessThan(uploadRestBytesMax + 128 * KiB);
  });

  test("and whose upload the destination no longer takes does not stop the answer", async () => {
    bench.starter.onCall = (call) => {
      call.takes = false;
    };
    const client = await bench.client();
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${4 * KiB * KiB}\r\n\r\n`);
    client.socket.write(Buffer.alloc(4 * KiB * KiB, "x"));
    const call = await bench.starter.call(1);
    await call.until(() => call.body !== "");
    call.answer("early", 413);
    expect(await client.response()).toMatchObject({ status: 413, body: "early" });
    bench.clock.advance(uploadRestMs);
    await client.until(() => client.closed);
    expect(call.resetBy?.code).toBe("CANCELLED");
    await bench.done(1);
  });

  test("may be a stream both ways", async () => {
    const client = await bench.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    const call = await bench.starter.call(1);
    await call.until(() => call.body === "a");
    call.sendHead(200);
    call.sendData("A");
    await client.until(() => client.received.endsWith("1\r\nA\r\n"));
    client.send("1\r\nb\r\n");
    await call.until(() => call.body === "ab");
    call.sendData("B");
    client.send("0\r\n\r\n");
    await call.until(() => call.trailers !== undefined);
    call.events.onFin([]);
    expect((await client.response()).body).toBe("AB");
    expect(call.resetBy).toBe(undefined);
  });

  test("and is a fault: the rest is read for nobody, and the connection stays", async () => {
    bench.starter.mode = new TunnelError("OVERLOADED", "too many calls wait");
    const client = await bench.client();
    client.send(`${upload}01234`);
    expect(await client.response()).toMatchObject({ status: 503 });
    client.send("56789");
    await bench.done(1);
    bench.starter.mode = "start";
    bench.starter.onCall = (call) => call.answer("ok");
    client.send(get);
    expect((await client.response()).body).toBe("ok");
  });
});

/** Resolves when the value has not changed over many turns of the event loop. */
async function stalled(value: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 100; ) {
    await turns();
    same = value() === last ? same + 1 : 0;
    last = value();
  }
}

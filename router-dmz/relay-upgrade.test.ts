import { TunnelError } from "@sallyport/proto/error";
import { CallKind } from "@sallyport/proto/frame";
import { afterEach, describe, expect, test } from "vitest";
import { turns } from "./listen/client.fixture.ts";
import { type Bench, openBench, upgradeIdleMs } from "./relay.fixture.ts";

let bench: Bench;
afterEach(() => bench.close());

const asks =
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
const switched = ["Upgrade", "websocket", "Sec-WebSocket-Accept", "x"];

async function ask(text = asks) {
  const client = await bench.client({ allowHalfOpen: true });
  client.send(text);
  return { client, call: await bench.starter.call(bench.starter.calls.length + 1) };
}

describe("a request to switch protocols", () => {
  test("is an UPGRADE that holds its direction back until the answer", async () => {
    bench = await openBench();
    const { client, call } = await ask(`${asks}early`);
    await turns();
    expect(call.open).toMatchObject({
      kind: CallKind.upgrade,
      method: "GET",
      target: "/chat",
      upgradeProtocol: "websocket",
    });
    expect([call.body, call.trailers]).toEqual(["", undefined]);
    call.sendHead(101, switched, "Switching Protocols");
    call.sendData("hello");
    await call.until(({ body }) => body === "early");
    await client.until(() => client.received.endsWith("hello"));
    expect(client.received).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello",
    );
    client.socket.end();
    await call.until(({ trailers }) => trailers !== undefined);
    call.events.onFin([]);
    expect(await bench.done(1)).toMatchObject([
      { method: "GET", target: "/chat", status: 101, error: "", requestBytes: 5, responseBytes: 5 },
    ]);
    expect([call.consumedBytes, call.resetBy]).toEqual([5, undefined]);
  });

  test("that the destination refuses gets its answer, and a closed connection", async () => {
    bench = await openBench();
    const { client, call } = await ask();
    call.answer("no", 426);
    const response = await client.response();
    expect([response.status, response.body]).toEqual([426, "no"]);
    await client.until(() => client.ended);
    expect(await bench.done(1)).toMatchObject([{ status: 426, error: "", responseBytes: 2 }]);
    expect(call.trailers).toEqual([]);
  });

  test("that fails before the answer gets a fault", async () => {
    bench = await openBench();
    const { client, call } = await ask();
    call.events.onReset(new TunnelError("NO_ROUTE", "for a test"));
    const response = await client.response();
    expect([response.status, JSON.parse(response.body).code]).toEqual([404, "NO_ROUTE"]);
    expect(await bench.done(1)).toMatchObject([{ status: 404, error: "NO_ROUTE" }]);
  });

  test("that fails after the switch is reset", async () => {
    bench = await openBench();
    const { client, call } = await ask();
    call.sendHead(101, switched);
    call.events.onReset(new TunnelError("LINK_LOST", "for a test"));
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    expect(await bench.done(1)).toMatchObject([{ status: 101, error: "LINK_LOST" }]);
  });

  test("whose client goes before the answer is cancelled", async () => {
    bench = await openBench();
    const { client, call } = await ask();
    client.socket.destroy();
    await call.until(({ resetBy }) => resetBy?.code === "CANCELLED");
    expect(await bench.done(1)).toMatchObject([{ status: 0, error: "CANCELLED" }]);
  });

  test("whose 101 names no protocol, or has bytes that HTTP does not allow, gets a fault", async () => {
    bench = await openBench();
    for (const headers of [[], ["Upgrade", "a\r\nb"]]) {
      const { client, call } = await ask();
      call.sendHead(101, headers);
      expect((await client.response()).status).toBe(502);
      expect(call.resetBy?.code).toBe("DESTINATION_FAILED");
    }
  });

  test("M2: over a quota gets 429, and counts until its bytes have ended", async () => {
    bench = await openBench({}, { callsPerClientMax: 1 });
    const { client, call } = await ask();
    call.sendHead(101, switched);
    const second = await bench.client();
    second.send(asks);
    expect((await second.response()).status).toBe(429);
    client.socket.end();
    call.events.onFin([]);
    await bench.done(2);
    await ask();
  });

  test("is reset when it is silent for too long after the switch", async () => {
    bench = await openBench();
    const { client, call } = await ask();
    call.sendHead(101, switched);
    bench.clock.advance(upgradeIdleMs);
    await client.until(() => client.closed);
    expect([client.errorCode, call.resetBy?.code]).toEqual(["ECONNRESET", "REQUEST_TIMEOUT"]);
  });

  test("behind an unanswered request breaks the connection off", async () => {
    bench = await openBench();
    const client = await bench.client();
    client.send(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${asks}`);
    await client.until(() => client.closed);
    expect(bench.refusals).toMatchObject([{ status: 0 }]);
  });

  test("M5: is left to finish by a drain, and reset at its end", async () => {
    bench = await openBench();
    const { client, call } = await ask();
    call.sendHead(101, switched);
    bench.listener.drain();
    client.send("goes on");
    await call.until(({ body }) => body === "goes on");
    await bench.listener.close();
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
  });
});

describe("is carried as a plain request:", () => {
  const head = "Host: a\r\nConnection: Upgrade\r\n";
  test.each([
    ["an offer of HTTP/2", `GET / HTTP/1.1\r\n${head}Upgrade: h2c\r\n\r\n`, ""],
    ["a request with a body", `POST / HTTP/1.1\r\n${head}Upgrade: tcp\r\nContent-Length: 2\r\n\r\n{}`, "{}"],
    ["HTTP/1.0", `GET / HTTP/1.0\r\n${head}Upgrade: websocket\r\n\r\n`, ""],
  ])("%s", async (_, text, body) => {
    bench = await openBench();
    const { client, call } = await ask(text);
    expect([call.open.kind, call.open.upgradeProtocol]).toEqual([CallKind.exchange, ""]);
    await call.until(({ trailers }) => trailers !== undefined);
    expect(call.body).toBe(body);
    call.answer("ok");
    expect((await client.response()).status).toBe(200);
  });
});

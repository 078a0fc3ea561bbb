import { afterEach, describe, expect, test } from "vitest";
import { turns } from "./listen/client.fixture.ts";
import { type Bench, openBench } from "./relay.fixture.ts";

let bench: Bench;
afterEach(() => bench.close());

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("M2: over a quota", () => {
  test("of the client: 429 with Retry-After, and served again when its call has ended", async () => {
    bench = await openBench({}, { callsPerClientMax: 1 });
    const [first, second] = [await bench.client(), await bench.client()];
    first.send(get);
    const call = await bench.starter.call(1);
    second.send(get);
    const refused = await second.response();
    expect([refused.status, JSON.parse(refused.body).code]).toEqual([429, "QUOTA_EXCEEDED"]);
    expect(refused.headers).toContain("Retry-After");
    call.answer("ok");
    await bench.done(2);
    second.send(get);
    (await bench.starter.call(2)).answer("ok");
    expect((await second.response()).status).toBe(200);
    expect(bench.entries.map(({ status, error }) => [status, error])).toContainEqual([429, "QUOTA_EXCEEDED"]);
  });

  test("of the tunnel: 503, and no call is started", async () => {
    bench = await openBench({}, { callsMax: 1 });
    const [first, second] = [await bench.client(), await bench.client()];
    first.send(get);
    await bench.starter.call(1);
    second.send(get);
    const refused = await second.response();
    expect([refused.status, JSON.parse(refused.body).code, bench.starter.calls.length]).toEqual([503, "OVERLOADED", 1]);
  });
});

describe("M2: a client that takes nothing of its answer", () => {
  async function startDownload() {
    const client = await bench.client();
    client.socket.pause();
    client.send(get);
    const call = await bench.starter.call(1);
    call.sendHead(200, ["Content-Length", "1000000000"]);
    const piece = Buffer.alloc(64 * 1024, "x");
    call.stream(
      Array.from({ length: 1024 }, () => piece),
      256 * 1024,
      () => {},
    );
    return { client, call };
  }

  test("is broken off after the send timeout", async () => {
    bench = await openBench({ sendTimeoutMs: 60_000 });
    const { call } = await startDownload();
    await settled(() => call.consumedBytes);
    bench.clock.advance(59_999);
    expect(call.resetBy).toBe(undefined);
    bench.clock.advance(1);
    await call.until(() => call.resetBy !== undefined);
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "CANCELLED" }]);
    expect(bench.clock.timers).toBe(0);
  });

  test("and takes a little now and then is left alone", async () => {
    bench = await openBench({ sendTimeoutMs: 60_000 });
    const { client, call } = await startDownload();
    for (let minute = 0; minute < 5; minute++) {
      await settled(() => call.consumedBytes);
      client.socket.resume();
      const before = call.consumedBytes;
      await call.until(() => call.consumedBytes > before + 1_000_000);
      client.socket.pause();
      bench.clock.advance(50_000);
    }
    expect(call.resetBy).toBe(undefined);
  });
});

/** Waits until a count stands still. */
async function settled(count: () => number): Promise<void> {
  for (let last = -1; last !== count(); ) {
    last = count();
    await turns(200);
  }
}

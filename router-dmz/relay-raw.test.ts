import { connect } from "node:net";
import { TunnelError } from "@sallyport/proto/error";
import { CallKind, emptyOpen } from "@sallyport/proto/frame";

import { afterEach, describe, expect, test } from "vitest";
import type { AccessEntry } from "./access-entry.ts";
import { RawClient, Signal, turns } from "./listen/client.fixture.ts";
import type { ClientListener } from "./listen/listener.ts";
import { type QuotaLimits, Quotas } from "./quota.ts";
import { createRawListener } from "./raw-listener.ts";
import { FakeClock, FakeStarter } from "./relay.fixture.ts";
import { deliveryMs } from "./relay-raw.ts";

let bench: Awaited<ReturnType<typeof openBench>>;
afterEach(() => bench.close());

describe("a TCP connection", () => {
  test("begins its call at once, with all that is known of it", async () => {
    bench = await openBench();
    const client = await bench.client();
    const { open } = await bench.starter.call(1);
    const { port } = client.socket.address() as { port: number };
    expect(open).toEqual({
      ...emptyOpen,
      ...{ kind: CallKind.raw, id: "call-1", listener: "db", protocol: "TCP", connection: 1 },
      ...{ client: `127.0.0.1:${port}`, local: `127.0.0.1:${bench.port}` },
    });
  });

  test("carries bytes both ways, and each end for itself", async () => {
    bench = await openBench();
    const client = await bench.client();
    client.send("question");
    const call = await bench.starter.call(1);
    await call.until(({ body }) => body === "question");
    call.sendData("first ");
    client.socket.end();
    await call.until(({ trailers }) => trailers !== undefined);
    call.sendData("second");
    await client.until(() => client.received === "first second");
    expect(client.ended).toBe(false);
    call.events.onFin([]);
    await client.until(() => client.closed);
    expect(await bench.done(1)).toMatchObject([
      { id: "call-1", listener: "db", client: "127.0.0.1", error: "", status: 0, requestBytes: 8, responseBytes: 12 },
    ]);
    expect(call.resetBy).toBe(undefined);
  });

  test("does not end its call when the destination ends first", async () => {
    bench = await openBench();
    const client = await bench.client();
    const call = await bench.starter.call(1);
    call.events.onFin([]);
    await client.until(() => client.ended);
    client.send("still here");
    await call.until(({ body }) => body === "still here");
    client.socket.end();
    await bench.done(1);
    expect([call.resetBy, bench.entries[0]?.error]).toEqual([undefined, ""]);
  });

  test("M3: is not read while its call takes nothing, and read again when it does", async () => {
    bench = await openBench();
    const client = await bench.client();
    const call = await bench.starter.call(1);
    call.takes = false;
    client.send("a");
    await call.until(({ body }) => body === "a");
    client.send("b");
    await turns(10);
    expect(call.body).toBe("a");
    call.takes = true;
    call.events.onWritable();
    await call.until(({ body }) => body === "ab");
  });

  test("M3: returns credit only for what the client took", async () => {
    bench = await openBench();
    const client = await bench.client();
    const call = await bench.starter.call(1);
    client.socket.pause();
    const piece = Buffer.alloc(64 * 1024, "x");
    call.stream(
      Array.from({ length: 512 }, () => piece),
      256 * 1024,
      () => call.events.onFin([]),
    );
    await turns(20);
    expect(call.outstandingMax).toBeLessThanOrEqual(256 * 1024);
    expect(call.consumedBytes).toBeLessThan(512 * piece.length);
    client.socket.resume();
    await client.until(() => client.received.length === 512 * piece.length && client.ended);
  });

  test("has its last bytes delivered when it is gone, for 30 s at most", async () => {
    bench = await openBench();
    const client = await bench.client();
    const call = await bench.starter.call(1);
    call.events.onFin([]);
    call.takes = false;
    client.socket.end("last");
    await call.signal.until(() => call.body === "last");
    call.events.onWritable();
    await bench.done(1);
    expect([call.body, call.trailers, call.resetBy]).toEqual(["last", [], undefined]);
    bench.clock.advance(deliveryMs - 1);
    expect(call.resetBy).toBe(undefined);
    bench.clock.advance(1);
    expect(call.resetBy?.code).toBe("CANCELLED");
  });

  test("that has closed and lacked no credit leaves nothing behind", async () => {
    bench = await openBench();
    const client = await bench.client();
    const call = await bench.starter.call(1);
    call.events.onFin([]);
    client.socket.end("last");
    await bench.done(1);
    bench.clock.advance(deliveryMs);
    expect([call.body, call.trailers, call.resetBy]).toEqual(["last", [], undefined]);
  });

  test.each(["NO_ROUTE", "DESTINATION_UNREACHABLE", "LINK_LOST"] as const)("sees %s as a reset", async (code) => {
    bench = await openBench();
    const client = await bench.client();
    const call = await bench.starter.call(1);
    call.events.onReset(new TunnelError(code, "for a test"));
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    expect(await bench.done(1)).toMatchObject([{ error: code }]);
  });

  test("that breaks off resets its call", async () => {
    bench = await openBench();
    const client = await bench.client();
    const call = await bench.starter.call(1);
    client.socket.resetAndDestroy();
    await call.until(({ resetBy }) => resetBy?.code === "CANCELLED");
    expect(await bench.done(1)).toMatchObject([{ error: "CANCELLED" }]);
  });

  test("T8: that finds no link in time is reset", async () => {
    bench = await openBench();
    bench.starter.mode = new TunnelError("NO_LINK", "for a test");
    expect(await bench.resetClient()).toBe("ECONNRESET");
    expect((await bench.done(1))[0]?.error).toBe("NO_LINK");
  });

  test("M2: over a quota is reset, and counts no more once it is gone", async () => {
    bench = await openBench({ quotas: { callsPerClientMax: 1 } });
    const first = await bench.client();
    const call = await bench.starter.call(1);
    expect(await bench.resetClient()).toBe("ECONNRESET");
    expect((await bench.done(1))[0]?.error).toBe("QUOTA_EXCEEDED");
    first.socket.end();
    call.events.onFin([]);
    await bench.done(2);
    expect(bench.quotas.calls).toBe(0);
    await bench.client();
    await bench.starter.call(2);
  });
});

describe("a silent connection", () => {
  test("is reset after the idle time, counted from its last byte", async () => {
    bench = await openBench({ idleTimeoutMs: 60_000 });
    const client = await bench.client();
    const call = await bench.starter.call(1);
    bench.clock.advance(59_999);
    client.send("x");
    await call.until(({ body }) => body === "x");
    bench.clock.advance(59_999);
    expect(call.resetBy).toBe(undefined);
    bench.clock.advance(1);
    expect(call.resetBy?.code).toBe("REQUEST_TIMEOUT");
    await client.until(() => client.errorCode === "ECONNRESET");
    await bench.done(1);
    expect(bench.clock.timers).toBe(0);
  });

  test("lives for ever where the idle time is 0", async () => {
    bench = await openBench({ idleTimeoutMs: 0 });
    await bench.client();
    const call = await bench.starter.call(1);
    bench.clock.advance(10 * 86_400_000);
    expect(call.resetBy).toBe(undefined);
  });
});

describe("what tells where a connection belongs", () => {
  const header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";

  test("from a trusted address is its PROXY header, byte by byte", async () => {
    bench = await openBench({ proxyProtocol: { trustedAddresses: ["127.0.0.0/8"] } });
    const client = await bench.client();
    for (const byte of `${header}x`) {
      client.send(byte);
      await turns(1);
    }
    const call = await bench.starter.call(1);
    expect([call.open.client, call.open.local]).toEqual(["192.0.2.7:4711", "198.51.100.1:443"]);
    await call.until(({ body }) => body === "x");
    expect(bench.clock.timers).toBe(1);
  });

  test("from any other address is its own, and a PROXY header is the client's bytes", async () => {
    bench = await openBench({ proxyProtocol: { trustedAddresses: ["192.0.2.0/24"] } });
    const client = await bench.client();
    client.send(header);
    const call = await bench.starter.call(1);
    await call.until(({ body }) => body === header);
    expect(call.open.client).toMatch(/^127\.0\.0\.1:/);
  });

  test("must come in time", async () => {
    bench = await openBench({ proxyProtocol: { trustedAddresses: ["127.0.0.1"] } });
    const client = await bench.client();
    client.send("PROXY ");
    await bench.accepted(1);
    bench.clock.advance(9_999);
    await turns();
    expect(client.closed).toBe(false);
    bench.clock.advance(1);
    await client.until(() => client.closed);
    expect(bench.refusals).toMatchObject([{ detail: "the connection's start did not come whole within 10000 ms" }]);
    expect(bench.listener.stats).toMatchObject({ refused: 1, exchanges: 0 });
  });

  test("is told of when it is wrong, and nothing goes on", async () => {
    bench = await openBench({ protocol: "TLS" });
    const client = await bench.client();
    client.send("GET / HTTP/1.1\r\n\r\n");
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    expect(bench.refusals).toMatchObject([{ connection: 1, detail: "the connection's start is not TLS" }]);
    expect(bench.starter.calls).toEqual([]);
  });

  test("may be missing: a load balancer's check leaves no trace", async () => {
    bench = await openBench({ protocol: "TLS" });
    const client = await bench.client();
    client.socket.end();
    await client.until(() => client.closed);
    expect([client.errorCode, bench.refusals]).toEqual(["", []]);
  });
});

test("M2: connections over the limit are not taken", async () => {
  bench = await openBench({ connectionsMax: 1 });
  await bench.client();
  await bench.starter.call(1);
  const second = await bench.client();
  await second.until(() => second.ended || second.closed);
  expect(bench.listener.stats).toEqual({ connections: 1, exchanges: 1, refused: 0, dropped: 1 });
});

test("M5: a listener that finishes takes no connection and waits for those it has", async () => {
  bench = await openBench();
  const client = await bench.client();
  const call = await bench.starter.call(1);
  let isFinished = false;
  const finished = bench.listener.finish().then(() => (isFinished = true));
  await expect(bench.client()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  client.send("goes on");
  await call.until(({ body }) => body === "goes on");
  expect(isFinished).toBe(false);
  client.socket.end();
  call.events.onFin([]);
  await finished;
});

interface BenchOptions {
  readonly protocol?: "TCP" | "TLS";
  readonly proxyProtocol?: { trustedAddresses: string[] };
  readonly idleTimeoutMs?: number;
  readonly connectionsMax?: number;
  readonly quotas?: Partial<QuotaLimits>;
}

async function openBench({ protocol = "TCP", proxyProtocol, quotas, ...given }: BenchOptions = {}) {
  const tcp = { idleTimeoutMs: 3_600_000, preambleTimeoutMs: 10_000, connectionsMax: 100, ...given };
  const [clock, starter, signal] = [new FakeClock(), new FakeStarter(), new Signal()];
  const entries: AccessEntry[] = [];
  const refusals: object[] = [];
  const clients: RawClient[] = [];
  const counted = new Quotas({ callsMax: 0, callsPerClientMax: 0, callsPerSecondPerClient: 0, ...quotas }, clock);
  let [connections, calls] = [0, 0];
  const listener: ClientListener = createRawListener({
    listener: { name: "db", address: "127.0.0.1", port: 0, protocol, proxyProtocol },
    ...{ tcp, clock, onBegin: () => {} },
    nextConnection: () => {
      connections++;
      signal.notify();
      return connections;
    },
    log: { info: (refusal: object) => refusals.push(refusal) },
    deps: {
      ...{ starter, clock, quotas: counted, idleTimeoutMs: tcp.idleTimeoutMs, nextId: () => `call-${++calls}` },
      onDone: (entry) => {
        entries.push(entry);
        signal.notify();
      },
    },
  });
  const { port } = await listener.listen();
  return {
    ...{ listener, port, clock, starter, entries, refusals, quotas: counted },
    done: (count: number) => signal.until(() => entries.length >= count).then(() => entries),
    accepted: (count: number) => signal.until(() => connections >= count),
    async client() {
      const client = await RawClient.connect(port, { allowHalfOpen: true });
      clients.push(client);
      return client;
    },
    /** The error's code of a client that is reset, perhaps before it knows that it is connected. */
    resetClient: () =>
      new Promise((resolve) => {
        connect(port, "127.0.0.1").once("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
      }),
    async close() {
      for (const client of clients) client.socket.destroy();
      await listener.close();
    },
  };
}

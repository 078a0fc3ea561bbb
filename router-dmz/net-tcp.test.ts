import { TunnelError } from "@sallyport/proto/error";
import { CallKind, emptyOpen } from "@sallyport/proto/frame";
import { faultRecord, framingFaults } from "@sallyport/proto/net-tcp/framing-fault";
import { ack, end, envelope, preamble } from "@sallyport/proto/net-tcp/testing/records";
import { afterEach, describe, expect, test } from "vitest";
import type { AccessEntry } from "./access-entry.ts";
import { RawClient, Signal, turns } from "./listen/client.fixture.ts";
import { farewellMs } from "./listen/farewell.ts";
import { partingMs } from "./listen/net-tcp.ts";
import { Quotas } from "./quota.ts";
import { createRawListener } from "./raw-listener.ts";
import { FakeClock, FakeStarter } from "./relay.fixture.ts";

let bench: Awaited<ReturnType<typeof openBench>>;
afterEach(() => bench.close());

const text = (...bytes: Buffer[]) => Buffer.concat(bytes).toString("latin1");
const first = preamble();
const other = preamble({ via: "net.tcp://other/x?secret=1" });

describe("a net.tcp session", () => {
  test("T5: is a call with its preamble as it was read, and what came behind it", async () => {
    bench = await openBench();
    const client = await bench.client();
    for (const byte of text(first, envelope("x"))) client.send(byte);
    const call = await bench.starter.call(1);
    await call.until(({ body }) => body === text(envelope("x")));
    const { port } = client.socket.address() as { port: number };
    expect(call.open).toEqual({
      ...emptyOpen,
      ...{ kind: CallKind.raw, id: "call-1", listener: "wcf", protocol: "NetTCP", connection: 1, preamble: first },
      ...{ client: `127.0.0.1:${port}`, local: `127.0.0.1:${bench.port}` },
    });
  });

  test("T5: that both sides have ended makes way for the next one on the connection", async () => {
    bench = await openBench();
    const client = await bench.client();
    client.send(text(first, envelope("x"), end, other, envelope("y")));
    const call = await bench.starter.call(1);
    await call.until(({ body }) => body === text(envelope("x"), end));
    await turns(5);
    expect([bench.starter.calls.length, call.trailers]).toEqual([1, undefined]);
    call.sendData(text(ack, end));
    const next = await bench.starter.call(2);
    await next.until(({ body }) => body === text(envelope("y")));
    expect([call.trailers, next.open.preamble, next.open.connection]).toEqual([[], other, 1]);
    await client.until(() => client.received === text(ack, end));
    call.sendData("too late");
    call.events.onFin([]);
    next.sendData(text(ack));
    await client.until(() => client.received === text(ack, end, ack));
    expect(await bench.done(1)).toMatchObject([
      { id: "call-1", error: "", target: "net.tcp://calc.example:808/calc", requestBytes: first.length + 4 },
    ]);
    expect(call.resetBy).toBe(undefined);
  });

  test("M5: whose destination does not close its connection is let go after a while, the client's stays", async () => {
    bench = await openBench();
    const client = await bench.client();
    client.send(text(first, end));
    const call = await bench.starter.call(1);
    call.sendData(text(ack, end));
    await call.until(({ trailers }) => trailers !== undefined);
    bench.clock.advance(partingMs);
    expect(call.resetBy?.code).toBe("CANCELLED");
    client.send(text(other));
    await bench.starter.call(2);
    expect(client.closed).toBe(false);
  });

  test.each([
    ["T2: that is upgraded", preamble({ upgrade: "application/ssl-tls" }), Buffer.from([0x0a])],
    ["whose destination speaks no records", first, Buffer.from("?")],
  ])("%s keeps the connection, whatever its bytes are", async (_, sent, answer) => {
    bench = await openBench();
    const client = await bench.client();
    client.send(text(sent));
    const call = await bench.starter.call(1);
    call.sendData(text(answer, end));
    await client.until(() => client.received === text(answer, end));
    client.send(text(end, other));
    await call.until(({ body }) => body === text(end, other));
    client.socket.end();
    await call.until(({ trailers }) => trailers !== undefined);
    expect(bench.starter.calls.length).toBe(1);
  });
});

describe("an error of the tunnel", () => {
  test.each([
    ["NO_ROUTE", framingFaults.endpointNotFound],
    ["OVERLOADED", framingFaults.serverTooBusy],
    ["BAD_REQUEST", "for a test"],
  ] as const)("%s is a fault where the client waits for its first answer", async (code, fault) => {
    bench = await openBench();
    const client = await bench.client();
    client.send(text(first, Buffer.from("and more")));
    const call = await bench.starter.call(1);
    call.events.onReset(new TunnelError(code, "for a test"));
    await client.until(() => client.ended);
    client.socket.end();
    await client.until(() => client.closed);
    expect([client.received, client.errorCode]).toEqual([text(faultRecord(fault)), ""]);
    expect(await bench.done(1)).toMatchObject([{ error: code }]);
    expect(bench.clock.timers).toBe(0);
  });

  test("is a reset after that", async () => {
    bench = await openBench();
    const client = await bench.client();
    client.send(text(first));
    const call = await bench.starter.call(1);
    call.sendData(text(ack));
    await client.until(() => client.received === text(ack));
    call.events.onReset(new TunnelError("LINK_LOST", "for a test"));
    await client.until(() => client.closed);
    expect([client.received, client.errorCode]).toEqual([text(ack), "ECONNRESET"]);
  });

  test("is broken off where the client does not close", async () => {
    bench = await openBench();
    const client = await bench.client();
    client.send(text(first));
    const call = await bench.starter.call(1);
    call.events.onReset(new TunnelError("NO_ROUTE", "for a test"));
    await client.until(() => client.ended);
    bench.clock.advance(farewellMs);
    await bench.done(1);
    expect(bench.listener.stats.connections).toBe(0);
  });
});

describe("a preamble", () => {
  test("that does not come whole in time is broken off, however it trickles", async () => {
    bench = await openBench();
    const [silent, slow] = [await bench.client(), await bench.client()];
    slow.send(text(first.subarray(0, 20)));
    await bench.accepted(2);
    bench.clock.advance(9_999);
    slow.send("x");
    await turns();
    expect([silent.closed, slow.closed]).toEqual([false, false]);
    bench.clock.advance(1);
    await Promise.all([silent.until(() => silent.closed), slow.until(() => slow.closed)]);
    const detail = "the connection's start did not come whole within 10000 ms";
    expect(bench.refusals).toMatchObject([{ detail }, { detail }]);
  });

  test("that is none gets a fault where there is one, and nothing goes on", async () => {
    bench = await openBench();
    const client = await bench.client();
    client.send(text(Buffer.from([0, 1, 0, 1, 2, 2, 0xff, 0xff, 3])) + "v".repeat(60_000));
    await client.until(() => client.ended);
    client.socket.end();
    await client.until(() => client.closed);
    expect(client.received).toBe(text(faultRecord(framingFaults.viaTooLong)));
    const why = "the net.tcp initiator has a via of 65535 bytes, over 2048";
    expect(bench.refusals).toMatchObject([{ detail: `the connection's start is no net.tcp preamble: ${why}` }]);
    expect(bench.starter.calls).toEqual([]);
  });
});

describe("a connection between two sessions", () => {
  async function between(): Promise<RawClient> {
    bench = await openBench();
    const client = await bench.client();
    client.send(text(first, end));
    const call = await bench.starter.call(1);
    call.sendData(text(ack, end));
    await client.until(() => client.received === text(ack, end));
    call.events.onFin([]);
    await bench.done(1);
    return client;
  }

  test("is closed after the idle time", async () => {
    const client = await between();
    bench.clock.advance(3_599_999);
    await turns();
    expect(client.closed).toBe(false);
    bench.clock.advance(1);
    await client.until(() => client.ended);
    expect(bench.refusals).toEqual([]);
  });

  test("has 10 s for a preamble that has begun", async () => {
    const client = await between();
    client.send("\0");
    await turns();
    bench.clock.advance(10_000);
    await client.until(() => client.closed);
    expect(bench.refusals.length).toBe(1);
  });

  test("is closed when the listener drains, one with a session when that is over", async () => {
    const client = await between();
    const busy = await bench.client();
    busy.send(text(first, end));
    const call = await bench.starter.call(2);
    bench.listener.announceDrain();
    await client.until(() => client.ended);
    expect(busy.ended).toBe(false);
    call.sendData(text(ack, end));
    await busy.until(() => busy.ended);
    expect(busy.received).toBe(text(ack, end));
  });

  test("that the client closes is closed", async () => {
    const client = await between();
    client.socket.end();
    await client.until(() => client.closed);
    expect([client.errorCode, bench.refusals]).toEqual(["", []]);
  });
});

async function openBench() {
  const tcp = { idleTimeoutMs: 3_600_000, preambleTimeoutMs: 10_000, connectionsMax: 100 };
  const [clock, starter, signal] = [new FakeClock(), new FakeStarter(), new Signal()];
  const entries: AccessEntry[] = [];
  const refusals: object[] = [];
  const clients: RawClient[] = [];
  const quotas = new Quotas({ callsMax: 0, callsPerClientMax: 0, callsPerSecondPerClient: 0 }, clock);
  let [connections, calls] = [0, 0];
  const listener = createRawListener({
    listener: { name: "wcf", address: "127.0.0.1", port: 0, protocol: "NetTCP" },
    ...{ tcp, clock, onBegin: () => {} },
    nextConnection: () => {
      connections++;
      signal.notify();
      return connections;
    },
    log: { info: (refusal: object) => refusals.push(refusal) },
    deps: {
      ...{ starter, clock, quotas, idleTimeoutMs: tcp.idleTimeoutMs, nextId: () => `call-${++calls}` },
      onDone: (entry) => {
        entries.push(entry);
        signal.notify();
      },
    },
  });
  const { port } = await listener.listen();
  return {
    ...{ listener, port, clock, starter, entries, refusals },
    done: (count: number) => signal.until(() => entries.length >= count).then(() => entries),
    accepted: (count: number) => signal.until(() => connections >= count),
    async client() {
      const client = await RawClient.connect(port, { allowHalfOpen: true });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.socket.destroy();
      await listener.close();
    },
  };
}

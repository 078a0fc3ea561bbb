import v8 from "node:v8";
import vm from "node:vm";
import { BatchWriter } from "@sallyport/proto/batch-writer";
import { ErrorCode, TunnelError } from "@sallyport/proto/error";
import { CallKind, emptyOpen } from "@sallyport/proto/frame";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { responseReserveBytes } from "./link.ts";
import { heartbeatMs, hello, limits, linkPair, openPair, Recorder, settle } from "./testing/link-pair.ts";

const ok = { status: 200, reason: "OK", headers: [] };

describe("handshake", () => {
  it("opens both sides once hello and welcome have crossed", async () => {
    const { dmzStates, intranetStates, dmz } = await openPair();
    expect([dmzStates, intranetStates, dmz.linkId]).toEqual([["open"], ["open"], "link-1"]);
  });

  it("closes a link that its owner does not admit", async () => {
    const refuse = new TunnelError("PROTOCOL", "meant for another R1");
    const { dmzStates, intranetStates } = linkPair({ refuse });
    await settle();
    expect([dmzStates, intranetStates]).toEqual([["closed PROTOCOL"], ["closed LINK_LOST"]]);
  });

  it("gives up after three seconds", () => {
    const { clock, dmzStates, intranetStates } = linkPair({ flowing: false });
    clock.advance(2_999);
    expect(dmzStates).toEqual([]);
    clock.advance(1);
    expect([dmzStates, intranetStates]).toEqual([["closed LINK_LOST"], ["closed LINK_LOST"]]);
  });

  it("takes no call's frame before it is over", async () => {
    const { dmzTransport, dmzStates } = linkPair({ flowing: false });
    const writer = new BatchWriter();
    writer.credit(1, 10);
    dmzTransport.events?.onBatch(writer.finish());
    await settle();
    expect(dmzStates).toEqual(["closed PROTOCOL"]);
  });

  it("takes the smaller number of calls of both sides", async () => {
    const { dmz } = await openPair({ intranetLimits: { callsPerLink: 2 } });
    const results = [1, 2, 3].map((n) => dmz.openCall({ ...emptyOpen, id: `${n}` }, new Recorder()));
    expect(results.map((result) => typeof result)).toEqual(["object", "object", "string"]);
    expect(results[2]).toBe("full");
  });
});

describe("a call", () => {
  it("carries an exchange with interim heads and trailers both ways", async () => {
    const { open, accepted } = await openPair();
    const client = open("a");
    client.call?.data(Buffer.from("hello"));
    client.call?.fin(["X-Sum", "1"]);
    await settle();
    const { call, events } = accepted[0]!;
    call.head({ status: 103, reason: "Early Hints", headers: ["Link", "</a>"] });
    call.head(ok);
    call.data(Buffer.from("world!"));
    call.fin(["X-End", "2"]);
    await settle();
    expect(events.events).toEqual(["data 5", "fin X-Sum 1"]);
    expect(client.events).toEqual(["head 103", "head 200", "data 6", "fin X-End 2"]);
  });

  it("sends a small message in one batch", async () => {
    const { open, dmzTransport, dmz } = await openPair();
    const before = dmzTransport.history.length;
    const client = open("a");
    client.call?.data(Buffer.from("hello"));
    client.call?.fin();
    await settle();
    expect([dmzTransport.history.length - before, dmz.callCount]).toEqual([1, 1]);
  });

  it("is forgotten when both directions have ended, and its memory given back", async () => {
    const { open, accepted, dmz, intranet, dmzBudget, intranetBudget } = await openPair();
    const client = open("a");
    client.call?.fin();
    await settle();
    expect([dmzBudget.usedBytes, intranetBudget.usedBytes]).toEqual([65536, 65536 + responseReserveBytes]);
    accepted[0]?.call.head(ok);
    accepted[0]?.call.fin();
    await settle();
    expect([dmz.callCount, intranet.callCount, dmzBudget.usedBytes, intranetBudget.usedBytes]).toEqual([0, 0, 0, 0]);
    expect([dmz.counters.lateFrames, intranet.counters.lateFrames]).toEqual([0, 0]);
  });

  it("keeps its half-closed direction open for as long as it takes", async () => {
    const { open, accepted } = await openPair();
    const client = open("a", undefined, { kind: CallKind.raw });
    client.call?.fin();
    await settle();
    accepted[0]?.call.data(Buffer.from("late"));
    await settle();
    expect([accepted[0]?.events.events, client.events]).toEqual([["fin"], ["data 4"]]);
  });

  it("ends at both sides by a reset of either", async () => {
    const { open, accepted, dmz, intranet, dmzBudget } = await openPair();
    const first = open("a");
    const second = open("b");
    await settle();
    first.call?.reset(new TunnelError("CANCELLED", "client gone"));
    accepted[1]?.call.reset(new TunnelError("NO_ROUTE", "none"));
    await settle();
    expect([accepted[0]?.events.events, first.events]).toEqual([["reset CANCELLED"], []]);
    expect([accepted[1]?.events.events, second.events]).toEqual([[], ["reset NO_ROUTE"]]);
    expect([dmz.callCount, intranet.callCount, dmzBudget.usedBytes]).toEqual([0, 0, 0]);
  });

  it("M2: hears with a reset, and with a go_away above its last call, when it may come again", async () => {
    const { open, accepted, intranetTransport } = await openPair();
    const errors: TunnelError[] = [];
    const [first] = [open("a"), open("b")].map((client) => {
      client.onReset = (error) => errors.push(error);
      return client;
    });
    await settle();
    accepted[0]?.call.reset(new TunnelError("OVERLOADED", "busy", undefined, 7_000));
    await settle();
    const writer = new BatchWriter();
    writer.goAway({ lastCall: 1, code: ErrorCode.DRAINING, message: "", retryAfterMs: 9_000 });
    intranetTransport.send(writer.finish());
    await settle();
    expect(first?.call).toBeDefined();
    expect(errors.map(({ code, retryAfterMs }) => [code, retryAfterMs])).toEqual([
      ["OVERLOADED", 7_000],
      ["REFUSED", 9_000],
    ]);
  });

  it("M3: keeps nothing of what it has sent, however long more is queued", async () => {
    v8.setFlagsFromString("--expose-gc");
    const collect = vm.runInNewContext("gc") as () => void;
    const { open, accepted } = await openPair({ dmzLimits: { windowMaxBytes: 64 * 1024 } });
    const client = open("a", new Recorder(false));
    await settle();
    accepted[0]?.call.head(ok);
    const chunks = Array.from({ length: 20 }, () => {
      const bytes = Buffer.allocUnsafeSlow(16 * 1024);
      accepted[0]?.call.data(bytes);
      return new WeakRef(bytes);
    });
    await settle();
    // Four were sent on the first credit, four more on this.
    client.call?.consumed(64 * 1024);
    await settle();
    collect();
    expect(chunks.map((chunk) => chunk.deref() !== undefined)).toEqual([
      ...Array(8).fill(false),
      ...Array(12).fill(true),
    ]);
  });

  it("T4: hears that R2 has handed it on, and whether it may be repeated, before the answer", async () => {
    const { open, accepted, dmzStates } = await openPair();
    const [first, second] = [open("a"), open("b")];
    await settle();
    accepted[0]?.call.head(ok);
    accepted[0]?.call.taken(true);
    accepted[1]?.call.taken(false);
    accepted[1]?.call.reset(new TunnelError("DESTINATION_FAILED", "gone"));
    accepted[1]?.call.taken(false);
    await settle();
    expect([first.events, second.events]).toEqual([
      ["taken true", "head 200"],
      ["taken false", "reset DESTINATION_FAILED"],
    ]);
    expect(dmzStates).toEqual(["open"]);
  });

  it("that was reset before it was announced is never heard of by the peer", async () => {
    const { open, accepted, dmzTransport } = await openPair();
    const before = dmzTransport.history.length;
    open("a").call?.reset(new TunnelError("CANCELLED", "client gone"));
    await settle();
    expect([accepted.length, dmzTransport.history.length - before]).toEqual([0, 0]);
  });

  it("whose head no batch can carry ends alone", async () => {
    const { open, accepted, dmzStates } = await openPair();
    const [client, other] = [open("a"), open("b")];
    await settle();
    accepted[0]?.call.head({ ...ok, headers: ["X-Huge", "x".repeat(200_000)] });
    accepted[1]?.call.head(ok);
    const huge = open("c", undefined, { headers: ["X-Huge", "x".repeat(200_000)] });
    await settle();
    expect([client.events, other.events]).toEqual([["reset DESTINATION_FAILED"], ["head 200"]]);
    expect([accepted[0]?.events.events, huge.events]).toEqual([["reset DESTINATION_FAILED"], ["reset BAD_REQUEST"]]);
    expect([dmzStates, accepted.length]).toEqual([["open"], 2]);
  });

  it("drops and counts frames that cross its reset", async () => {
    const { open, accepted, dmz, dmzStates } = await openPair();
    const client = open("a");
    await settle();
    accepted[0]?.call.head(ok);
    accepted[0]?.call.data(Buffer.from("x"));
    client.call?.reset(new TunnelError("CANCELLED", "client gone"));
    await settle();
    expect([dmz.counters.lateFrames, dmzStates]).toEqual([2, ["open"]]);
  });

  it.each([
    ["data before the head", (w: BatchWriter) => w.data(1, Buffer.from("x"), 0, 1)],
    ["fin before the head", (w: BatchWriter) => w.fin(1, [])],
    ["a second final head", (w: BatchWriter) => w.head(1, ok) && w.head(1, ok)],
    ["data after fin", (w: BatchWriter) => w.head(1, ok) && w.fin(1, []) && w.data(1, Buffer.from("x"), 0, 1)],
    ["credit beyond 2^31 - 1", (w: BatchWriter) => w.credit(1, 2 ** 31 - 1)],
  ])("is reset alone for %s", async (_, write) => {
    const { open, intranetTransport, dmzTransport, accepted, dmzStates } = await openPair();
    const bad = open("bad");
    const good = open("good");
    await settle();
    const writer = new BatchWriter();
    write(writer);
    dmzTransport.events?.onBatch(writer.finish());
    accepted[1]?.call.head(ok);
    accepted[1]?.call.fin();
    await settle();
    expect(bad.events.at(-1)).toBe("reset PROTOCOL");
    expect(good.events).toEqual(["head 200", "fin"]);
    expect(accepted[0]?.events.events).toEqual(["reset PROTOCOL"]);
    expect([dmzStates, intranetTransport.closed]).toEqual([["open"], false]);
  });
});

describe("a link", () => {
  it.each([
    ["a frame for a call that never was", (w: BatchWriter) => w.fin(7, [])],
    ["an open from R2", (w: BatchWriter) => w.open(1, emptyOpen)],
    ["a second welcome", (w: BatchWriter) => w.linkWelcome(limits)],
    ["a second hello", (w: BatchWriter) => w.linkHello(hello)],
  ])("is closed by %s", async (_, write) => {
    const { dmzTransport, dmzStates, open } = await openPair();
    const client = open("a");
    await settle();
    const writer = new BatchWriter();
    write(writer);
    dmzTransport.events?.onBatch(writer.finish());
    expect([dmzStates, client.events]).toEqual([["open", "closed PROTOCOL"], ["reset LINK_LOST"]]);
  });

  it("is closed by a batch that cannot be decoded", async () => {
    const { dmzTransport, dmzStates } = await openPair();
    dmzTransport.events?.onBatch(Buffer.from([0x0a, 0xff, 0xff]));
    expect(dmzStates).toEqual(["open", "closed PROTOCOL"]);
  });

  it("that is lost ends announced calls with LINK_LOST and others with REFUSED", async () => {
    const { dmz, open, dmzBudget } = await openPair();
    const announced = open("a");
    await settle();
    const queued = open("b");
    dmz.close(new TunnelError("LINK_LOST", "cut"));
    await settle();
    expect([announced.events, queued.events]).toEqual([["reset LINK_LOST"], ["reset REFUSED"]]);
    expect([dmz.callCount, dmzBudget.usedBytes]).toEqual([0, 0]);
  });

  it("notices a silent peer within five seconds, and not before four", async () => {
    const { clock, dmzTransport, intranetTransport, dmzStates } = await openPair();
    for (const transport of [dmzTransport, intranetTransport]) transport.flowing = false;
    clock.advance(4_000);
    expect(dmzStates).toEqual(["open"]);
    clock.advance(1_000);
    expect(dmzStates).toEqual(["open", "closed LINK_LOST"]);
  });

  it("stays open while idle, and measures the round trip", async () => {
    const { clock, dmzStates, intranetStates } = await openPair();
    for (let beat = 0; beat < 20; beat++) {
      clock.advance(heartbeatMs);
      await settle(6);
    }
    expect([dmzStates, intranetStates]).toEqual([["open"], ["open"]]);
  });

  it("does not take its own standstill for the peer's silence", async () => {
    const { clock, dmzStates } = await openPair();
    // A stopped process finds all its timers late at once.
    const { now } = clock;
    clock.now = () => now.call(clock) + 60_000;
    clock.advance(heartbeatMs);
    expect(dmzStates).toEqual(["open"]);
  });

  it("does not keep more control frames than a bound for a peer that does not read", async () => {
    const { dmzTransport, intranetTransport, intranetStates } = await openPair({ intranetLimits: { callsPerLink: 1 } });
    intranetTransport.flowing = false;
    dmzTransport.flowing = false;
    for (let number = 1; number < 3_000; number++) {
      const writer = new BatchWriter();
      writer.open(number, emptyOpen);
      intranetTransport.events?.onBatch(writer.finish());
    }
    expect(intranetStates).toEqual(["open", "closed OVERLOADED"]);
  });

  it("M3: refuses a call for whose window and response R2 has no memory, and that one only", async () => {
    const memoryBudgetBytes = 2 * (65_536 + responseReserveBytes) - 1;
    const { open, accepted, intranet } = await openPair({ intranetLimits: { memoryBudgetBytes } });
    const [first, second] = [open("a"), open("b")];
    await settle();
    expect([first.events, second.events, accepted.length]).toEqual([[], ["reset REFUSED"], 1]);
    expect(intranet.counters.refusedCalls).toBe(1);
  });
});

describe("a batch", () => {
  it("that closes the link counts for nothing after that, and takes no memory", async () => {
    const { intranetTransport, intranetStates, intranetBudget, accepted } = await openPair();
    const writer = new BatchWriter();
    writer.goAway({ lastCall: 0, code: ErrorCode.DRAINING, message: "" });
    for (let number = 1; number <= 200; number++) writer.open(number, emptyOpen);
    intranetTransport.events?.onBatch(writer.finish());
    await settle();
    expect([intranetStates.at(-1), accepted.length, intranetBudget.usedBytes]).toEqual(["closed PROTOCOL", 0, 0]);
  });

  it("is small once a ping waits for its answer longer than a heartbeat: the line is slow", async () => {
    const { clock, open, dmzTransport, intranetTransport } = await openPair({
      flowing: false,
      intranetLimits: { initialWindowBytes: 4 * 1024 * 1024 },
    });
    open("bulk").call?.data(Buffer.alloc(4 * 1024 * 1024));
    const sizes: number[] = [];
    for (let batch = 0; batch < 6; batch++) {
      await settle(2);
      sizes.push(dmzTransport.sent[0]?.length ?? 0);
      dmzTransport.deliver();
      clock.advance(heartbeatMs);
      // Something comes from the peer, but no answer to the ping.
      const writer = new BatchWriter();
      writer.ping(1_000 + batch, true);
      dmzTransport.events?.onBatch(writer.finish());
    }
    expect(intranetTransport.closed).toBe(false);
    expect(sizes[0]).toBeGreaterThan(200_000);
    expect(sizes[5]).toBeLessThan(50_000);
  });
});

describe("a call whose owner throws", () => {
  it("ends alone, at both sides, and is counted", async () => {
    const { open, accepted, intranet, intranetStates } = await openPair();
    const [bad, good] = [open("bad"), open("good")];
    await settle();
    accepted[0]!.events.onData = () => {
      throw new Error("a mistake");
    };
    bad.call?.data(Buffer.from("x"));
    good.call?.data(Buffer.from("y"));
    await settle();
    expect([bad.events, accepted[1]?.events.events]).toEqual([["reset INTERNAL"], ["data 1"]]);
    expect([intranet.counters.brokenCalls, intranetStates]).toEqual([1, ["open"]]);
  });
});

describe("a call whose owner throws at its end", () => {
  it("takes no other call and no link with it", async () => {
    const { open, accepted, intranet, intranetStates } = await openPair();
    const [bad, good] = [open("bad"), open("good")];
    await settle();
    accepted[0]!.events.onReset = () => {
      throw new Error("a mistake");
    };
    bad.call?.reset(new TunnelError("CANCELLED", "the client is gone"));
    good.call?.data(Buffer.from("y"));
    await settle();
    expect([accepted[1]?.events.events, intranet.counters.brokenCalls, intranetStates]).toEqual([
      ["data 1"],
      1,
      ["open"],
    ]);
    intranet.close(new TunnelError("LINK_LOST", "for a test"));
    await settle();
    expect(intranetStates).toEqual(["open", "closed LINK_LOST"]);
  });
});

describe("drain", () => {
  it("of R2: a caller that starts its refused call again does not start it on the same link", async () => {
    const { open, intranet, dmz } = await openPair();
    open("running");
    await settle();
    intranet.drain("stops");
    const outcomes: unknown[] = [];
    const again = new Recorder();
    again.onReset = () => outcomes.push(dmz.openCall({ ...emptyOpen, id: "again" }, new Recorder()));
    open("late", again);
    await settle();
    expect(outcomes).toEqual(["closing"]);
  });

  it("of R2 refuses what it did not take up, finishes the rest and closes", async () => {
    const { open, accepted, intranet, dmz, dmzStates, intranetStates } = await openPair();
    const running = open("a");
    await settle();
    intranet.drain("stops");
    const late = open("b");
    await settle();
    expect([late.events, dmz.state]).toEqual([["reset REFUSED"], "draining"]);
    accepted[0]?.call.head(ok);
    accepted[0]?.call.fin();
    running.call?.fin();
    await settle();
    expect(running.events).toEqual(["head 200", "fin"]);
    expect([dmzStates.at(-1), intranetStates.at(-1)]).toEqual(["closed", "closed"]);
  });

  it("of R1 opens no more calls and closes when the last has ended", async () => {
    const { open, accepted, dmz, intranetStates } = await openPair();
    const running = open("a");
    await settle();
    dmz.drain("stops");
    expect(dmz.openCall(emptyOpen, new Recorder())).toBe("closing");
    running.call?.fin();
    await settle();
    accepted[0]?.call.head(ok);
    accepted[0]?.call.fin();
    await settle();
    expect([running.events, intranetStates]).toEqual([
      ["head 200", "fin"],
      ["open", "draining", "closed"],
    ]);
  });

  it("of an idle link closes it at once", async () => {
    const { intranet, dmzStates } = await openPair();
    intranet.drain("stops");
    await settle();
    expect(dmzStates.at(-1)).toBe("closed");
  });
});

describe("credit", () => {
  it("stops a sender whose reader does not read, and lets it go on when it does", async () => {
    const { open, accepted, dmz } = await openPair({ acceptedReads: false });
    const client = open("a");
    const megabyte = Buffer.alloc(1024 * 1024, 1);
    expect(client.call?.data(megabyte)).toBe(false);
    await settle();
    expect([accepted[0]?.events.bytes, dmz.stalledCalls]).toEqual([65_536, 1]);
    accepted[0]?.call.consumed(65_536);
    await settle();
    expect(accepted[0]?.events.bytes).toBeGreaterThanOrEqual(2 * 65_536);
  });

  it("one stalled reader does not stop fifty other calls on the same link", async () => {
    const { open, accepted } = await openPair({ acceptedReads: false });
    const stalled = open("stalled");
    stalled.call?.data(Buffer.alloc(1024 * 1024));
    await settle();
    const others = Array.from({ length: 50 }, (_, i) => open(`call ${i}`));
    for (const other of others) {
      other.call?.data(Buffer.alloc(1000));
      other.call?.fin();
    }
    await settle();
    for (const { call } of accepted.slice(1)) {
      call.head(ok);
      call.data(Buffer.alloc(2000));
      call.fin();
    }
    await settle();
    expect(others.map(({ events }) => events)).toEqual(others.map(() => ["head 200", "data 2000", "fin"]));
    expect(accepted[0]?.events.bytes).toBe(65_536);
  });

  it("a call beyond its credit is reset alone", async () => {
    const { open, accepted, intranetTransport, intranetStates } = await openPair({ acceptedReads: false });
    const [bad, good] = [open("bad"), open("good")];
    await settle();
    const writer = new BatchWriter();
    writer.data(1, Buffer.alloc(65_536), 0, 65_536);
    intranetTransport.events?.onBatch(writer.finish());
    writer.data(1, Buffer.alloc(1), 0, 1);
    intranetTransport.events?.onBatch(writer.finish());
    good.call?.data(Buffer.from("x"));
    await settle();
    expect(accepted[0]?.events.events).toEqual(["data 65536", "reset FLOW_CONTROL"]);
    expect([bad.events, accepted[1]?.events.events]).toEqual([["reset FLOW_CONTROL"], ["data 1"]]);
    expect(intranetStates).toEqual(["open"]);
  });

  it("wakes a source once its queue has room, and not a call that has ended", async () => {
    const { open } = await openPair();
    const [client, gone] = [open("a"), open("b")];
    client.call?.data(Buffer.alloc(400_000));
    gone.call?.data(Buffer.alloc(400_000));
    gone.call?.reset(new TunnelError("CANCELLED", "gone"));
    await settle(80);
    expect([client.events, gone.events]).toEqual([["writable"], []]);
  });

  it("keeps no large batch alive for a small piece that waits", async () => {
    const kept: Buffer[] = [];
    const { open, accepted } = await openPair({ acceptedReads: false });
    const [slow, ...bulk] = [open("slow"), ...Array.from({ length: 8 }, (_, i) => open(`${i}`))];
    await settle();
    accepted[0]!.events.onData = (bytes) => void kept.push(bytes);
    for (let round = 0; round < 3; round++) {
      for (const { call } of bulk) call?.data(Buffer.alloc(16_000));
      slow?.call?.data(Buffer.alloc(10));
      await settle();
    }
    expect(kept.length).toBe(3);
    expect(kept.slice(1).map((bytes) => bytes.buffer.byteLength < 20_000)).toEqual([true, true]);
  });
});

describe("turns", () => {
  it("queue no more than the outstanding batch and the newcomers ahead of a small call", async () => {
    const { open, accepted, dmzTransport, intranetTransport } = await openPair({
      flowing: false,
      intranetLimits: { initialWindowBytes: 1024 * 1024 },
    });
    const bulk = Array.from({ length: 10 }, (_, i) => open(`bulk ${i}`));
    const deliverAll = async (batches: number): Promise<void> => {
      for (let i = 0; i < batches; i++) {
        await settle(2);
        dmzTransport.deliver();
        intranetTransport.deliver();
      }
    };
    for (const { call } of bulk) call?.data(Buffer.alloc(1024 * 1024));
    await deliverAll(3);
    const received = (): number => accepted.reduce((sum, { events }) => sum + events.bytes, 0);
    const before = received();
    open("small").call?.data(Buffer.alloc(400));
    while (!accepted.some(({ open: { id }, events }) => id === "small" && events.bytes === 400)) await deliverAll(1);
    expect(received() - before - 400).toBeLessThanOrEqual(2 * 256 * 1024);
  });

  it("give every bulk call its share", async () => {
    const { open, accepted, dmzTransport, intranetTransport } = await openPair({
      flowing: false,
      intranetLimits: { initialWindowBytes: 1024 * 1024 },
    });
    for (let i = 0; i < 4; i++) open(`bulk ${i}`).call?.data(Buffer.alloc(1024 * 1024));
    for (let i = 0; i < 8; i++) {
      await settle(2);
      dmzTransport.deliver();
      intranetTransport.deliver();
    }
    const shares = accepted.map(({ events }) => events.bytes);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(32 * 1024);
  });
});

describe("any traffic", () => {
  const step = fc.record({
    call: fc.nat(5),
    side: fc.constantFrom("client" as const, "server" as const),
    action: fc.constantFrom("data" as const, "data" as const, "data" as const, "fin" as const, "reset" as const),
    bytes: fc.integer({ min: 1, max: 200_000 }),
    settle: fc.boolean(),
  });

  it("arrives whole and in order, stays within credit, and leaves nothing behind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const pair = await openPair();
        const clients = Array.from({ length: 6 }, (_, i) => pair.open(`${i}`, new Recorder(), { kind: CallKind.raw }));
        await settle();
        const reset = new Set<number>();
        const sent = { client: [0, 0, 0, 0, 0, 0], server: [0, 0, 0, 0, 0, 0] };
        const ended = { client: new Set<number>(), server: new Set<number>() };
        for (const { call, side, action, bytes, settle: pause } of steps) {
          const from = side === "client" ? clients[call]?.call : pair.accepted[call]?.call;
          if (action === "data") {
            from?.data(Buffer.alloc(bytes));
            if (!ended[side].has(call) && !reset.has(call)) sent[side][call]! += bytes;
          } else if (action === "fin") {
            from?.fin();
            ended[side].add(call);
          } else {
            from?.reset(new TunnelError("CANCELLED", "test"));
            reset.add(call);
          }
          if (pause) await settle(3);
        }
        for (const [i, { call }] of clients.entries()) {
          call?.fin();
          pair.accepted[i]?.call.fin();
        }
        await settle(400);
        for (let i = 0; i < 6; i++) {
          if (reset.has(i)) continue;
          expect([pair.accepted[i]?.events.bytes, clients[i]?.bytes]).toEqual([sent.client[i], sent.server[i]]);
          expect(pair.accepted[i]?.events.events.at(-1)).toMatch(/fin|writable/);
        }
        expect([pair.dmz.callCount, pair.intranet.callCount]).toEqual([0, 0]);
        expect([pair.dmzBudget.usedBytes, pair.intranetBudget.usedBytes]).toEqual([0, 0]);
        expect([pair.dmzStates, pair.intranetStates]).toEqual([["open"], ["open"]]);
      }),
      { numRuns: 60 },
    );
  });

  it("of mangled batches ends a call or the link, never the process", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(255), fc.nat(), async (at, value, cut) => {
        const pair = await openPair();
        const client = pair.open("a");
        client.call?.data(Buffer.from("some data"));
        client.call?.fin(["a", "b"]);
        await settle(4);
        const batch = Buffer.from(pair.dmzTransport.history.at(-1)!);
        batch[at % batch.length] = value;
        pair.intranetTransport.events?.onBatch(batch.subarray(0, batch.length - (cut % 3)));
        await settle(4);
        expect(["open", "closed"]).toContain(pair.intranet.state);
      }),
      { numRuns: 300 },
    );
  });
});

it("ErrorCode and names agree with what a reset carries", async () => {
  const { open, accepted } = await openPair();
  for (const name of Object.keys(ErrorCode) as (keyof typeof ErrorCode)[]) {
    const client = open(name);
    await settle(6);
    accepted.at(-1)?.call.reset(new TunnelError(name, "x"));
    await settle(6);
    expect(client.events).toEqual([`reset ${name}`]);
  }
});

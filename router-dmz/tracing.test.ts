import type { IncomingMessage } from "node:http";
import type { Spans } from "@sallyport/proto/manage";
import { spansBytesMax } from "@sallyport/proto/manage";
import { Complaints } from "@sallyport/tunnel/complaints";
import type { Log } from "@sallyport/tunnel/log";
import { noSpans } from "@sallyport/tunnel/span-metrics";
import { describe, expect, test } from "vitest";
import type { AccessEntry } from "./access-entry.ts";
import { FakeClock } from "./relay.fixture.ts";
import { DmzTracer } from "./tracing.ts";

const entry: AccessEntry = {
  ...{ id: "call-1", listener: "web", connection: 1, client: "192.0.2.1", method: "GET", target: "/" },
  ...{ status: 200, error: "", requestBytes: 0, responseBytes: 0, durationMs: 1 },
};

describe("R1's spans", () => {
  test("are handed over as OTLP with their number, and count once they are sent", async () => {
    const r1 = open();
    r1.call(entry);
    r1.call(entry);
    const flushed = r1.tracer.flush(1_000);
    await r1.offered(1);
    expect([r1.offers[0]?.spans.count, r1.counters.exported, r1.tracer.waiting]).toEqual([2, 0, 2]);
    r1.offers[0]?.settled(true);
    await flushed;
    expect([r1.counters, r1.tracer.waiting]).toEqual([{ exported: 2, dropped: 0, failed: 0 }, 0]);
  });

  test("that were lost on the way have failed", async () => {
    const r1 = open({ answer: false });
    r1.call(entry);
    await r1.tracer.flush(1_000);
    expect(r1.counters).toEqual({ exported: 0, dropped: 0, failed: 1 });
  });

  test("that nobody takes are dropped, and the log says so once in a while", async () => {
    const r1 = open({ answer: "refused" });
    for (let i = 0; i < 3; i++) {
      r1.call(entry);
      await r1.tracer.flush(1_000);
    }
    expect(r1.counters).toEqual({ exported: 0, dropped: 3, failed: 0 });
    expect(r1.lines).toEqual(["trace spans dropped: no R2 takes them"]);
  });

  test("never take more than a message may: a batch that does is parted", async () => {
    const r1 = open({ answer: true });
    const big = { ...entry, target: `/${"a".repeat(3_000)}`, client: "c".repeat(1_024), id: "i".repeat(1_024) };
    for (let i = 0; i < 100; i++) r1.call(big);
    await r1.tracer.flush(1_000);
    const sizes = r1.offers.map(({ spans }) => spans.otlp.length);
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(spansBytesMax);
    expect(r1.offers.reduce((sum, { spans }) => sum + spans.count, 0)).toBe(100);
    expect(r1.counters).toEqual({ exported: 100, dropped: 0, failed: 0 });
  });

  test.each([
    ["[2001:db8::1]:8443", { "server.address": "2001:db8::1", "server.port": 8443 }],
    ["shop.example.com", { "server.address": "shop.example.com" }],
    [undefined, {}],
  ])("name the server as Host does: %s", async (host, server) => {
    const r1 = open({ answer: true });
    r1.call(entry, host ?? "");
    await r1.tracer.flush(1_000);
    const text = r1.offers[0]!.spans.otlp.toString("latin1");
    for (const [name, value] of Object.entries(server)) {
      expect(text).toContain(name);
      if (typeof value === "string") expect(text).toContain(value);
    }
    if (host === undefined) expect(text).not.toContain("server.address");
  });
});

interface Offer {
  readonly spans: Spans;
  readonly settled: (sent: boolean) => void;
}

/** `answer`: what becomes of each offer; left out: the test settles it. */
function open({ answer }: { answer?: boolean | "refused" } = {}) {
  const offers: Offer[] = [];
  const counters = noSpans();
  const lines: string[] = [];
  let wake = (): void => {};
  const tracer = new DmzTracer({
    config: { sampleRatio: 1, queueSpans: 1_000, batchDelayMs: 60_000, serviceName: "sallyport-r1" },
    ...{ tunnel: "default/t", instanceId: "i", counters, complaints: new Complaints(new FakeClock()) },
    log: { warn: (_: object, line: string) => lines.push(line) } as unknown as Log,
    offer: (spans, settled) => {
      if (answer === "refused") return false;
      offers.push({ spans, settled });
      if (answer !== undefined) settled(answer);
      wake();
      return true;
    },
  });
  const offered = async (count: number): Promise<void> => {
    while (offers.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const call = (done: AccessEntry, host = "a"): void => {
    const headers = host === "" ? {} : { host };
    tracer
      .start({ method: "GET", rawHeaders: [], headers, httpVersion: "1.1" } as unknown as IncomingMessage)
      .end(done);
  };
  return { tracer, offers, counters, lines, offered, call };
}

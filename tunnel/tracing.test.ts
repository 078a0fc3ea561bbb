import { SpanKind } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { noSpans } from "./span-metrics.ts";
import { batchSpansMax, Tracing } from "./tracing.ts";

const noContext = { traceparent: "", tracestate: "" };
const config = { sampleRatio: 1, queueSpans: 4, batchDelayMs: 5_000, serviceName: "test" };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("finished spans", () => {
  it("leave together after the delay", async () => {
    const { tracing, batches, finish } = open({ queueSpans: 100 });
    finish("a", "b");
    await vi.advanceTimersByTimeAsync(4_999);
    expect([batches, tracing.waiting]).toEqual([[], 2]);
    await vi.advanceTimersByTimeAsync(1);
    expect([batches, tracing.waiting]).toEqual([[["a", "b"]], 0]);
  });

  it("leave at once when they fill a batch, and no batch is larger", async () => {
    const { batches, finish } = open({ queueSpans: 1_000 });
    finish(...Array.from({ length: batchSpansMax + 1 }, (_, i) => `${i}`));
    await vi.advanceTimersByTimeAsync(0);
    expect(batches.map((batch) => batch.length)).toEqual([batchSpansMax]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(batches.map((batch) => batch.length)).toEqual([batchSpansMax, 1]);
  });

  it("beyond those that may wait are dropped and counted, also while others are being sent", async () => {
    const { tracing, counters, batches, finish, settle } = open({ queueSpans: 4, isSlow: true });
    finish("a", "b", "c", "d", "e");
    await vi.advanceTimersByTimeAsync(0);
    finish("f");
    expect([batches, tracing.waiting, counters.dropped]).toEqual([[["a", "b", "c", "d"]], 4, 2]);
    settle();
    await vi.advanceTimersByTimeAsync(0);
    finish("g");
    expect([tracing.waiting, counters.dropped]).toEqual([1, 2]);
  });

  it("are flushed at once, and the flush waits for those being sent", async () => {
    const { tracing, batches, finish, settle } = open({ queueSpans: 100, isSlow: true });
    finish("a");
    let isFlushed = false;
    void tracing.flush(2_000).then(() => {
      isFlushed = true;
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect([batches, isFlushed]).toEqual([[["a"]], false]);
    settle();
    await vi.advanceTimersByTimeAsync(0);
    expect(isFlushed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("are flushed batch by batch", async () => {
    const { tracing, batches, finish, settle } = open({ queueSpans: 1_000, isSlow: true });
    finish(...Array.from({ length: batchSpansMax * 3 }, (_, i) => `${i}`));
    const flushed = tracing.flush(2_000);
    for (let sent = 1; sent <= 3; sent++) {
      await vi.advanceTimersByTimeAsync(0);
      expect(batches).toHaveLength(sent);
      settle();
    }
    await flushed;
    expect([batches.length, tracing.waiting]).toEqual([3, 0]);
  });

  it("are not waited for longer than the flush may take", async () => {
    const { tracing, finish } = open({ queueSpans: 4, isSlow: true });
    finish("a", "b", "c", "d");
    const flushed = tracing.flush(2_000);
    await vi.advanceTimersByTimeAsync(2_000);
    await flushed;
    expect(tracing.waiting).toBe(4);
  });
});

describe("sampling", () => {
  it("of new traces is by the ratio", () => {
    const { tracing } = open({ sampleRatio: 0.25 });
    const spans = Array.from({ length: 4_000 }, () => tracing.start("a", noContext));
    const share = spans.filter((span) => span.isRecording()).length / spans.length;
    // Six standard deviations.
    expect(Math.abs(share - 0.25)).toBeLessThan(0.042);
  });

  it.each([
    ["01", 0, true],
    ["00", 1, false],
  ])("of a caller's trace is the caller's decision: flag %s", (flags, sampleRatio, isSampled) => {
    const { tracing } = open({ sampleRatio });
    const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-${flags}`;
    const span = tracing.start("a", { traceparent, tracestate: "" });
    expect([span.isRecording(), span.spanContext().traceId]).toEqual([isSampled, "1".repeat(32)]);
  });
});

it("a value longer than 1,024 characters is cut", async () => {
  const { tracing, sent } = open({ queueSpans: 100 });
  tracing.start("a", noContext).setAttribute("k", "v".repeat(2_000)).end();
  await tracing.flush(1_000);
  expect(sent[0]?.attributes).toEqual({ k: "v".repeat(1_024) });
});

interface Setup {
  readonly queueSpans?: number;
  readonly sampleRatio?: number;
  /** Batches are settled by the test. */
  readonly isSlow?: boolean;
}

function open({ isSlow = false, ...changes }: Setup) {
  const batches: string[][] = [];
  const sent: ReadableSpan[] = [];
  const counters = noSpans();
  let settle = (): void => {};
  const send = (spans: ReadableSpan[]): Promise<void> => {
    batches.push(spans.map(({ name }) => name));
    sent.push(...spans);
    if (!isSlow) return Promise.resolve();
    return new Promise((resolve) => {
      settle = resolve;
    });
  };
  const tracing = new Tracing({
    ...{ config: { ...config, ...changes }, instanceId: "i", kind: SpanKind.SERVER, counters, send },
  });
  const finish = (...names: string[]): void => {
    for (const name of names) tracing.start(name, noContext).end();
  };
  return { tracing, batches, sent, counters, finish, settle: () => settle() };
}

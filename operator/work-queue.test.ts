import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { KubeError } from "./kube-error.ts";
import { OperatorMetrics } from "./metrics.ts";
import { FakeClock, settled } from "./testing/fake-clock.ts";
import { keysMax, WorkQueue } from "./work-queue.ts";

interface Job {
  readonly key: string;
  done(againMs?: number): Promise<void>;
  fail(error?: Error): Promise<void>;
}

function queueWith(concurrency = 1) {
  const clock = new FakeClock();
  const metrics = new OperatorMetrics();
  const jobs: Job[] = [];
  const work = (key: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    jobs.push({
      key,
      done: (againMs) => {
        resolve(againMs);
        return settled();
      },
      fail: (error = new Error("no")) => {
        reject(error);
        return settled();
      },
    });
    return promise;
  };
  const log = pino({ level: "silent" });
  const queue = new WorkQueue({ concurrency, clock, random: () => 1, log, metrics, work });
  const keys = () => jobs.map(({ key }) => key);
  const last = () => jobs.at(-1)!;
  return { queue, clock, jobs, keys, last, metrics };
}

describe("the queue of tunnels", () => {
  it("works on a key once, however often it came", async () => {
    const { queue, keys, last } = queueWith();
    for (const key of ["a", "b", "b", "a", "b"]) queue.add(key);
    expect([keys(), queue.depth]).toEqual([["a"], 1]);
    await last().done();
    await last().done();
    // "a" came again while it was worked on.
    expect(keys()).toEqual(["a", "b", "a"]);
    await last().done();
    expect(queue.depth).toBe(0);
  });

  it("never works on one key twice at a time, and on no more keys than it may", async () => {
    const { queue, keys, jobs } = queueWith(2);
    for (const key of ["a", "a", "b", "c"]) queue.add(key);
    expect(keys()).toEqual(["a", "b"]);
    await jobs[1]!.done();
    expect(keys()).toEqual(["a", "b", "c"]);
    await jobs[0]!.done();
    expect(keys()).toEqual(["a", "b", "c", "a"]);
  });

  it("comes back when it is told to", async () => {
    const { queue, clock, keys, last } = queueWith();
    queue.add("a");
    await last().done(60_000);
    await clock.advance(59_999);
    expect(keys()).toEqual(["a"]);
    await clock.advance(1);
    expect(keys()).toEqual(["a", "a"]);
  });

  it("tries again what failed, later each time, up to two minutes; another key does not wait for it", async () => {
    const { queue, clock, keys, last, metrics } = queueWith();
    queue.add("bad");
    const waits: number[] = [];
    for (let tries = 0; tries < 10; tries += 1) {
      await last().fail();
      waits.push(clock.pendingMs[0]!);
      await clock.advance(clock.pendingMs[0]!);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000]);
    await last().fail();
    queue.add("good");
    expect(keys().at(-1)).toBe("good");
    expect(await metrics.registry.getSingleMetricAsString("sallyport_operator_queue_retries_total")).toMatch(
      /_total 11$/m,
    );
  });

  it("tries what failed at once when something about it changed", async () => {
    const { queue, keys, last, clock } = queueWith();
    queue.add("a");
    await last().fail();
    queue.add("a");
    expect(keys()).toEqual(["a", "a"]);
    await last().done();
    expect(clock.pendingMs).toEqual([]);
  });

  it("does not try again at once what failed while something about it changed", async () => {
    const { queue, keys, last, clock } = queueWith();
    queue.add("a");
    queue.add("a");
    await last().fail();
    expect([keys(), clock.pendingMs]).toEqual([["a"], [500]]);
  });

  it("lets what has failed often rest no longer than 5 s when something about it changed meanwhile", async () => {
    const { queue, last, clock } = queueWith();
    queue.add("a");
    for (let tries = 0; tries < 8; tries += 1) {
      await last().fail();
      await clock.advance(clock.pendingMs[0]!);
    }
    queue.add("a");
    await last().fail();
    expect(clock.pendingMs).toEqual([5_000]);
  });

  it("waits as long as the API server asks", async () => {
    const { queue, last, clock } = queueWith();
    queue.add("a");
    await last().fail(new KubeError("slow down", { status: 429, reason: "TooManyRequests", retryAfterMs: 7_000 }));
    expect(clock.pendingMs).toEqual([7_000]);
  });

  it("starts from the first wait again after it went well", async () => {
    const { queue, last, clock } = queueWith();
    queue.add("a");
    await last().fail();
    await clock.advance(500);
    await last().fail();
    await clock.advance(1000);
    await last().done();
    queue.add("a");
    await last().fail();
    expect(clock.pendingMs).toEqual([500]);
  });

  it(`holds ${keysMax} keys and counts what it did not take`, async () => {
    const { queue, metrics } = queueWith();
    for (let i = 0; i < keysMax + 5; i += 1) queue.add(String(i));
    expect(queue.depth).toBe(keysMax - 1);
    expect(await metrics.registry.getSingleMetricAsString("sallyport_operator_queue_dropped_total")).toMatch(
      /_total 5$/m,
    );
  });

  it("says for how long the oldest key waits", async () => {
    const { queue, clock } = queueWith();
    queue.add("a");
    expect(queue.oldestMs).toBe(0);
    queue.add("b");
    await clock.advance(3_000);
    expect(queue.oldestMs).toBe(3_000);
  });

  it("ends what is under way before it is closed, and starts nothing more", async () => {
    const { queue, jobs, keys, clock } = queueWith(2);
    for (const key of ["a", "b", "c"]) queue.add(key);
    let isClosed = false;
    void queue.close().then(() => {
      isClosed = true;
    });
    await jobs[0]!.done(10);
    expect(isClosed).toBe(false);
    await jobs[1]!.fail();
    queue.add("d");
    expect([isClosed, keys(), clock.pendingMs]).toEqual([true, ["a", "b"], []]);
  });
});

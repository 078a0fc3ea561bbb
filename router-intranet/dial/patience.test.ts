import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { beforeEach, expect, test } from "vitest";
import { Patience } from "./patience.ts";

let clock: FakeClock;
let expired: string[];

beforeEach(() => {
  clock = new FakeClock();
  expired = [];
});

function wait(deadlineMs: number, responseTimeoutMs: number): Patience {
  return new Patience(clock, { deadlineMs, responseTimeoutMs }, (limit) => expired.push(limit));
}

test("the caller's deadline counts from the start, whatever happens", () => {
  const patience = wait(100, 0);
  clock.advance(50);
  patience.step(false);
  clock.advance(49);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(["in the 100 ms that its caller waits"]);
});

test("the response timeout counts from the destination's last sign", () => {
  const patience = wait(0, 100);
  clock.advance(90);
  patience.step(true);
  clock.advance(99);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(["in 100 ms; see what keeps it, or raise destinations.responseTimeoutMs"]);
});

test("the response timeout does not count while the client is slow", () => {
  const patience = wait(0, 100);
  patience.step(false);
  clock.advance(1_000);
  expect(expired).toEqual([]);
  patience.step(true);
  clock.advance(199);
  expect(expired).toHaveLength(1);
});

test("after one limit, or stop, nothing fires", () => {
  wait(100, 50).step(true);
  clock.advance(1_000);
  expect(expired).toHaveLength(1);
  const stopped = wait(100, 50);
  stopped.stop();
  clock.advance(1_000);
  expect(expired).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

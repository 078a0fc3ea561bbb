import { expect, it } from "vitest";
import { queuedAheadMaxBytes } from "./gates.ts";
import { measureQueuedAhead } from "./queued-ahead.ts";

it("T3: no more than two batches of a download go before a small answer on the same link", async () => {
  const ahead = await measureQueuedAhead(20, new AbortController().signal);
  expect(ahead.length).toBe(20);
  expect(Math.max(...ahead)).toBeLessThanOrEqual(queuedAheadMaxBytes);
});

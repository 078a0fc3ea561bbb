import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { keepMessages, messagesMax } from "./messages.ts";

test("what is kept of a long message does not hold on to the rest of it", () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  // Node keeps strings of a mebibyte and more outside the heap that is measured here.
  const messageBytes = 2 ** 19;
  const keep = keepMessages(undefined);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < messagesMax; i++) keep(Buffer.alloc(messageBytes, "x").toString());
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan((messagesMax * messageBytes) / 10);
  // Kept alive until here, or there was nothing to measure.
  keep("");
});

import { expect, test } from "vitest";
import { Slots } from "./slots.ts";

test("M2: an origin gets as many slots as it may have, others are not touched", () => {
  const slots = new Slots(2);
  expect([slots.take("a"), slots.take("a"), slots.take("a"), slots.take("b")]).toEqual([true, true, false, true]);
  slots.give("a");
  expect([slots.taken("a"), slots.take("a"), slots.take("a")]).toEqual([1, true, false]);
});

test("says when the last slot is free", async () => {
  const slots = new Slots(2);
  await slots.allFree();
  slots.take("a");
  slots.take("b");
  let free = false;
  const waiting = slots.allFree().then(() => {
    free = true;
  });
  slots.give("a");
  await Promise.resolve();
  expect(free).toBe(false);
  slots.give("b");
  await waiting;
  expect(free).toBe(true);
});

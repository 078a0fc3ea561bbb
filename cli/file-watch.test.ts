import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { expect, it } from "vitest";
import { FileWatch, watchIntervalMs } from "./file-watch.ts";

function start(states: Record<string, string>) {
  const clock = new FakeClock();
  const looked: string[] = [];
  let changes = 0;
  const watch = new FileWatch(
    clock,
    () => changes++,
    async (name) => {
      looked.push(name);
      return states[name] ?? "missing";
    },
  );
  watch.expect(new Map(Object.entries(states)));
  /** One look at the files, and how many changes were told since the last one. */
  const look = async () => {
    const before = changes;
    clock.advance(watchIntervalMs);
    await new Promise((resolve) => setImmediate(resolve));
    return changes - before;
  };
  return { watch, look, looked, clock, states };
}

it("tells of a change once the file rests", async () => {
  const { watch, look, states } = start({ a: "1", b: "1" });
  expect(await look()).toBe(0);
  states.b = "2";
  expect(await look()).toBe(0);
  states.b = "3";
  expect(await look()).toBe(0);
  expect(await look()).toBe(1);
  watch.expect(new Map(Object.entries(states)));
  expect([await look(), await look(), await look()]).toStrictEqual([0, 0, 0]);
});

it("tells of a change within a second", async () => {
  const { look, states } = start({ a: "1" });
  states.a = "2";
  let looks = 0;
  do looks++;
  while ((await look()) === 0);
  expect(looks * watchIntervalMs).toBeLessThan(1_000);
});

it("tells of a change once, until the file is read", async () => {
  const { look, states } = start({ a: "1" });
  states.a = "2";
  expect([await look(), await look(), await look(), await look()]).toStrictEqual([0, 1, 0, 0]);
  states.a = "3";
  expect([await look(), await look(), await look()]).toStrictEqual([0, 1, 0]);
});

it("notices a file that goes and one that comes", async () => {
  const { watch, look, states } = start({ a: "1", b: "missing" });
  states.b = "1";
  expect([await look(), await look()]).toStrictEqual([0, 1]);
  watch.expect(new Map(Object.entries(states)));
  states.a = "missing";
  expect([await look(), await look()]).toStrictEqual([0, 1]);
});

it("says nothing of a change that is taken back", async () => {
  const { look, states } = start({ a: "1" });
  states.a = "2";
  await look();
  states.a = "1";
  expect([await look(), await look()]).toStrictEqual([0, 0]);
});

it("looks once a second at what it was told to, and never again when it is stopped", async () => {
  const { watch, look, looked, clock } = start({ a: "1", b: "1" });
  await look();
  watch.expect(new Map([["c", "missing"]]));
  await look();
  expect(looked).toStrictEqual(["a", "b", "c"]);
  watch.stop();
  expect(clock.pending).toBe(0);
});

import { expect, it } from "vitest";
import { YoungGarbage } from "./young-garbage.ts";

it("M3: young garbage is collected once for every 8 MiB moved", () => {
  const asked: unknown[] = [];
  const garbage = new YoungGarbage(
    (options) => asked.push(options),
    () => 0,
  );
  for (let i = 0; i < 64; i++) garbage.moved(256 * 1024);
  expect([asked, garbage.collections]).toEqual([[{ type: "minor" }, { type: "minor" }], 2]);
});

it("M3: all garbage is collected when buffers hold 64 MiB more than after the last time", () => {
  const asked: string[] = [];
  let externalBytes = 10_000_000;
  const garbage = new YoungGarbage(
    ({ type }) => asked.push(type),
    () => externalBytes,
  );
  for (const grown of [50, 60, 70, 100, 140]) {
    externalBytes = grown * 1024 * 1024;
    garbage.moved(8 * 1024 * 1024);
  }
  expect(asked).toEqual(["minor", "minor", "minor", "minor", "major", "minor"]);
});

it("the real collector frees dead buffers", async () => {
  const garbage = new YoungGarbage();
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 16; i++) Buffer.alloc(1024 * 1024);
  garbage.moved(8 * 1024 * 1024);
  // They are swept beside the program.
  await expect.poll(() => process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
});

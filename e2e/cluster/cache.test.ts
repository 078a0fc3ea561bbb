import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

let home: string;
let cache: typeof import("./cache.ts");

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "sallyport-cache-test-"));
  vi.stubEnv("XDG_CACHE_HOME", home);
  vi.resetModules();
  cache = await import("./cache.ts");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

test("an entry is made once, however many want it at the same time", async () => {
  let made = 0;
  const make = async (folder: string) => {
    made += 1;
    writeFileSync(join(folder, "file"), "content");
  };
  const folders = await Promise.all([1, 2, 3].map(() => cache.cached("kind", "key", make)));
  expect(new Set(folders)).toEqual(new Set([join(cache.cacheFolder, "kind-key")]));
  expect(made).toBe(1);
  expect(readdirSync(join(cache.cacheFolder, "kind-key"))).toEqual(["file"]);
});

test("an entry that could not be made is not there, and is made anew the next time", async () => {
  const half = (folder: string): Promise<void> => {
    writeFileSync(join(folder, "half"), "");
    return Promise.reject(new Error("the disk is full"));
  };
  await expect(cache.cached("kind", "key", half)).rejects.toThrow("the disk is full");
  expect(existsSync(join(cache.cacheFolder, "kind-key"))).toBe(false);
  const folder = await cache.cached("kind", "key", async (made) => writeFileSync(join(made, "whole"), ""));
  expect(readdirSync(folder)).toEqual(["whole"]);
});

test("an entry that was not asked for in two weeks goes when another of its kind is asked for; a younger one stays", async () => {
  for (const [name, days] of [
    ["kind-old", 15],
    ["kind-young", 13],
    ["other-old", 15],
  ] as const) {
    const folder = join(cache.cacheFolder, name);
    mkdirSync(folder, { recursive: true });
    const then = new Date(Date.now() - days * 86_400_000);
    utimesSync(folder, then, then);
  }
  await cache.cached("kind", "new", async () => {});
  const folders = readdirSync(cache.cacheFolder).filter((name) => !name.endsWith(".lock"));
  expect(folders.sort()).toEqual(["kind-new", "kind-young", "other-old"]);
});

test("work under one lock is done one after the other, also after work that has failed", async () => {
  const steps: string[] = [];
  const work = (name: string) =>
    cache.withLock("lock", async () => {
      steps.push(`${name} begins`);
      await new Promise(setImmediate);
      steps.push(`${name} ends`);
      if (name === "one") throw new Error("one has failed");
    });
  const [one] = await Promise.allSettled([work("one"), work("two")]);
  expect(one.status).toBe("rejected");
  const [first] = steps[0]?.split(" ") ?? [];
  const second = first === "one" ? "two" : "one";
  expect(steps).toEqual([`${first} begins`, `${first} ends`, `${second} begins`, `${second} ends`]);
});

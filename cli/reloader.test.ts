import { expect, it } from "vitest";
import { Reloader } from "./reloader.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

it("reloads one at a time, and once more for all that was asked for meanwhile", async () => {
  const running: (() => void)[] = [];
  const reloader = new Reloader(() => new Promise((resolve) => running.push(resolve)));
  reloader.request();
  reloader.request();
  reloader.request();
  expect(running.length).toBe(1);
  running[0]?.();
  await turn();
  expect(running.length).toBe(2);
  running[1]?.();
  await turn();
  expect(running.length).toBe(2);
  reloader.request();
  expect(running.length).toBe(3);
});

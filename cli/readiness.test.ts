import { expect, it } from "vitest";
import { Readiness } from "./readiness.ts";

function setUp() {
  const news: string[] = [];
  const readiness = new Readiness(
    ["R1 0", "R1 1"],
    () => news.push("all"),
    (name) => news.push(`lost ${name}`),
  );
  return { news, readiness };
}

it("says once when all are ready, and again when a lost one is back", () => {
  const { news, readiness } = setUp();
  expect(readiness.missing).toStrictEqual(["R1 0", "R1 1"]);
  readiness.report("R1 0", true);
  expect(news).toStrictEqual([]);
  expect(readiness.missing).toStrictEqual(["R1 1"]);
  readiness.report("R1 1", true);
  readiness.report("R1 1", true);
  readiness.report("R1 0", false);
  readiness.report("R1 0", true);
  expect(news).toStrictEqual(["all", "lost R1 0", "all"]);
});

it("says nothing of one that was not ready", () => {
  const { news, readiness } = setUp();
  readiness.report("R1 0", false);
  expect(news).toStrictEqual([]);
});

it("says nothing of one whose process is gone, but waits for it again", () => {
  const { news, readiness } = setUp();
  readiness.report("R1 0", true);
  readiness.report("R1 1", true);
  readiness.gone("R1 1");
  readiness.report("R1 1", false);
  expect(readiness.missing).toStrictEqual(["R1 1"]);
  readiness.report("R1 1", true);
  expect(news).toStrictEqual(["all", "all"]);
});

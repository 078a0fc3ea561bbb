import { describe, expect, it } from "vitest";
import { median, pairedRatio, quantile, spread } from "./statistics.ts";

describe("figures of several rounds", () => {
  it.each([
    ["the value itself", [7], 7],
    ["the one in the middle, whatever their order", [9, 1, 5], 5],
    ["the mean of the two in the middle", [4, 1, 3, 100], 3.5],
  ])("the median is %s", (_what, values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it("a quantile lies between its neighbours", () => {
    expect([0, 0.25, 0.99, 1].map((share) => quantile([10, 20, 30, 40, 50], share))).toStrictEqual([10, 20, 49.6, 50]);
  });

  it("the spread is the distance from least to most over the median", () => {
    expect([spread([90, 100, 110]), spread([5]), spread([0, 0])]).toStrictEqual([0.2, 0, 0]);
  });

  it("a ratio pairs the rounds, so that a slow round does not count", () => {
    expect(pairedRatio([150, 1_500, 160], [100, 1_000, 100])).toBe(1.5);
  });

  it("there is no quantile of nothing", () => {
    expect(() => median([])).toThrow("nothing to take a quantile of");
  });
});

import { expect, it } from "vitest";
import { LabelValues, labelValuesMax } from "./label-values.ts";

it("gives the first values a series each and counts all later ones as one", () => {
  const values = new LabelValues();
  const names = Array.from({ length: labelValuesMax + 2 }, (_, i) => `route ${i}`);
  expect(names.map((name) => values.bounded(name))).toEqual([...names.slice(0, labelValuesMax), "other", "other"]);
  expect(values.bounded("route 0")).toBe("route 0");
});

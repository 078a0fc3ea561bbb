import type { LabelSelector } from "@sallyport/proto/pod-template";
import { describe, expect, it } from "vitest";
import { fitsSelector } from "./label-selector.ts";

const labels = { team: "blue", stage: "" };
const one = (key: string, operator: string, values?: string[]): LabelSelector =>
  ({ matchExpressions: [{ key, operator, values }] }) as LabelSelector;

const cases: Record<string, [selector: LabelSelector, fits: boolean]> = {
  "that asks for nothing fits everything": [{}, true],
  "fits labels that are all there": [{ matchLabels: { team: "blue", stage: "" } }, true],
  "fits no other value": [{ matchLabels: { team: "red" } }, false],
  "fits no label that is not there": [{ matchLabels: { zone: "" } }, false],
  "In: one of the values": [one("team", "In", ["red", "blue"]), true],
  "In: not without the label": [one("zone", "In", [""]), false],
  "NotIn: none of the values": [one("team", "NotIn", ["blue"]), false],
  "NotIn: also without the label": [one("zone", "NotIn", ["a"]), true],
  "Exists: with any value": [one("stage", "Exists"), true],
  "Exists: not without the label": [one("zone", "Exists"), false],
  "DoesNotExist: without the label": [one("zone", "DoesNotExist"), true],
  "DoesNotExist: not with it": [one("stage", "DoesNotExist"), false],
  "takes no property of every object for a label": [one("constructor", "Exists"), false],
  "asks for all of its parts": [{ matchLabels: { team: "blue" }, ...one("zone", "Exists") }, false],
};

describe("a label selector", () => {
  it.each(Object.entries(cases))("%s", (_, [selector, fits]) => {
    expect(fitsSelector(selector, labels)).toBe(fits);
  });
});

import { describe, expect, it } from "vitest";
import { help, parseOptions } from "./options.ts";

const known = ["batch", "envelope"];
const defaults = {
  ...{ help: false, keep: false, input: undefined, targets: known, seconds: 60, seed: 5, parallel: 2 },
  executionsMax: Number.MAX_SAFE_INTEGER,
};
const parse = (line: string) => parseOptions(line === "" ? [] : line.split(" "), known, 5);

describe("npm run fuzz", () => {
  it.each<[string, object]>([
    ["", {}],
    ["--target envelope --seconds 30", { targets: ["envelope"], seconds: 30 }],
    ["--target envelope,batch --target batch", { targets: ["envelope", "batch"] }],
    ["--seed 0 --executions 9 --parallel 1 --keep", { seed: 0, executionsMax: 9, parallel: 1, keep: true }],
    ["--target batch --input f", { targets: ["batch"], input: "f" }],
    ["--help", { help: true }],
  ])("takes: %s", (line, options) => {
    expect(parse(line)).toStrictEqual({ ...defaults, ...options });
  });

  it.each([
    ["--target soap", "--target: there is no target soap; there are batch, envelope"],
    ["--seconds 0", "--seconds is a whole number from 1 to 86400, not 0"],
    ["--seed -1x", "argument is ambiguous"],
    ["--seed=1e3", "--seed is a whole number from 0 to 4294967295, not 1e3"],
    ["--input f", "--input needs the one --target that is to read it"],
    ["--input f --target batch,envelope", "--input needs the one --target that is to read it"],
    ["--time 3", "Unknown option '--time'"],
    ["batch", "Unexpected argument 'batch'"],
  ])("refuses: %s", (line, message) => {
    expect(() => parse(line)).toThrow(message);
  });

  it("lists its targets", () => {
    const text = help(
      new Map([
        ["batch", "frames"],
        ["envelope", "SOAP"],
      ]),
    );
    expect(text).toContain("\n  batch     frames\n  envelope  SOAP\n");
  });
});

import { describe, expect, it } from "vitest";
import { judge } from "./gates.ts";
import { parseOptions, rows } from "./options.ts";
import { plot } from "./plot.ts";
import { report } from "./report.ts";
import type { BesideBulk, Results } from "./results.ts";
import type { CallRounds } from "./small-calls.ts";
import { table } from "./table.ts";

const latency = { callsPerSecond: [1_000, 1_200], p50Us: [500, 700], p99Us: [2_000, 4_000] };
const direct: CallRounds = { name: "direct", ...latency, cpuUsPerCall: [], cpuUsPerCallOf: {} };
const oneHop: CallRounds = {
  ...{ name: "one hop", ...latency },
  ...{ cpuUsPerCall: [100, 200], cpuUsPerCallOf: { "one hop": [100, 200] } },
};
const tunnel = (r1: number[], r2: number[]): CallRounds => ({
  ...{ name: "tunnel", ...latency },
  ...{ cpuUsPerCall: r1.map((us, i) => us + r2[i]!), cpuUsPerCallOf: { r1, r2 } },
});
const bulkRow = (name: "direct" | "tunnel", direction: "down" | "up", megabytesPerSecond: number[]) => ({
  ...{ name, direction, megabytesPerSecond },
  ...{
    cpuSecondsPerGibibyte: name === "tunnel" ? [6, 8] : [],
    peakRssMib: name === "tunnel" ? { r1: 150, r2: 160 } : {},
  },
});
const beside = (queuedAheadBytes: number[]): BesideBulk => ({
  ...{ queuedAheadBytes, socketQueueBytes: [1_024, 3_072], calls: [direct] },
});

describe("what must hold", () => {
  it("holds at its limits", () => {
    const calls = [direct, oneHop, tunnel([80, 160], [90, 180])];
    const bulk = [
      ...[bulkRow("direct", "down", [1_600]), bulkRow("tunnel", "down", [180])],
      ...[bulkRow("direct", "up", [1_600]), bulkRow("tunnel", "up", [200])],
    ];
    expect(judge({ calls, bulk, beside: beside([0, 524_288]) }).map(({ holds }) => holds)).toStrictEqual([
      ...[true, true, true, true],
    ]);
  });

  it("fails beyond them, each for itself", () => {
    const calls = [oneHop, tunnel([90, 180], [90, 180])];
    const bulk = [
      ...[bulkRow("direct", "down", [1_600]), bulkRow("tunnel", "down", [170])],
      ...[bulkRow("direct", "up", [1_600]), bulkRow("tunnel", "up", [200])],
    ];
    const gates = judge({ calls, bulk, beside: beside([600_000]) });
    expect(gates.map(({ value, holds }) => [value, holds])).toStrictEqual([
      [1.8, false],
      [0.10625, false],
      [0.125, true],
      [600_000, false],
    ]);
  });

  it("is asked only of rows that were measured", () => {
    expect(judge({})).toStrictEqual([]);
  });
});

const results: Results = {
  ...{ date: "2026-01-02T03:04:05.678Z", quick: false },
  machine: { ...{ processor: "CPU", cores: 2, memoryGib: 8 }, ...{ kernel: "6.1", node: "24.0.0", othersShare: 0.04 } },
  calls: [direct, oneHop, tunnel([80, 160], [90, 180])],
  bulk: [bulkRow("direct", "down", [1_600]), bulkRow("tunnel", "down", [180])],
  beside: beside([0, 1_024]),
  gates: [{ what: "CPU time", value: 1.7, atMost: 1.7, holds: true }],
};

describe("the report", () => {
  it("has machine, noise, and the medians of each row", () => {
    expect(report(results).split("\n")).toStrictEqual([
      "2026-01-02T03:04:05.678Z, CPU, 2 cores, 8 GiB, Linux 6.1, Node 24.0.0; others took 4 % of the cores' time.",
      "",
      "Small SOAP calls over 64 keep-alive connections",
      "",
      "|         | calls/s | p50 ms | p99 ms |          CPU µs/call | over one hop | spread |",
      "| ------- | ------: | -----: | -----: | -------------------: | -----------: | -----: |",
      "| direct  |   1,100 |   0.60 |   3.00 |                    – |            – |      – |",
      "| one hop |   1,100 |   0.60 |   3.00 |                  150 |         1.00 |   67 % |",
      "| tunnel  |   1,100 |   0.60 |   3.00 | 255 (r1 120, r2 135) |         1.70 |   67 % |",
      "",
      "One large message",
      "",
      "|        |      |  MB/s | CPU s/GiB |   peak RSS MiB |",
      "| ------ | ---: | ----: | --------: | -------------: |",
      "| direct | down | 1,600 |         – |              – |",
      "| tunnel | down |   180 |       7.0 | r1 150, r2 160 |",
      "",
      "Small calls beside a download over the same link",
      "",
      "Bytes of a download that arrive before a small answer given to the same link: p50 1 KiB, p99 1 KiB, most 1 KiB (2 samples).",
      "Bytes in the sockets of a link between two routers that carries a download: p50 2 KiB, p99 3 KiB, most 3 KiB (2 samples).",
      "",
      "|        | calls/s | p50 ms | p99 ms |",
      "| ------ | ------: | -----: | -----: |",
      "| direct |   1,100 |   0.60 |   3.00 |",
      "",
      "What must hold",
      "",
      "|          | measured |        limit |       |",
      "| -------- | -------: | -----------: | ----: |",
      "| CPU time |     1.70 | at most 1.70 | holds |",
      "",
    ]);
  });

  it("a table's columns line up", () => {
    expect(table(["", "n"], [["a", "1,000"]])).toBe("|     |     n |\n| --- | ----: |\n| a   | 1,000 |");
  });
});

describe("the plot", () => {
  it("has a bar for each part, as long as its share of the longest, and the limit", () => {
    const drawing = plot({ ...results, gates: [{ what: "CPU time …", value: 1, atMost: 1.7, holds: true }] });
    const [, widths] = [0, [...drawing.matchAll(/<rect x="\d+" y="\d+" width="(\d+)"/g)].map(([, width]) => width)];
    expect(widths).toStrictEqual(["294", "235", "265", "500", "56"]);
    expect(drawing).toContain("1.7 × one hop");
    expect(drawing.match(/<svg|<\/svg>/g)).toStrictEqual(["<svg", "</svg>"]);
  });
});

describe("options", () => {
  it("all rows, by default, and nothing else", () => {
    const expected = { quick: false, json: false, help: false, profile: false, svg: undefined, rows: new Set(rows) };
    expect(parseOptions([])).toStrictEqual(expected);
  });

  it("only the rows that are named", () => {
    expect(parseOptions(["--quick", "--rows", "bulk, rate"]).rows).toStrictEqual(new Set(["bulk", "rate"]));
  });

  it.each([
    ["an unknown row", ["--rows", "cal"], "there is no row cal; there are calls, bulk, beside, rate"],
    ["an unknown option", ["--fast"], "Unknown option '--fast'"],
  ])("%s is refused", (_what, args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});

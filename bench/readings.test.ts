import { describe, expect, it } from "vitest";
import { cpuMs, peakRssMib, statFields } from "./process-usage.ts";
import { topSelfTimes } from "./profile.ts";
import { sumQueues } from "./socket-queues.ts";
import { readCalls } from "./wrk.ts";

/** What others write and the benchmark reads. */

describe("wrk's figures", () => {
  const figures = { calls: 5_000, failed: 0, bytes: 1, us: 2_000_000, p50Us: 800, p99Us: 4_000, maxUs: 9_000 };
  const output = (more: Partial<typeof figures>): string =>
    `Running 2s test\n  Requests/sec: 2500\n\n${JSON.stringify({ ...figures, ...more })}\n`;

  it("come from the last line of JSON", () => {
    const expected = { calls: 5_000, callsPerSecond: 2_500, p50Us: 800, p99Us: 4_000 };
    expect(readCalls(output({}))).toStrictEqual(expected);
  });

  it.each([
    ["a call failed", output({ failed: 3 }), "3 of 5000 calls failed"],
    ["no call was made", output({ calls: 0 }), "wrk made no calls"],
    ["there are no figures", "unable to connect", "wrk printed no figures: unable to connect"],
  ])("are refused when %s", (_what, text, message) => {
    expect(() => readCalls(text)).toThrow(message);
  });
});

describe("/proc", () => {
  it("a process's fields are found behind a name with spaces and brackets", () => {
    expect(statFields("12 (node) (x) y) 3 1 12 12\n")).toStrictEqual([3, 1, 12, 12]);
  });

  it("this process's own figures can be read", () => {
    expect(cpuMs(process.pid)).toBeGreaterThan(0);
    expect(peakRssMib(process.pid)).toBeGreaterThan(10);
  });

  it("the queues of a port's established connections are summed, from either end", () => {
    const tcp = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when",
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000005 00:00000000",
      "   1: 0100007F:1F90 0100007F:C001 01 00000001:00001000 00:00000000",
      "   2: 0100007F:C001 0100007F:1F90 01 00020000:00000000 02:00000000",
      "   3: 0100007F:C002 0100007F:1F91 01 00FF0000:00000000 00:00000000",
      "",
    ].join("\n");
    expect(sumQueues(tcp, 0x1f90)).toBe(1 + 0x1000 + 0x20000);
  });
});

describe("a CPU profile", () => {
  const frame = (functionName: string, url = "", lineNumber = -1) => ({ functionName, url, lineNumber });
  const nodes = [
    { id: 1, callFrame: frame("(root)") },
    { id: 2, callFrame: frame("(idle)") },
    { id: 3, callFrame: frame("flush", "file:///a/tunnel/link.ts", 9) },
    { id: 4, callFrame: frame("writev") },
    { id: 5, callFrame: frame("", "file:///a/tunnel/link.ts", 19) },
    { id: 6, callFrame: frame("flush", "file:///a/tunnel/link.ts", 9) },
  ];
  const profile = { nodes, samples: [1, 2, 3, 4, 5, 6, 3], timeDeltas: [10, 1_000, 20, 30, 20, 10, 20] };

  it("is summed by function, idle time left out", () => {
    expect(topSelfTimes(profile, 2)).toStrictEqual([
      { where: "flush tunnel/link.ts:10", us: 50, share: 0.5 },
      { where: "writev", us: 30, share: 0.3 },
    ]);
  });

  it("leaves the start of the process out when asked to", () => {
    expect(topSelfTimes(profile, 2, 1_060)).toStrictEqual([
      { where: "flush tunnel/link.ts:10", us: 30, share: 0.6 },
      { where: "(anonymous) tunnel/link.ts:20", us: 20, share: 0.4 },
    ]);
  });
});

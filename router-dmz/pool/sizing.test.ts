import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shares, wantedLinks } from "./sizing.ts";

const size = { min: 2, max: 16, callsPerLink: 64 };
const idle = { links: 2, callsInFlight: 0, callsWaiting: 0, linksBehind: 0 };

describe("T8: the links R1 wants", () => {
  it.each([
    ["an idle pool", idle, 2],
    ["as many calls as two links should carry", { ...idle, callsInFlight: 128 }, 2],
    ["one call more", { ...idle, callsInFlight: 129 }, 3],
    ["calls that wait count like those in flight", { ...idle, callsInFlight: 128, callsWaiting: 65 }, 4],
    ["more than the maximum carries", { ...idle, callsInFlight: 100_000 }, 16],
    ["a link that cannot send as fast as it should", { ...idle, links: 3, linksBehind: 1 }, 4],
    ["many of them: still one at a time", { ...idle, links: 3, linksBehind: 3 }, 4],
    ["at the maximum already", { ...idle, links: 16, linksBehind: 16 }, 16],
  ])("for %s", (_, load, wanted) => {
    expect(wantedLinks(load, size)).toBe(wanted);
  });

  it("are shared evenly, and none goes without", () => {
    expect([shares(5, 2), shares(2, 3), shares(16, 3), shares(4, 0)]).toEqual([[3, 2], [1, 1, 1], [6, 5, 5], []]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 64 }), (wanted, owners) => {
        const parts = shares(wanted, owners);
        expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
        expect(parts.reduce((sum, part) => sum + part)).toBe(Math.max(wanted, owners));
      }),
    );
  });
});

import { describe, expect, it } from "vitest";
import { containerPorts } from "./container-ports.ts";

const cases: Record<string, [ports: number[], containers: number[]]> = {
  "1024 and more are kept": [
    [8080, 1024, 65_535],
    [8080, 1024, 65_535],
  ],
  "under 1024 come 10,000 higher": [
    [80, 443, 1023],
    [10_080, 10_443, 11_023],
  ],
  "the routers' own ports are left to them": [
    [7443, 8085, 8086, 7444],
    [17_443, 18_085, 18_086, 17_444],
  ],
  "what is kept comes before what moves, in whatever order": [
    [80, 10_080, 10_081],
    [10_082, 10_080, 10_081],
  ],
};

describe("a listener's port in its container", () => {
  it.each(Object.entries(cases))("%s", (_, [ports, containers]) => {
    const listeners = ports.map((port) => ({ name: `l${port}`, port }));
    const found = containerPorts(listeners);
    expect(listeners.map(({ name }) => found.get(name))).toEqual(containers);
  });

  it("is never one twice, with as many listeners as there may be", () => {
    const listeners = Array.from({ length: 64 }, (_, i) => ({ name: `l${i}`, port: i < 32 ? i + 1 : 10_001 + i }));
    const found = [...containerPorts(listeners).values()];
    expect(new Set(found).size).toBe(64);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(1024);
  });
});

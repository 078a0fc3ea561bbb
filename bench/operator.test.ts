import { describe, expect, it } from "vitest";
import { OperatorBoard } from "./operator-board.ts";
import { documentsOf, edited } from "./operator-documents.ts";
import { counterSum, growth, operatorReport } from "./operator-report.ts";
import type { OperatorReadings } from "./operator-run.ts";

function readings(tunnels: number, cpuMs: readonly number[]): OperatorReadings {
  return {
    ...{ tunnels, routes: tunnels * 10, objects: 15 * tunnels, pods: 2 * tunnels, convergeSeconds: 12.34 },
    ...{ convergeCpuSeconds: 5.67, convergeWrites: 1_234, peakRssMib: 150.4, idleShare: 0.0125 },
    edits: cpuMs.map((ms) => ({ cpuMs: ms, seconds: 0.1, writes: 3, reconciles: 1 })),
  };
}

describe("the documents", () => {
  it("are as many as asked for, ten tunnels to a namespace, each with its share of the routes", () => {
    const { surroundings, tunnels, routes } = documentsOf({ tunnels: 20, routes: 200 });
    expect([surroundings.length, tunnels.length, routes.length]).toEqual([6, 20, 200]);
    const places = tunnels.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    const parents = routes.map(({ metadata, spec }) => {
      const [parent] = (spec as { parentRefs: [{ name: string }] }).parentRefs;
      return `${metadata.namespace}/${parent.name}`;
    });
    for (const place of places) expect(parents.filter((parent) => parent === place)).toHaveLength(10);
  });

  it("differ after each edit", () => {
    const [route] = documentsOf({ tunnels: 1, routes: 1 }).routes;
    const texts = [route!, edited(route!, 0), edited(route!, 1)].map((one) => JSON.stringify(one));
    expect(new Set(texts).size).toBe(3);
  });
});

describe("what is waited for", () => {
  const route = (generation: number, observedGeneration: number, status = "True") => ({
    ...{ apiVersion: "v1", kind: "TunnelRoute", metadata: { name: "calc", namespace: "home", generation } },
    status: {
      parents: [
        {
          conditions: ["Accepted", "ResolvedRefs"].map((type) => ({ type, status, observedGeneration })),
        },
      ],
    },
  });

  it("has come with a status of the latest generation, and no sooner", async () => {
    const board = new OperatorBoard();
    let isThere = false;
    const came = board
      .until(() => board.generationDone(route(2, 2)) === 2, new AbortController().signal)
      .then(() => {
        isThere = true;
      });
    for (const early of [route(1, 1), route(2, 1), route(2, 2, "False")]) board.put(early);
    await Promise.resolve();
    expect([isThere, board.done]).toEqual([false, 0]);
    board.put(route(2, 2));
    await came;
    expect(board.done).toBe(1);
  });

  it("is given up when it is told to", async () => {
    const stop = new AbortController();
    const waits = new OperatorBoard().until(() => false, stop.signal);
    stop.abort(new Error("too long"));
    await expect(waits).rejects.toThrow("too long");
  });
});

describe("the report", () => {
  it("has a column for each size, with the medians of the rounds", () => {
    const lines = operatorReport([readings(20, [9, 5, 7]), readings(200, [8, 8, 20])]).split("\n");
    const cells = lines.map((line) => line.split("|").map((cell) => cell.trim()));
    expect(cells[0]?.slice(2, 4)).toEqual(["20 tunnels, 200 routes", "200 tunnels, 2,000 routes"]);
    expect(cells.find(([, name]) => name === "one more change: CPU ms")?.slice(2, 4)).toEqual(["7.0", "8.0"]);
    expect(cells.find(([, name]) => name === "seconds to converge")?.[2]).toBe("12.3");
  });

  it("tells by how much one more change grows", () => {
    expect(growth([readings(20, [9, 5, 8]), readings(200, [12, 12, 20])])).toBe(1.5);
  });

  it("adds up a counter's series, and none of another one's", () => {
    const text = [
      "# TYPE a_total counter",
      'a_total{kind="x",verb="y"} 3',
      "a_total 4",
      "# TYPE a_totals counter",
      "a_totals 9",
    ].join("\n");
    expect(counterSum(text, "a_total")).toBe(7);
    expect(() => counterSum(text, "b_total")).toThrow("no metric b_total");
  });
});

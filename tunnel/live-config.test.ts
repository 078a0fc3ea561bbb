import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { LiveConfig } from "./live-config.ts";
import type { Log } from "./log.ts";

interface Sample {
  readonly routes: readonly string[];
  readonly waiting: { readonly callsMax: number; readonly timeoutMs: number };
  readonly http: { readonly idleMs: number; readonly headerBytesMax: number };
  readonly port: number;
}

const initial: Sample = {
  routes: ["a"],
  waiting: { callsMax: 1, timeoutMs: 2 },
  http: { idleMs: 3, headerBytesMax: 4 },
  port: 5,
};

function start(apply = (_config: Sample, _changed: readonly string[]): void => {}) {
  const logged: unknown[] = [];
  const level = (name: string) => (what: object | string, message?: string) =>
    logged.push(message === undefined ? [name, what] : [name, what, message]);
  const log = { info: level("info"), warn: level("warn"), error: level("error") } as unknown as Log;
  const metrics = new Registry();
  const live = new LiveConfig({
    ...{ initial, live: ["routes", "waiting", "http.idleMs"], apply, log, metrics },
    parse: (config) => {
      if (config === "bad") throw new Error("routes: is missing");
      return config as Sample;
    },
    now: () => new Date("2026-11-23T12:00:00Z"),
  });
  const read = (config: unknown) => live.reload({ t: "read", config });
  return { live, read, logged, metrics };
}

describe("a configuration in force", () => {
  it("takes what can change while the router runs, and names what needs a restart", () => {
    const applied: unknown[] = [];
    const { live, read, logged } = start((config, changed) => applied.push([config.routes, changed]));
    const wanted = {
      ...{ routes: ["b"], waiting: { callsMax: 9, timeoutMs: 2 }, http: { idleMs: 8, headerBytesMax: 7 }, port: 6 },
    };
    const changed = ["routes", "waiting.callsMax", "http.idleMs"];
    const needsRestart = ["http.headerBytesMax", "port"];
    expect(read(wanted)).toStrictEqual({ t: "applied", changed, needsRestart });
    expect(live.current).toStrictEqual({ ...wanted, http: { idleMs: 8, headerBytesMax: 4 }, port: 5 });
    expect(applied).toStrictEqual([[["b"], changed]]);
    expect(logged).toStrictEqual([
      ["warn", { changed, needsRestart }, "configuration reloaded; restart the router for what needs it"],
    ]);
  });

  it("that is read again unchanged changes nothing", () => {
    const { live, read, logged } = start(() => expect.unreachable());
    expect(read(structuredClone(initial))).toStrictEqual({ t: "unchanged" });
    expect(live.current).toBe(initial);
    expect(logged).toStrictEqual([["info", "configuration read again; nothing has changed"]]);
  });

  it("says once what needs a restart, and is quiet again when that is taken back", () => {
    const { live, read } = start();
    const needsRestart = ["port"];
    expect(read({ ...initial, port: 6 })).toStrictEqual({ t: "applied", changed: [], needsRestart });
    expect(read({ ...initial, port: 6 })).toStrictEqual({ t: "unchanged" });
    expect(live.status).toMatchObject({ needsRestart });
    expect(read(initial)).toStrictEqual({ t: "applied", changed: [], needsRestart: [] });
    expect(live.status).toMatchObject({ needsRestart: [] });
  });

  it("stays when a later one is wrong, cannot be read, or cannot be applied", () => {
    const { live, read, logged } = start(() => {
      throw new Error("no");
    });
    expect(read("bad")).toStrictEqual({ t: "refused", message: "routes: is missing" });
    const message = "r2.yaml: there is no such file";
    expect(live.reload({ t: "unreadable", message })).toStrictEqual({ t: "refused", message });
    expect(read({ ...initial, routes: [] })).toStrictEqual({ t: "refused", message: "no" });
    expect(live.current).toBe(initial);
    expect(logged.slice(0, 2)).toStrictEqual([
      ["error", { problem: "routes: is missing" }, "new configuration refused; the old one stays"],
      ["error", { problem: message }, "new configuration refused; the old one stays"],
    ]);
  });

  it("shows on the status page what became of later ones", () => {
    const { live, read } = start();
    expect(live.status).toStrictEqual({
      ...{ valid: true, error: "", needsRestart: [], lastReload: "" },
      reloads: { applied: 0, unchanged: 0, refused: 0 },
    });
    read({ ...initial, routes: [] });
    read("bad");
    expect(live.status).toStrictEqual({
      ...{ valid: false, error: "routes: is missing", needsRestart: [], lastReload: "2026-11-23T12:00:00.000Z" },
      reloads: { applied: 1, unchanged: 0, refused: 1 },
    });
    read({ ...initial, routes: [] });
    expect(live.status).toMatchObject({ valid: true, error: "" });
  });

  it("counts in metrics", async () => {
    const { read, metrics } = start();
    const values = async () => (await metrics.metrics()).split("\n").filter((line) => /^sallyport/.test(line));
    read({ ...initial, routes: [] });
    read("bad");
    read({ ...initial, port: 6 });
    read("bad");
    expect(await values()).toStrictEqual([
      'sallyport_config_reloads_total{outcome="applied"} 2',
      'sallyport_config_reloads_total{outcome="unchanged"} 0',
      'sallyport_config_reloads_total{outcome="refused"} 2',
      "sallyport_config_valid 0",
      "sallyport_config_restart_fields 1",
    ]);
  });
});

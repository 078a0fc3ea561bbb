import type { Loaded, Reloaded } from "@sallyport/tunnel/live-config";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchIntervalMs } from "./file-watch.ts";
import { Interrupts, samePressMs } from "./interrupts.ts";
import { runRouter } from "./router-run.ts";
import { createRouterFiles, intranetYaml, type RouterFiles, routeYaml } from "./testing/router-files.ts";

let files: RouterFiles;

beforeEach(async () => {
  files = await createRouterFiles();
});

afterEach(() => files.remove());

/** R2 of the files, with a router that only remembers what it was given. */
function begin(startError?: Error) {
  const clock = new FakeClock();
  const interrupts = new Interrupts(clock);
  const reloads: Loaded[] = [];
  const logged: unknown[] = [];
  let hangUp = (): void => expect.unreachable();
  let wake = (): void => {};
  const drained = Promise.withResolvers<void>();
  const started = Promise.withResolvers<unknown>();
  const log = (fields: object, message: string) => logged.push([message, fields]);
  const host = {
    ...{ clock, now: () => new Date(), log: () => ({ info: log, warn: log }) },
    start: async (config: unknown) => {
      if (startError) throw startError;
      started.resolve(config);
      const reload = (loaded: Loaded): Reloaded => {
        reloads.push(loaded);
        wake();
        return { t: "unchanged" };
      };
      return { ports: {}, drain: () => drained.promise, reload };
    },
    onHangUp: (act: () => void) => {
      hangUp = act;
    },
  };
  const ended = runRouter({ side: "intranet", config: files.path("r2.yaml"), verbose: false }, host, interrupts);
  ended.catch(() => {});
  /** The next reload. */
  const reload = () =>
    new Promise<Loaded>((resolve) => {
      const count = reloads.length;
      wake = () => resolve(reloads[count]!);
    });
  /** Lets the watch look at the files, until it has found them changed and at rest. */
  const changed = async () => {
    const next = reload();
    let isDone = false;
    void next.then(() => {
      isDone = true;
    });
    while (!isDone) {
      clock.advance(watchIntervalMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return next;
  };
  return {
    clock,
    interrupts,
    ended,
    started: started.promise,
    drained,
    reload,
    changed,
    reloads,
    logged,
    hangUp: () => hangUp(),
  };
}

const routeNames = (loaded: Loaded) =>
  loaded.t === "read"
    ? (loaded.config as { routes: { metadata: { name: string } }[] }).routes.map(({ metadata }) => metadata.name)
    : loaded.message;

describe("sallyport r2", () => {
  it("starts the router, drains it when told to stop, and answers 0", async () => {
    const { interrupts, ended, started, drained, logged } = begin();
    expect(await started).toMatchObject({ tunnel: "default/partners", routes: [{ metadata: { name: "all" } }] });
    expect(logged).toStrictEqual([
      [
        "starting",
        {
          ...{ pid: process.pid, side: "intranet", config: files.path("r2.yaml") },
          certificateUntil: expect.stringMatching(/^\d{4}-.*Z$/),
        },
      ],
    ]);
    interrupts.receive("SIGTERM");
    drained.resolve();
    expect(await ended).toBe(0);
  });

  it("ends at once at a second signal", async () => {
    const { interrupts, ended, started, clock } = begin();
    await started;
    interrupts.receive("SIGTERM");
    clock.advance(samePressMs);
    interrupts.receive("SIGTERM");
    expect(await ended).toBe(143);
  });

  it("ends with 2 when its files cannot be used, and with 1 when it cannot start", async () => {
    await expect(begin(new Error("admin port: taken")).ended).rejects.toMatchObject({
      ...{ exitCode: 1, message: "R2 could not start: admin port: taken" },
    });
    await files.write("r2.yaml", intranetYaml.replace("routes.yaml", "none.yaml"));
    await expect(begin().ended).rejects.toMatchObject({ exitCode: 2 });
  });

  it("reads everything again at SIGHUP", async () => {
    const { started, hangUp, reload, ended, interrupts, drained } = begin();
    await started;
    await new Promise((resolve) => setImmediate(resolve));
    await files.write("routes.yaml", routeYaml("other"));
    const next = reload();
    hangUp();
    expect(routeNames(await next)).toStrictEqual(["other"]);
    interrupts.receive("SIGTERM");
    drained.resolve();
    await ended;
  });

  it("takes a changed file by itself; hands on what is wrong with one, and goes on when that is mended", async () => {
    const { started, changed, reloads } = begin();
    await started;
    await files.write("routes.yaml", routeYaml("other"));
    expect(routeNames(await changed())).toStrictEqual(["other"]);
    await files.write("routes.yaml", "kind: [");
    expect(routeNames(await changed())).toMatch(/routes\.yaml:1:8: .*is not YAML/);
    await files.write("r2.yaml", "kind: [");
    expect(routeNames(await changed())).toMatch(/r2\.yaml:1:8: is not YAML/);
    await files.write("routes.yaml", routeYaml("mended"));
    expect(routeNames(await changed())).toMatch(/r2\.yaml/);
    await files.write("r2.yaml", intranetYaml);
    expect(routeNames(await changed())).toStrictEqual(["mended"]);
    await files.chmod("r2/private-key.pem", 0o604);
    expect(routeNames(await changed())).toMatch(/is open to others \(mode 604\)/);
    await files.chmod("r2/private-key.pem", 0o600);
    expect(routeNames(await changed())).toStrictEqual(["mended"]);
    expect(reloads.length).toBe(7);
  });

  it("reloads nothing more once it drains", async () => {
    const { started, hangUp, interrupts, drained, ended, reloads, clock } = begin();
    await started;
    await new Promise((resolve) => setImmediate(resolve));
    interrupts.receive("SIGTERM");
    await new Promise((resolve) => setImmediate(resolve));
    hangUp();
    drained.resolve();
    await ended;
    expect({ reloads, timers: clock.pending }).toStrictEqual({ reloads: [], timers: 0 });
  });
});

import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { describe, expect, it } from "vitest";
import { CliError } from "./cli-error.ts";
import { everyLevel, warnLevel } from "./log-line.ts";
import type { Ports } from "./report.ts";
import { Supervisor } from "./supervisor.ts";
import { startLimitMs } from "./supervisor-state.ts";
import { FakeChildren } from "./testing/fake-child.ts";

const listening = { t: "listening", ports: { http: 8080, tunnel: 7000 } };
const killed = { t: "signal", signal: "SIGKILL" } as const;

function setUp(leastLogLevel = warnLevel) {
  const clock = new FakeClock();
  const children = new FakeChildren(101);
  const said: string[] = [];
  const news: unknown[] = [];
  const supervisor = new Supervisor(
    {
      name: "R1 0",
      spawn: children.spawn,
      args: (ports: Ports) => [JSON.stringify(ports)],
      order: (ports: Ports) => ({ t: "start", config: { ports } }),
      drain: (child) => child.send({ t: "drain" }),
    },
    { say: (line) => said.push(line), onReady: (ready) => news.push(ready), onDown: () => news.push("down") },
    clock,
    leastLogLevel,
  );
  return { clock, children, said, news, supervisor };
}

async function up() {
  const all = setUp();
  const started = all.supervisor.start();
  all.children.last.says(listening);
  await started;
  all.said.length = 0;
  return all;
}

describe("a supervised process", () => {
  it("is started with its order, and its ports come back when it listens", async () => {
    const { children, said, supervisor } = setUp();
    const started = supervisor.start();
    expect(said).toStrictEqual(["R1 0 pid 101"]);
    expect(children.last.args).toStrictEqual(["{}"]);
    expect(children.last.got).toStrictEqual([{ t: "start", config: { ports: {} } }]);
    children.last.says(listening);
    expect(await started).toStrictEqual(listening.ports);
    expect(supervisor.ports).toStrictEqual(listening.ports);
  });

  it("that dies is started again, on the ports it had, with a line for either", async () => {
    const { clock, children, said, news } = await up();
    children.last.ends(killed);
    clock.advance(99);
    expect(children.all).toHaveLength(1);
    clock.advance(1);
    expect(said).toStrictEqual(["R1 0 (pid 101) ended by SIGKILL; restarting in 100 ms", "R1 0 pid 102"]);
    expect(children.last.args).toStrictEqual([JSON.stringify(listening.ports)]);
    expect(children.last.got).toStrictEqual([{ t: "start", config: { ports: listening.ports } }]);
    expect(news).toStrictEqual(["down"]);
  });

  it("that keeps dying is started ever more slowly, and fast again after 10 s of calm", async () => {
    const { clock, children, said } = await up();
    for (const waitMs of [100, 200, 400, 800, 1_600, 2_000, 2_000]) {
      children.last.ends(killed);
      expect(said.at(-1)).toContain(`restarting in ${waitMs} ms`);
      clock.advance(waitMs);
      children.last.says(listening);
    }
    clock.advance(10_000);
    children.last.ends(killed);
    expect(said.at(-1)).toContain("restarting in 100 ms");
  });

  it("that fails at its first start is not tried again", async () => {
    const { clock, children, said, supervisor } = setUp();
    const started = supervisor.start();
    children.last.says({ t: "failed", message: "cannot listen on 127.0.0.1:8080" });
    expect(children.last.got).toContain("SIGKILL");
    children.last.ends({ t: "code", code: 1 });
    await expect(started).rejects.toStrictEqual(
      new CliError(1, "R1 0 could not start: cannot listen on 127.0.0.1:8080"),
    );
    const timers = clock.pending;
    clock.advance(60_000);
    expect({ processes: children.all.length, said, timers }).toStrictEqual({
      processes: 1,
      said: ["R1 0 pid 101"],
      timers: 0,
    });
  });

  it("that fails at a later start is tried again", async () => {
    const { clock, children, said } = await up();
    children.last.ends(killed);
    clock.advance(100);
    children.last.says({ t: "failed", message: "port in use" });
    children.last.ends(killed);
    expect(said.at(-1)).toBe("R1 0 (pid 102) could not start: port in use; restarting in 200 ms");
    clock.advance(200);
    expect(children.last.pid).toBe(103);
  });

  it("that never listens is killed and fails its first start", async () => {
    const { clock, children, supervisor } = setUp();
    const started = supervisor.start();
    clock.advance(startLimitMs);
    expect(children.last.got).toContain("SIGKILL");
    children.last.ends(killed);
    await expect(started).rejects.toThrow("R1 0 could not start: it did not listen within 30 s");
  });

  it("reports whether it is ready, but not once it drains", async () => {
    const { children, news, supervisor } = await up();
    children.last.says({ t: "ready", ready: true });
    children.last.says({ t: "ready", ready: false });
    void supervisor.drain(7_000);
    children.last.says({ t: "ready", ready: true });
    expect(news).toStrictEqual([true, false]);
  });

  it("may say nonsense: that changes nothing", async () => {
    const { children, said, news, supervisor } = await up();
    for (const nonsense of [
      undefined,
      null,
      7,
      "ready",
      {},
      { t: "ready" },
      { t: "listening", ports: { http: "x" } },
    ]) {
      children.last.says(nonsense);
    }
    expect({ said, news, ports: supervisor.ports }).toStrictEqual({ said: [], news: [], ports: listening.ports });
  });
});

describe("draining a supervised process", () => {
  it("asks it, and is done when it has ended; it is not started again", async () => {
    const { clock, children, said, supervisor } = await up();
    const drained = supervisor.drain(7_000);
    expect(children.last.got.at(-1)).toStrictEqual({ t: "drain" });
    children.last.ends({ t: "code", code: 0 });
    await drained;
    const timers = clock.pending;
    clock.advance(60_000);
    expect({ processes: children.all.length, said, timers }).toStrictEqual({
      processes: 1,
      said: [],
      timers: 0,
    });
  });

  it("kills it when its time is over, and says so", async () => {
    const { clock, children, said, supervisor } = await up();
    const drained = supervisor.drain(7_000);
    clock.advance(7_000);
    expect(children.last.got.at(-1)).toBe("SIGKILL");
    children.last.ends(killed);
    await drained;
    expect(said).toStrictEqual(["R1 0 (pid 101) did not end within 7 s and is killed"]);
  });

  it("breaks its first start off", async () => {
    const { children, supervisor } = setUp();
    const started = supervisor.start();
    const drained = supervisor.drain(7_000);
    children.last.ends({ t: "code", code: 0 });
    await drained;
    await expect(started).rejects.toThrow("R1 0 was stopped");
  });

  it("needs no process: between two lives it is done at once", async () => {
    const { clock, children, supervisor } = await up();
    children.last.ends(killed);
    await supervisor.drain(7_000);
    clock.advance(60_000);
    expect(children.all).toHaveLength(1);
  });

  it("can be cut short by a kill", async () => {
    const { children, supervisor } = await up();
    const drained = supervisor.drain(7_000);
    const gone = supervisor.kill();
    expect(children.last.got.slice(-2)).toStrictEqual([{ t: "drain" }, "SIGKILL"]);
    children.last.ends(killed);
    await Promise.all([drained, gone]);
  });
});

describe("what a supervised process writes", () => {
  const log = (level: number, msg: string) => JSON.stringify({ level, time: "now", name: "r1", msg });

  it("is shown after its name: log lines from warn on, and whatever is no log line", async () => {
    const { children, said } = await up();
    children.last.writes("stderr", log(30, "an access"));
    children.last.writes("stderr", log(40, "a warning"));
    children.last.writes("stderr", "TypeError: something broke");
    children.last.writes("stdout", "on standard output");
    expect(said).toStrictEqual([
      "R1 0: warn: a warning",
      "R1 0: TypeError: something broke",
      "R1 0: on standard output",
    ]);
  });

  it("is shown whole when everything was asked for", () => {
    const { children, said, supervisor } = setUp(everyLevel);
    void supervisor.start();
    children.last.writes("stderr", log(20, "a detail"));
    expect(said.at(-1)).toBe("R1 0: debug: a detail");
  });

  it("keeps a prefix that it has already", async () => {
    const { children, said } = await up();
    children.last.writes("stdout", "R1 0: hello");
    expect(said).toStrictEqual(["R1 0: hello"]);
  });
});

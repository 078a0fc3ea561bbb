import { afterEach, describe, expect, it } from "vitest";
import { type Child, spawnModule } from "./child.ts";
import type { Ending } from "./supervisor-state.ts";

const fakeRouter = new URL("testing/fake-router.ts", import.meta.url);
const running: Child[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

function start(module: URL, args: readonly string[] = []) {
  const messages: unknown[] = [];
  const lines: string[] = [];
  const message = Promise.withResolvers<unknown>();
  const ended = Promise.withResolvers<Ending>();
  const child = spawnModule(module)(args, {
    onMessage: (what) => {
      messages.push(what);
      message.resolve(what);
    },
    onLine: (stream, line) => lines.push(`${stream}: ${line}`),
    onEnd: ended.resolve,
  });
  running.push(child);
  return { child, lines, message: message.promise, ended: ended.promise };
}

describe("a process of its own", () => {
  it("runs the module with the arguments given and talks over IPC", async () => {
    const { child, message } = start(fakeRouter, ["--port", "0"]);
    child.send({ do: "report" });
    expect(await message).toStrictEqual({ pid: child.pid, args: ["--port", "0"], execArgv: [] });
  });

  it("has a process group of its own, so that Ctrl-C does not reach it", async () => {
    const { child, message } = start(fakeRouter);
    child.send({ do: "report" });
    await message;
    // Signal 0 to a group only asks whether there is one.
    expect(() => process.kill(-child.pid!, 0)).not.toThrow();
  });

  it("is over only when all its lines were read", async () => {
    const { child, lines, ended } = start(fakeRouter);
    child.send({ do: "write" });
    child.send({ do: "exit" });
    expect(await ended).toStrictEqual({ t: "code", code: 3 });
    const few = lines.filter((line) => line !== "stdout: x");
    expect(few.toSorted()).toStrictEqual(["stderr: to stderr", "stdout: and no line end", "stdout: to stdout"]);
    expect(lines.length - few.length).toBe(20_000);
  });

  it("tells of the signal that ended it; what is sent or done to it afterwards is lost", async () => {
    const { child, ended } = start(fakeRouter);
    child.kill("SIGKILL");
    expect(await ended).toStrictEqual({ t: "signal", signal: "SIGKILL" });
    child.send({ do: "report" });
    child.kill("SIGTERM");
  });

  it("that has no module to run ends with what Node says", async () => {
    const { lines, ended } = start(new URL("testing/there-is-none.ts", import.meta.url));
    expect(await ended).toStrictEqual({ t: "code", code: 1 });
    expect(lines.join("\n")).toContain("Cannot find module");
  });
});

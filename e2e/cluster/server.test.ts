import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isAlive, ownerOf, temporaryFolder } from "./owner.ts";
import { ProgramError, run } from "./program.ts";
import { freePorts, Server } from "./server.ts";
import { until } from "./until.ts";

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));

test("a server that ends by itself says how, with the end of its log", async () => {
  const server = new Server("liar", "sh", ["-c", "echo I am well; exit 3"], join(folder, "liar.log"));
  await expect(server.failed).rejects.toThrow("liar ended (3):\nI am well");
});

test("a server ends with the process that has started it, even when that is killed", async () => {
  const pidFile = join(folder, "pid");
  const program = `
    const { Server } = await import(${JSON.stringify(new URL("server.ts", import.meta.url).href)});
    new Server("sleeper", "sh", ["-c", "echo $$ >${pidFile}; exec sleep 1000"], ${JSON.stringify(join(folder, "sleeper.log"))});
    const wait = setInterval(() => { if (require("node:fs").existsSync("${pidFile}")) process.kill(process.pid, "SIGKILL") }, 20);`;
  await expect(
    run(process.execPath, ["--input-type=commonjs", "--eval", `(async () => {${program}})()`]),
  ).rejects.toThrow();
  const sleeper = ownerOf(Number(readFileSync(pidFile, "utf8")));
  await until("it has ended", () => expect(isAlive(sleeper)).toBe(false));
});

test("a stopped server has ended, and its end is no failure", async () => {
  const server = new Server("sleeper", "sleep", ["1000"], join(folder, "stopped.log"));
  await server.stop();
  expect(await Promise.race([server.failed, Promise.resolve("no failure")])).toBe("no failure");
});

test("free ports are all different", async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
});

test("a program that fails says its status and its words; one that is missing, what installs it", async () => {
  const failed = run("sh", ["-c", "echo out; echo err >&2; exit 7"]);
  await expect(failed).rejects.toThrow(
    new ProgramError("sh -c echo out; echo err >&2; exit 7 says (7):\nout\nerr", "err\n"),
  );
  await expect(run("no-such-program", [])).rejects.toThrow("no-such-program is missing; bash e2e/cluster/install.sh");
});

test("a program that takes too long is killed", async () => {
  await expect(run("sleep", ["1000"], { limitMs: 50 })).rejects.toThrow("took longer than 50 ms");
});

test("a process is alive by its pid and its start, not by its pid alone", () => {
  const self = ownerOf(process.pid);
  expect(isAlive(self)).toBe(true);
  expect(isAlive(`${process.pid}.1`)).toBe(false);
  expect(isAlive("0.")).toBe(false);
});

test("waiting ends with the last error, or when told to", async () => {
  const no = () => {
    throw new Error("not yet");
  };
  await expect(until("it is", no, { limitMs: 0 })).rejects.toThrow("not within 0 ms: it is: Error: not yet");
  await expect(until("it is", no, { signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  let asked = 0;
  const third = () => {
    asked += 1;
    return asked < 3 ? no() : asked;
  };
  expect(await until("it is", third)).toBe(3);
});

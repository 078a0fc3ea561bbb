import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cacheFolder, withLock } from "./cache.ts";
import { isAlive, ownerOf } from "./owner.ts";
import { run } from "./program.ts";

const folder = join(cacheFolder, "docker");
const [socket, log] = [join(folder, "docker.sock"), join(folder, "dockerd.log")];
/** Who dockerd is, as an owner; a file so that the last one to use it can stop it. */
const identity = join(folder, "dockerd");
/** A file for each test run that uses it. */
const users = join(folder, "users");
const runtime = "runc-without-sys-resource";
const sysResource = 24n;

const startLimitMs = 60_000;
const stopLimitMs = 60_000;
const pollMs = 100;

/**
 * The DOCKER_HOST of a dockerd of our own, started when none of ours runs, for use by one owner. Its images stay in the
 * cache for the next time. Throws with the end of its log when it does not start.
 */
export async function joinDockerd(owner: string): Promise<string> {
  return withLock("dockerd", async () => {
    mkdirSync(users, { recursive: true });
    writeFileSync(join(users, owner), "");
    if (!(await answers())) await start();
    return `unix://${socket}`;
  });
}

/** Ends an owner's use of it, and dockerd when no one alive uses it any more. */
export async function leaveDockerd(owner: string): Promise<void> {
  await withLock("dockerd", async () => {
    mkdirSync(users, { recursive: true });
    for (const user of readdirSync(users)) {
      if (user === owner || !isAlive(user)) rmSync(join(users, user), { force: true });
    }
    if (readdirSync(users).length === 0) await stop();
  });
}

async function answers(): Promise<boolean> {
  const args = ["--host", `unix://${socket}`, "version"];
  return run("docker", args).then(
    () => true,
    () => false,
  );
}

async function start(): Promise<void> {
  await stop();
  mkdirSync(folder, { recursive: true });
  const output = openSync(log, "w");
  const child = spawn("dockerd", dockerdArguments(), { detached: true, stdio: ["ignore", output, output] });
  let failed = "";
  child.on("error", (error) => {
    failed = `${error.message}; bash e2e/cluster/install.sh installs it`;
  });
  child.on("exit", (code) => {
    failed = `it ended (${code})`;
  });
  child.unref();
  if (child.pid !== undefined) writeFileSync(identity, ownerOf(child.pid));
  const limit = performance.now() + startLimitMs;
  while (!(await answers())) {
    if (performance.now() > limit) failed = `it does not answer within ${startLimitMs / 1000} s`;
    if (failed !== "") throw new Error(`dockerd does not start: ${failed}\n${lastLines()}`);
    await sleep(pollMs);
  }
}

function dockerdArguments(): string[] {
  const path = join(folder, runtime);
  copyFileSync(fileURLToPath(new URL(runtime, import.meta.url)), path);
  return [
    ...["--host", `unix://${socket}`, "--pidfile", join(folder, "dockerd.pid")],
    ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")],
    // What is published is for this machine only; logs are bounded.
    ...["--ip", "127.0.0.1", "--log-opt", "max-size=10m", "--log-opt", "max-file=2"],
    ...(mayHave(sysResource) ? [] : ["--add-runtime", `bounded=${path}`, "--default-runtime", "bounded"]),
  ];
}

/** Whether a privileged container can have this capability, by its number in linux/capability.h. */
function mayHave(capability: bigint): boolean {
  const [, bounds] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return bounds === undefined || ((BigInt(`0x${bounds}`) >> capability) & 1n) === 1n;
}

async function stop(): Promise<void> {
  const name = readIfThere(identity);
  if (name === undefined) return;
  const pid = Number(name.split(".")[0]);
  const limit = performance.now() + stopLimitMs;
  if (isAlive(name)) process.kill(pid, "SIGTERM");
  while (isAlive(name)) {
    if (performance.now() > limit) throw new Error(`dockerd (process ${pid}) does not end; its log is ${log}`);
    await sleep(pollMs);
  }
  for (const file of [identity, socket, join(folder, "dockerd.pid")]) rmSync(file, { force: true });
}

function lastLines(): string {
  return (readIfThere(log) ?? "").trimEnd().split("\n").slice(-10).join("\n");
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

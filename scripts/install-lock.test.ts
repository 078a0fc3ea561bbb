import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Sandbox } from "./install.fixture.ts";

let sandbox: Sandbox;

beforeEach(() => {
  sandbox = new Sandbox();
});

afterEach(() => sandbox.remove());

describe("several installations at once", () => {
  it("install once, and all succeed", async () => {
    const ends = await Promise.all([1, 2, 3, 4].map(async () => (await once(sandbox.start(), "close"))[0]));
    expect(ends).toStrictEqual([0, 0, 0, 0]);
    expect(sandbox.npmCalls()).toHaveLength(1);
    expect(readdirSync(sandbox.in(".cache"))).toStrictEqual([]);
  });

  it("wait for one that lives, and say for whom", async () => {
    lockedBy({ pid: process.pid, host: hostname(), started: startOf(process.pid) });
    const child = sandbox.start();
    const said = await firstLine(child);
    expect(said).toBe(`sallyport: waiting for another installation (process ${process.pid} on ${hostname()}) …`);
    expect(sandbox.npmCalls()).toHaveLength(0);
    rmSync(sandbox.in(".cache/install.lock"), { recursive: true });
    expect((await once(child, "close"))[0]).toBe(0);
    expect(sandbox.npmCalls()).toHaveLength(1);
  });

  const ended = spawnSync(process.execPath, ["--version"]).pid;
  it.each([
    ["has ended", { pid: ended, host: hostname(), started: "1" }],
    ["has ended and whose number another process has now", { pid: process.pid, host: hostname(), started: "1" }],
    ["ran on another machine and has been silent", { pid: 1, host: "elsewhere", started: "1" }],
  ])("take over from one that %s", (_what, owner) => {
    lockedBy(owner);
    utimesSync(sandbox.in(".cache/install.lock"), new Date(0), new Date(0));
    expect(sandbox.install().status).toBe(0);
    expect(readdirSync(sandbox.in(".cache"))).toStrictEqual([]);
  });

  it("take over from a lock that tells nothing", () => {
    lockedBy("nonsense");
    expect(sandbox.install().status).toBe(0);
  });

  it("a stopped installation stops its npm and frees the lock", async () => {
    const child = sandbox.start({ FAKE_NPM_HANGS: "yes" });
    await appears("npm-hangs");
    child.kill("SIGTERM");
    expect((await once(child, "close"))[0]).toBe(1);
    expect(existsSync(sandbox.in("npm-stopped"))).toBe(true);
    expect(readdirSync(sandbox.in(".cache"))).toStrictEqual([]);
  });
});

function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  return new Promise((resolve) => {
    child.stderr?.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.split("\n")[0] ?? "");
    });
  });
}

async function appears(file: string): Promise<void> {
  await expect.poll(() => existsSync(sandbox.in(file)), { timeout: 10_000, interval: 20 }).toBe(true);
}

function lockedBy(owner: unknown): void {
  mkdirSync(sandbox.in(".cache/install.lock"), { recursive: true });
  const text = typeof owner === "string" ? owner : JSON.stringify(owner);
  writeFileSync(sandbox.in(".cache/install.lock/owner.json"), text);
}

/** As scripts/install-lock.mjs reads it. */
function startOf(pid: number): string {
  if (!existsSync(`/proc/${pid}/stat`)) return "";
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

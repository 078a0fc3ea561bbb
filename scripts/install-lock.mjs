// One installation at a time. The lock is a directory that appears whole (a rename), with its owner written in it.
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 200;
const waitMaxMs = 15 * 60_000;
/** The owner says that it lives this often; only another machine (a shared folder, a container) looks at it. */
const heartbeatMs = 5_000;
const silentMaxMs = 60_000;
/** The few file operations of a take-over last no longer than this. */
const takeOverMaxMs = 10_000;

/** Runs `work` while no other process does. Throws when another holds the lock for a quarter of an hour. */
export async function withInstallLock(lock, say, work) {
  await acquire(lock, say);
  const heartbeat = setInterval(() => touch(lock), heartbeatMs);
  try {
    await work();
  } finally {
    clearInterval(heartbeat);
    remove(lock, (owner) => owner.pid === process.pid && owner.host === hostname());
  }
}

async function acquire(lock, say) {
  mkdirSync(dirname(lock), { recursive: true });
  const started = performance.now();
  for (let told = false; !tryAcquire(lock); await sleep(pollMs)) {
    const owner = readOwner(lock);
    if (owner === undefined) continue;
    if (isDead(lock, owner)) {
      takeOver(lock);
      continue;
    }
    if (!told) say(`waiting for another installation (process ${owner.pid} on ${owner.host}) …`);
    told = true;
    if (performance.now() - started > waitMaxMs) {
      throw new Error(
        `another installation (process ${owner.pid} on ${owner.host}) does not end. Stop it, or remove ${lock}.`,
      );
    }
  }
}

function tryAcquire(lock) {
  const candidate = mkdtempSync(`${lock}-`);
  const owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  writeFileSync(join(candidate, "owner.json"), JSON.stringify(owner));
  try {
    renameSync(candidate, lock);
    return true;
  } catch (error) {
    rmSync(candidate, { recursive: true });
    // A directory that is not empty cannot be renamed over; Windows says EPERM.
    if (["ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code)) return false;
    throw error;
  }
}

/** Undefined when the lock has just been given back. A lock that tells nothing belongs to nobody. */
function readOwner(lock) {
  try {
    return JSON.parse(readFileSync(join(lock, "owner.json"), "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT") return { pid: 0, host: hostname(), started: "" };
    return undefined;
  }
}

function isDead(lock, owner) {
  if (owner.host !== hostname()) return age(lock) > silentMaxMs;
  return !isRunning(owner.pid) || startOf(owner.pid) !== owner.started;
}

function isRunning(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** When a process started, in the kernel's ticks, so that a pid used again is not taken for its former owner. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return "";
  }
}

/** Removes a dead owner's lock. Two that want to must not remove each other's new lock: one at a time looks again. */
function takeOver(lock) {
  const guard = `${lock}.takeover`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (age(guard) > takeOverMaxMs) rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    remove(lock, (owner) => isDead(lock, owner));
  } finally {
    rmdirSync(guard);
  }
}

/** By a rename first: nobody ever sees the lock half removed, and takes its empty directory for a free one. */
function remove(lock, isMeant) {
  const owner = readOwner(lock);
  if (owner === undefined || !isMeant(owner)) return;
  const leftover = `${lock}-${process.pid}-removed`;
  renameSync(lock, leftover);
  rmSync(leftover, { recursive: true, force: true });
}

function age(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function touch(lock) {
  try {
    const now = new Date();
    utimesSync(lock, now, now);
  } catch {
    // Gone: the next one will say so.
  }
}

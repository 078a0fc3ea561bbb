import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** What is costly to build is kept here, outside the checkout, so that a fresh clone finds it again. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sallyport", "e2e");

/** Longer than any build takes: a cold one of the cluster's programs was seen to take 12 minutes on two cores. */
const lockWaitMaxS = 2400;
/** An entry that nobody has asked for in so many days is removed when a newer one of its kind is made. */
const unusedDaysMax = 14;

/**
 * The folder `<kind>-<key>` of the cache. `make` fills it when it is not there: whole or not at all, and one process at a
 * time. Throws what `make` throws.
 */
export async function cached(kind: string, key: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, `${kind}-${key}`);
  if (!existsSync(folder)) await withLock(kind, () => fill(folder, make));
  const now = new Date();
  utimesSync(folder, now, now);
  removeUnused(kind, folder);
  return folder;
}

async function fill(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  // Another process may have made it while this one waited for the lock.
  if (existsSync(folder)) return;
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  await make(unfinished);
  renameSync(unfinished, folder);
}

function removeUnused(kind: string, used: string): void {
  const oldest = Date.now() - unusedDaysMax * 86_400_000;
  for (const name of readdirSync(cacheFolder)) {
    const folder = join(cacheFolder, name);
    if (!name.startsWith(`${kind}-`) || folder === used) continue;
    const { mtimeMs } = statSync(folder, { throwIfNoEntry: false }) ?? { mtimeMs: Number.POSITIVE_INFINITY };
    if (mtimeMs < oldest) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs `work` while no other process runs work under this name. The lock is the kernel's, held by a flock(1) that ends
 * with this process, however it ends. Throws when the lock is not to be had within 40 minutes.
 */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const file = join(cacheFolder, `${name}.lock`);
  mkdirSync(dirname(file), { recursive: true });
  const holder = spawn("flock", ["--wait", String(lockWaitMaxS), file, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(holder, "close");
  try {
    const held = await Promise.race([once(holder.stdout, "data"), ended.then(() => undefined)]);
    if (held === undefined) throw new Error(`another process holds ${file} and does not end; stop it (fuser ${file})`);
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}

import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The load generators are other people's, so that no fault of ours is in the figures. Both are Debian packages. */
const needed = ["wrk", "curl"] as const;

/** Debian puts haproxy into /usr/sbin, which is on root's PATH only. */
const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

/** Where the program is, or undefined. */
export function programPath(name: string): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Installs what is missing where that can be done. Throws with the command that mends it elsewhere. */
export async function ensureTools(say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const missing = needed.filter((name) => programPath(name) === undefined);
  if (missing.length === 0) return;
  const mend = `install ${missing.join(" and ")} (Debian: apt-get install ${missing.join(" ")}) and try again`;
  if (process.getuid?.() !== 0 || programPath("apt-get") === undefined) {
    throw new Error(`the benchmark needs ${missing.join(" and ")}; ${mend}`);
  }
  say(`installing ${missing.join(" and ")} …`);
  const options = { signal, timeout: 120_000, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  try {
    await run("apt-get", ["update", "-qq"], options);
    await run("apt-get", ["install", "-qq", "--yes", "--no-install-recommends", ...missing], options);
  } catch (error) {
    throw new Error(`apt-get could not install ${missing.join(" and ")}; ${mend}`, { cause: error });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

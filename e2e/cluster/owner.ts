import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Set by run.ts for all files of a test run. */
export const ownerVariable = "SALLYPORT_E2E_OWNER";

/** Names a folder that lives as long as the test run; set by run.ts. */
export const runVariable = "SALLYPORT_E2E_RUN";

/**
 * Who has to stop what is started here: the test run, or this process when it is by itself. "<pid>.<start>"; what a dead
 * owner has left, the next run removes.
 */
export function owner(): string {
  return process.env[ownerVariable] ?? ownerOf(process.pid);
}

/** The name of a process as an owner. */
export function ownerOf(pid: number): string {
  return `${pid}.${startOf(pid)}`;
}

/** Whether a process lives that is called so, and is not just another one with the same pid. */
export function isAlive(name: string): boolean {
  const [pid, start] = name.split(".");
  return start !== undefined && start !== "" && startOf(Number(pid)) === start;
}

/** A new folder for what lives no longer than its owner. Those of dead owners are removed first. */
export function temporaryFolder(): string {
  const run = process.env[runVariable];
  if (run !== undefined) return mkdtempSync(join(run, "part-"));
  for (const name of readdirSync(tmpdir())) {
    const [, of] = /^sallyport-e2e-(\d+\.\d+)-/.exec(name) ?? [];
    if (of !== undefined && !isAlive(of)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  return mkdtempSync(join(tmpdir(), `sallyport-e2e-${owner()}-`));
}

/** The file in a run's folder that tells that containers may have to be removed at its end. */
export function dockerMarker(run: string): string {
  return join(run, "uses-docker");
}

/** When a process started, in the kernel's ticks; empty when there is none. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

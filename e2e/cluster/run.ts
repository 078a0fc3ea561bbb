import { existsSync, rmSync } from "node:fs";
import { leaveDocker } from "./docker.ts";
import { dockerMarker, ownerOf, ownerVariable, runVariable, temporaryFolder } from "./owner.ts";

/** For vitest's globalSetup: makes its main process the owner of what any test file starts. Starts nothing itself. */
export function setup(): void {
  process.env[ownerVariable] = ownerOf(process.pid);
  process.env[runVariable] = temporaryFolder();
}

/** Stops what test files have started for the whole run. */
export async function teardown(): Promise<void> {
  const [folder, owner] = [process.env[runVariable], process.env[ownerVariable]];
  if (folder === undefined || owner === undefined) return;
  if (existsSync(dockerMarker(folder))) await leaveDocker(owner);
  rmSync(folder, { recursive: true, force: true });
}

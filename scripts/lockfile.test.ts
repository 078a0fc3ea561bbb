import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("package-lock.json names the packages of every platform, or npm ci refuses it; mend: node scripts/complete-lockfile.mjs", () => {
  const script = fileURLToPath(new URL("complete-lockfile.mjs", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect({ status, stdout, stderr }).toStrictEqual({ status: 0, stdout: "", stderr: "" });
});

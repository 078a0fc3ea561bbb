import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/** The program as a process, where nothing is started by it: `dev.e2e.test.ts` has the rest. */
function sallyport(args: readonly string[], input = "") {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { input, encoding: "utf8" });
  return { status, stdout, stderr };
}

it("shows the version of the package", () => {
  const stdout = expect.stringMatching(/^\d+\.\d+\.\d+\n$/);
  expect(sallyport(["--version"])).toStrictEqual({ status: 0, stdout, stderr: "" });
});

it("ends with 2 on documents that cannot be used, and says why on standard error", () => {
  expect(sallyport(["dev", "-f", "-"], "kind: TunnelRout")).toStrictEqual({
    status: 2,
    stdout: "",
    stderr: expect.stringMatching(/^standard input:1: document 1: kind: "TunnelRout" /m),
  });
});

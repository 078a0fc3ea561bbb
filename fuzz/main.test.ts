import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "sallyport-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): { readonly status: number | null; readonly out: string; readonly complaint: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL("main.ts", import.meta.url)), ...args],
    {
      encoding: "utf8",
      env: { ...process.env, CI_REPORT: join(folder, "report.json") },
    },
  );
  return { status, out: stdout, complaint: stderr };
}

describe("npm run fuzz", () => {
  it("ends with how many targets passed and failed, and tells CI", () => {
    const { status, out } = run("--target", "manage,content-type", "--seed", "3", "--executions", "50");
    expect(status).toBe(0);
    expect(out.split("\n")[0]).toBe("seed 3, 60 s for each of manage, content-type");
    expect(out).toMatch(/^manage passed: 50 executions, \d+ places reached, \d+ inputs in the corpus$/m);
    expect(out.trimEnd().split("\n").at(-1)).toBe("2 passed, 0 failed, 0 skipped");
    expect(JSON.parse(readFileSync(join(folder, "report.json"), "utf8"))).toStrictEqual({
      ...{ numPassedTests: 2, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 },
      testResults: [],
    });
  });

  it("runs one input", () => {
    const file = join(folder, "input");
    writeFileSync(file, "200 GET 1.1 OK\nContent-Length: 5");
    expect(run("--target", "reply-head", "--input", file)).toMatchObject({ status: 0, out: "reply-head passed\n" });
  });

  it("tells its targets", () => {
    expect(run("--help").out).toContain("\n  manage              messages of the management connection");
  });

  it("refuses what is no option, and says where they are told", () => {
    const complaint = "--seconds is a whole number from 1 to 86400, not 0\nnpm run fuzz -- --help tells the options.\n";
    expect(run("--seconds", "0")).toStrictEqual({ status: 2, out: "", complaint });
  });
});

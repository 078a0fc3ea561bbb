import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const repository = fileURLToPath(new URL("..", import.meta.url));

/**
 * Stands in for npm: `npm test` writes the report that FAKE_REPORT holds, `npm run fuzz` runs
 * fuzz/main.ts, `npm exec -c COMMAND` runs COMMAND.
 */
const fakeNpm = `#!/usr/bin/env bash
if [[ $1 == exec ]]; then exec bash -c "\${@: -1}"; fi
if [[ $1 == run ]]; then exec bash fuzz/main.ts; fi
for argument; do
  if [[ $argument == --outputFile.json=* && -n $FAKE_REPORT ]]; then echo "$FAKE_REPORT" >"\${argument#*=}"; fi
done
exit \${FAKE_STATUS:-0}
`;

let clone = "";

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "sallyport-ci-"));
  for (const file of [".ci/run", "scripts/ci-count.mjs"]) cpSync(join(repository, file), join(clone, file));
  write("bin/npm", fakeNpm);
  lintIs("node scripts/install.mjs && true && true .");
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

describe(".ci/run", () => {
  it("sums the tests and counts each linter as one", () => {
    expect(run({ FAKE_REPORT: report(12, 0, 3) })).toStrictEqual({
      status: 0,
      lines: [
        "unit …",
        "unit passed in 0 s",
        "lint: true …",
        "lint: true passed in 0 s",
        "lint: true . …",
        "lint: true . passed in 0 s",
        "done",
        "14 passed, 0 failed, 3 skipped",
      ],
    });
  });

  it("goes on after failures, and fails", () => {
    lintIs("node scripts/install.mjs && false && true");
    expect(run({ FAKE_REPORT: report(10, 2, 0), FAKE_STATUS: "1" })).toStrictEqual({
      status: 1,
      lines: [
        "unit …",
        "unit FAILED (exit code 1) after 0 s",
        "lint: false …",
        "lint: false FAILED (exit code 1) after 0 s",
        "lint: true …",
        "lint: true passed in 0 s",
        "done",
        "11 passed, 3 failed, 0 skipped",
      ],
    });
  });

  it.each([
    ["a test stage without a report is one failure", { FAKE_STATUS: "0" }, "2 passed, 1 failed, 0 skipped"],
    ["a report that is no JSON is one failure", { FAKE_REPORT: "{" }, "2 passed, 1 failed, 0 skipped"],
    [
      "a run that failed outside its tests is one failure",
      { FAKE_REPORT: report(5, 0, 0), FAKE_STATUS: "1" },
      "7 passed, 1 failed, 0 skipped",
    ],
    [
      "a file that could not be read is one failure",
      { FAKE_REPORT: report(5, 0, 0, [{ status: "failed", assertionResults: [] }]), FAKE_STATUS: "1" },
      "7 passed, 1 failed, 0 skipped",
    ],
    [
      "a file whose tests failed is not counted twice",
      {
        FAKE_REPORT: report(5, 1, 0, [{ status: "failed", assertionResults: [{ status: "failed" }] }]),
        FAKE_STATUS: "1",
      },
      "7 passed, 1 failed, 0 skipped",
    ],
    ["a stage after the end of the time box is one failure", { CI_TIME_BOX_S: "0" }, "0 passed, 3 failed, 0 skipped"],
  ])("%s", (_what, environment, sum) => {
    const { status, lines } = run(environment);
    expect({ status, sum: lines.at(-1) }).toStrictEqual({ status: 1, sum });
  });

  it("stops a stage that takes too long, and goes on", () => {
    write("e2e/run", "exec sleep 600\n");
    const { status, lines } = run({ FAKE_REPORT: report(1, 0, 0), CI_TIME_BOX_S: "3" });
    expect(status).toBe(1);
    expect(lines).toContainEqual(expect.stringMatching(/^e2e FAILED: stopped after/));
    expect(lines.at(-1)).toMatch(/^1 passed, 3 failed, 0 skipped$/);
  });

  it("runs e2e, the fuzzer and chaos when they are there", () => {
    write("e2e/run", `echo '${report(4, 0, 1)}' >"$CI_REPORT"\n`);
    write("fuzz/main.ts", `echo '${report(8, 0, 0)}' >"$CI_REPORT"\n`);
    write("e2e/chaos", `echo '${report(2, 0, 0)}' >"$CI_REPORT"\n`);
    const { status, lines } = run({ FAKE_REPORT: report(1, 0, 0) });
    expect({ status, sum: lines.at(-1) }).toStrictEqual({ status: 0, sum: "17 passed, 0 failed, 1 skipped" });
  });

  it("counts a target that failed as one failure", () => {
    write("fuzz/main.ts", `echo '${report(7, 1, 0)}' >"$CI_REPORT"; exit 1\n`);
    const { status, lines } = run({ FAKE_REPORT: report(1, 0, 0) });
    expect({ status, sum: lines.at(-1) }).toStrictEqual({ status: 1, sum: "10 passed, 1 failed, 0 skipped" });
  });

  it("takes an e2e stage that wrote no report for failed", () => {
    write("e2e/run", "exit 0\n");
    expect(run({ FAKE_REPORT: report(1, 0, 0) })).toMatchObject({ status: 1 });
  });
});

function run(environment: Record<string, string>): { status: number | null; lines: string[] } {
  const { status, stdout } = spawnSync("bash", [".ci/run"], {
    cwd: clone,
    env: { PATH: `${join(clone, "bin")}:${process.env.PATH}`, ...environment },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines = stdout.trim().split("\n");
  return { status, lines: lines.map((line) => line.replace(/^== \d\d:\d\d:\d\d /, "").replace(/\b\d+ s$/, "0 s")) };
}

function report(passed: number, failed: number, skipped: number, testResults: object[] = []): string {
  const counts = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0 };
  return JSON.stringify({ ...counts, testResults });
}

function lintIs(lint: string): void {
  write("package.json", JSON.stringify({ scripts: { lint } }));
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(clone, file)), { recursive: true });
  writeFileSync(join(clone, file), text, { mode: 0o755 });
}

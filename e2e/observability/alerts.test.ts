import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { alerts, alertsFile, alertTestsFile } from "./expressions.ts";
import { promtool } from "./prometheus.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-alerts-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe("the alerts", () => {
  it("are rules that promtool takes", () => {
    expect(promtool("check", "rules", alertsFile)).toStrictEqual({
      status: 0,
      output: expect.stringContaining(`SUCCESS: ${alerts().length} rules found`),
    });
  });

  it("fire when they should, and not when they should not", () => {
    expect(promtool("test", "rules", alertTestsFile)).toStrictEqual({
      status: 0,
      output: expect.stringContaining("SUCCESS"),
    });
  });

  for (const { name } of alerts()) {
    it(`${name} has a test that fails if it never fires, and one that fails if it always does`, () => {
      expect(test(name, "vector(0) > 1", "firing").status).toBe(1);
      expect(test(name, "vector(1)", "quiet").status).toBe(1);
    });
  }
});

/** promtool's word on those tests in which that alert is firing or quiet, with another expression for it. */
function test(name: string, expr: string, state: "firing" | "quiet"): ReturnType<typeof promtool> {
  writeFileSync(
    join(folder, "rules.yaml"),
    stringify({ groups: [{ name: "changed", rules: [{ alert: name, expr }] }] }),
  );
  const all = parse(readFileSync(alertTestsFile, "utf8")) as { tests: Test[] };
  const tests = all.tests.map((one) => ({
    ...one,
    alert_rule_test: one.alert_rule_test.filter(
      ({ alertname, exp_alerts }) => alertname === name && exp_alerts.length > 0 === (state === "firing"),
    ),
  }));
  writeFileSync(join(folder, "tests.yaml"), stringify({ ...all, rule_files: ["rules.yaml"], tests }));
  return promtool("test", "rules", join(folder, "tests.yaml"));
}

interface Test {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[];
}

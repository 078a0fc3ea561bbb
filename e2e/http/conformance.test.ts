import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { rowName } from "./page.ts";
import { allChecks, failedBeyondHaproxy, type Row, runSuite } from "./suite.ts";

let rows: readonly Row[] = [];

beforeAll(async () => {
  rows = await runSuite(allChecks);
});

/** The tunnel holds all of them, those about smuggling included. */
describe.each([...Map.groupBy(allChecks, ({ group }) => group)])("T1: through the tunnel: %s", (_group, checks) => {
  it.each(checks)("$name", (check) => {
    const verdict = rows.find((row) => row.check === check)?.verdicts.tunnel;
    expect(verdict?.t === "failed" ? verdict.why : verdict?.t).toMatch(/^(passed|notAsked)$/);
  });
});

describe("the suite", () => {
  it("has at least 150 checks, each with a name of its own", () => {
    const names = allChecks.map(({ group, name }) => `${group}: ${name}`);
    expect(names.length).toBeGreaterThanOrEqual(150);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it("holds directly, so that what fails behind a hop is the hop's doing", () => {
    const failed = rows.filter(({ verdicts }) => verdicts.direct.t === "failed");
    expect(failed.map(({ check, verdicts }) => [check.name, verdicts.direct])).toEqual([]);
  });

  it("finds nothing that the tunnel fails and HAProxy passes", () => {
    expect(failedBeyondHaproxy(rows)).toEqual([]);
  });

  it("is in docs/http-conformance.md, check by check: node e2e/http/table.ts writes it", () => {
    const page = readFileSync(new URL("../../docs/http-conformance.md", import.meta.url), "utf8");
    const listed = [...page.split("## All checks")[1]!.matchAll(/^\| (?!check |-)(.*?) *\| /gm)].map(
      ([, name]) => name,
    );
    expect(listed).toEqual(allChecks.map(({ name }) => rowName(name)));
  });
});

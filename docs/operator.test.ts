import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { clusterRules, leaderElectionRules, namespacedRules, type PolicyRule } from "../operator/rbac.ts";
import { reasons } from "../operator/validate/reasons.ts";

const page = readFileSync(fileURLToPath(new URL("operator.md", import.meta.url)), "utf8");

/** The cells of the lines of a table, by the heading of its first column. */
function table(heading: string): string[][] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe("the operator's page", () => {
  it("has every reason that a condition can have, once, with its mend", () => {
    const lines = table("reason");
    expect(lines.map(([reason = ""]) => reason.replaceAll("`", "")).toSorted()).toEqual(
      Object.values(reasons).toSorted(),
    );
    expect(lines.filter(([, means, mend]) => means === "" || mend === "")).toEqual([]);
  });

  it("has exactly the rights that the operator is given", () => {
    const lineOf = (where: string, { apiGroups, resources, verbs }: PolicyRule) => [
      where,
      apiGroups[0] === "" ? "core" : `\`${apiGroups[0]}\``,
      resources.join(", "),
      verbs.join(", "),
    ];
    expect(table("where")).toEqual([
      ...clusterRules.map((rule) => lineOf("cluster", rule)),
      ...namespacedRules.map((rule) => lineOf("namespaces", rule)),
      ...leaderElectionRules.map((rule) => lineOf("the Lease's", rule)),
    ]);
  });
});

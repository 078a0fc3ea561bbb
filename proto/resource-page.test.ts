import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { withReference } from "./resource-page.ts";
import { resourceReference } from "./resource-reference.ts";

const page = readFileSync(new URL("../docs/resources.md", import.meta.url), "utf8");

describe("docs/resources.md", () => {
  test('has the tables that "npm run crds" writes', () => expect(page).toBe(withReference(page)));
  test("tells of every field once", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    expect(rows).toContainEqual(expect.stringMatching(/^\| `pool.min` +\| 1 to 256 +\| `2` +\| Links that are always/));
    expect(rows.length).toBeGreaterThan(120);
  });
  test("cannot lose its tables unseen", () => {
    expect(() => withReference("# Resources\n")).toThrow("docs/resources.md lacks the line <!-- npm run crds writes");
  });
});

test("the tables have a heading for each kind, its spec and its status", () => {
  const headings = resourceReference()
    .split("\n")
    .filter((line) => line.startsWith("#"));
  expect(headings).toEqual([
    "## ReverseTunnel",
    "### ReverseTunnel: spec",
    "### ReverseTunnel: status",
    "## TunnelRoute",
    "### TunnelRoute: spec",
    "### TunnelRoute: status",
  ]);
});

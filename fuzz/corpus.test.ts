import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { corpusName, readCorpus } from "./corpus.ts";
import type { Target } from "./target.ts";

const folder = fileURLToPath(new URL("corpus", import.meta.url));
const names = readdirSync(new URL("targets", import.meta.url)).map((file) => basename(file, ".ts"));

describe("the corpus", () => {
  it.each(names)("of %s holds what its parser and its oracle agree on", async (name) => {
    const { target } = (await import(`./targets/${name}.ts`)) as { readonly target: Target };
    const inputs = [...target.seeds, ...readCorpus(join(folder, name))];
    expect(inputs.length).toBeGreaterThan(target.seeds.length);
    const failures = inputs.flatMap((input) => {
      try {
        target.run(input);
        return [];
      } catch (error) {
        return [`${corpusName(input)}: ${String(error)}`];
      }
    });
    expect(failures).toStrictEqual([]);
  });

  it("has a folder for each target and no other", () => {
    expect(readdirSync(folder).sort()).toStrictEqual(names.toSorted());
  });

  it("takes less than 1 MB", () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    expect(bytes).toBeLessThan(1_000_000);
  });
});

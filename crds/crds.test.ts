import { readdirSync, readFileSync } from "node:fs";
import { customResourceDefinitionFiles } from "@sallyport/proto/crd-file";
import { describe, expect, test } from "vitest";

const folder = new URL("./", import.meta.url);

describe("crds/", () => {
  test('has what "npm run crds" writes, and nothing else', () => {
    const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
    const found = names.map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));
    expect(found).toEqual(customResourceDefinitionFiles());
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { parseDmzConfigFile, parseIntranetConfigFile } from "../proto/router-config-file.ts";
import { dmzTracing, intranetTracing } from "../proto/tracing-config.ts";

/** docs/tracing.md is held against the configuration. */

const page = read("docs/tracing.md");
const [, r1 = "", r2 = ""] = [...page.matchAll(/^```yml\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);

describe("docs/tracing.md", () => {
  it("shows a configuration that each router takes", () => {
    const files = { dmz: read("examples/two-machines/r1.yaml"), intranet: read("examples/two-machines/r2.yaml") };
    expect(parseDmzConfigFile(withBlock(files.dmz, r1), "r1.yaml").tracing).toMatchObject({ sampleRatio: 0.1 });
    const { tracing } = parseIntranetConfigFile(withBlock(files.intranet, r2), "r2.yaml");
    expect(tracing?.otlp.url).toBe("https://collector.example.com:4318/v1/traces");
  });

  it("has every field with its default", () => {
    const rows = [...page.matchAll(/^\| `\.?(\w+)`[^|]*\| +(?:`([^|]*)`)? *[^|]*\|/gm)];
    const table = new Map(rows.map(([, name = "", value]) => [name, value]));
    const { otlp, ...common } = intranetTracing.parse({ otlp: { url: "http://c" } });
    const { url, headers, ...endpoint } = otlp;
    for (const [name, value] of Object.entries({ ...common, ...endpoint })) {
      if (name !== "serviceName") expect([name, table.get(name)]).toStrictEqual([name, String(value)]);
    }
    expect(table.get("serviceName")).toBe(`${dmzTracing.parse({}).serviceName}\`, \`${common.serviceName}`);
    for (const name of ["otlp", "url", "headers", "ca"]) expect(table.has(name)).toBe(true);
  });
});

function withBlock(file: string, block: string): string {
  return stringify({ ...parse(file), ...parse(block) });
}

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
}

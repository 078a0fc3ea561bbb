import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { parseIntranetConfigFile } from "../proto/router-config-file.ts";

const page = readFileSync(fileURLToPath(new URL("images.md", import.meta.url)), "utf8");

it("docs/images.md: R2's configuration can be used as it stands", () => {
  const [, text = ""] = /^```yaml\n(tunnel: .*?)^```$/ms.exec(page) ?? [];
  expect(parseIntranetConfigFile(text, "docs/images.md")).toMatchObject({
    ...{ routeShards: "../routes", operator: { port: 7444 }, admin: { port: 8086 } },
  });
});

it("docs/images.md: the base images are the Dockerfiles'", () => {
  for (const folder of ["router-dmz", "router-intranet", "operator"]) {
    const dockerfile = readFileSync(fileURLToPath(new URL(`../${folder}/Dockerfile`, import.meta.url)), "utf8");
    for (const [, name, value] of dockerfile.matchAll(/^ARG (\w+)=(.*)$/gm)) {
      expect(page.replace(/ +/g, " ")).toContain(`| \`${name}\` | \`${value}\` |`);
    }
  }
});

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseDocuments } from "../proto/documents.ts";
import { parseDmzConfigFile, parseIntranetConfigFile } from "../proto/router-config-file.ts";

/** docs/two-machines.md and the files it hands out. e2e/local/two-machines.test.ts runs them. */

const repository = fileURLToPath(new URL("..", import.meta.url));
const page = read("docs/two-machines.md");
const r1 = parseDmzConfigFile(read("examples/two-machines/r1.yaml"), "r1.yaml");
const r2 = parseIntranetConfigFile(read("examples/two-machines/r2.yaml"), "r2.yaml");

describe("the files of two machines", () => {
  it("fit each other", () => {
    const [route] = parseDocuments(read("examples/two-machines/routes.yaml"), "routes.yaml").routes;
    expect(r2.tunnel).toBe(r1.tunnel);
    expect(`${route?.metadata.namespace}/${route?.spec.parentRefs[0]?.name}`).toBe(r1.tunnel);
    expect(r2.dmz.map(({ port }) => port)).toStrictEqual([r1.tunnelEndpoint.port]);
    expect(r2.routeFiles).toStrictEqual(["routes.yaml"]);
  });

  it("have the tunnel and the ports that the page tells of", () => {
    expect(page).toContain(`--tunnel ${r1.tunnel} `);
    const [listener] = r1.listeners;
    for (const port of [listener?.port, r1.tunnelEndpoint.port, r1.health.port]) expect(page).toContain(String(port));
  });

  it("are all named by the page, and each file that it names is there", () => {
    const named = [...page.matchAll(/examples\/(?:systemd|two-machines)\/[\w.-]+/g)].map(([path]) => path);
    expect(named.filter((path) => !existsSync(join(repository, path)))).toStrictEqual([]);
    expect(new Set(named.map((path) => path.split("/").at(-1)))).toStrictEqual(
      new Set(["r1.yaml", "r2.yaml", "routes.yaml", "sallyport-r1.service", "sallyport-r2.service"]),
    );
  });
});

describe.each([
  ["sallyport-r1", "r1", r1.limits.drainNoticeMs + r1.limits.drainMs],
  ["sallyport-r2", "r2", r2.limits.drainMs],
])("%s.service", (name, command, drainMs) => {
  const unit = read(`examples/systemd/${name}.service`);

  it("runs a router with its configuration, as a user without rights", () => {
    expect(unit).toContain(
      `\nExecStart=/opt/sallyport/cli/sallyport ${command} --config /etc/sallyport/${command}.yaml\n`,
    );
    expect(existsSync(join(repository, "cli/sallyport"))).toBe(true);
    expect(unit).toMatch(/^User=sallyport$/m);
    for (const line of ["NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "PrivateTmp=yes"]) {
      expect(unit.split("\n")).toContain(line);
    }
  });

  it("gives it longer to stop than it takes to drain", () => {
    const stopS = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]);
    expect(stopS * 1000).toBeGreaterThan(drainMs + 5_000);
  });

  const isHere = spawnSync("systemd-analyze", ["--version"]).status === 0;
  it.skipIf(!isHere)(`is what systemd takes${isHere ? "" : " (systemd-analyze is not on this machine)"}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "sallyport-unit-"));
    try {
      // The program need not be installed where the unit looks for it.
      const path = join(folder, `${name}.service`);
      writeFileSync(path, unit.replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"));
      const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
      expect({ status, stdout, stderr }).toStrictEqual({ status: 0, stdout: "", stderr: "" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function read(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

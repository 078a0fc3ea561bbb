import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ownerOf } from "./owner.ts";

// Two dockerds on one machine spoil each other's network, so these are stand-ins: `docker version` succeeds while `dockerd` runs.
const programs = {
  docker: '#!/bin/sh\n[ -e "$XDG_CACHE_HOME/up" ]\n',
  dockerd: `#!/bin/sh
trap 'rm "$XDG_CACHE_HOME/up"; exit 0' TERM
[ -z "$BROKEN" ] || { echo "no iptables here"; exit 1; }
echo run >>"$XDG_CACHE_HOME/runs"
touch "$XDG_CACHE_HOME/up"
while sleep 0.02; do :; done
`,
};
const self = ownerOf(process.pid);
const parent = ownerOf(process.ppid);

let home: string;
let dockerd: typeof import("./dockerd.ts");
const isUp = () => existsSync(join(home, "up"));

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "sallyport-dockerd-test-"));
  mkdirSync(join(home, "bin"));
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(home, "bin", name), text, { mode: 0o755 });
  vi.stubEnv("XDG_CACHE_HOME", home);
  vi.stubEnv("PATH", `${join(home, "bin")}:${process.env.PATH}`);
  vi.resetModules();
  dockerd = await import("./dockerd.ts");
});
afterEach(async () => {
  await dockerd.leaveDockerd(self);
  await dockerd.leaveDockerd(parent);
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

test("dockerd is started for the first to use it and stopped with the last", async () => {
  const hosts = [await dockerd.joinDockerd(self), await dockerd.joinDockerd(parent)];
  expect(new Set(hosts)).toEqual(new Set([`unix://${home}/sallyport/e2e/docker/docker.sock`]));
  await dockerd.leaveDockerd(self);
  expect(isUp()).toBe(true);
  await dockerd.leaveDockerd(parent);
  expect(isUp()).toBe(false);
});

test("a user that has died keeps dockerd from nothing", async () => {
  await dockerd.joinDockerd(`${process.pid}.1`);
  await dockerd.joinDockerd(self);
  await dockerd.leaveDockerd(self);
  expect(isUp()).toBe(false);
});

test("a dockerd that does not start says why", async () => {
  vi.stubEnv("BROKEN", "1");
  await expect(dockerd.joinDockerd(self)).rejects.toThrow(/dockerd does not start: it ended \(1\)\nno iptables here/);
});

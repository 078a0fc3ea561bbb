#!/usr/bin/env node
// Adds to package-lock.json the optional packages of other platforms that npm left out because the registry it asked
// does not serve them; `npm ci` refuses a lockfile without them, on every platform. Run it after `npm install` has
// changed package-lock.json; `--check` only says what is missing. scripts/lockfile.test.ts keeps the file complete.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

const lockfile = JSON.parse(readFileSync(file, "utf8"));
const missing = findMissing(lockfile.packages);
for (const { path, entry, wantedBy } of missing) {
  process.stdout.write(`${path.slice("node_modules/".length)} ${entry.version} (wanted by ${wantedBy})\n`);
  lockfile.packages[path] = entry;
}
if (process.argv.includes("--check")) process.exitCode = missing.length === 0 ? 0 : 1;
else if (missing.length > 0) {
  lockfile.packages = Object.fromEntries(Object.entries(lockfile.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lockfile, null, 2)}\n`);
}

function findMissing(packages) {
  return Object.entries(packages).flatMap(([wantedBy, { optionalDependencies = {}, dev }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !(`${wantedBy}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages))
      .map(([name, version]) => ({
        path: `node_modules/${name}`,
        entry: entryOf(name, version, dev),
        wantedBy: wantedBy.replace(/^node_modules\//, "") || "package.json",
      })),
  );
}

/** npm knows no checksum of a package that it never saw; version, system and processor are all that it needs to skip it. */
function entryOf(name, version, dev) {
  if (!/^\d/.test(version)) throw new Error(`${name} ${version}: only an exact version can be added; run npm install`);
  const words = name.split(/[/-]/);
  const os = words.filter((word) => systems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  if (os.length === 0 || cpu.length === 0) throw new Error(`${name}: its name tells no platform; run npm install`);
  const libc = words.includes("musl") ? { libc: ["musl"] } : {};
  return { version, cpu, ...(dev === true ? { dev } : {}), ...libc, optional: true, os };
}

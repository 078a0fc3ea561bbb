import { copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { type BundledPackage, bundledPackages, thirdPartyNotices } from "./bundle-notices.ts";
import { plugins } from "./bundle-plugins.ts";
import { billOfMaterials } from "./bundle-sbom.ts";

/**
 * Makes of each router, and of the operator, one file that plain Node runs, with the licences of what is in it and a bill
 * of materials: dist/<name>/. An image needs nothing else. `node scripts/bundle.ts [name…]`; without names: all there are.
 */

const root = fileURLToPath(new URL("..", import.meta.url));

/** By name: where it begins. */
const entries = { r1: "cli/r1.ts", r2: "cli/r2.ts", operator: "operator/main.ts" } as const;

export type BundleName = keyof typeof entries;

export interface Bundle {
  readonly metafile: Metafile;
  readonly packages: readonly BundledPackage[];
}

/** Bundles into `folder`. Answers esbuild's record of what went in. */
export async function bundle(name: BundleName, folder: string): Promise<Bundle> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entries[name]],
    outfile: join(folder, `${name}.mjs`),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // Not minified: a stack in a log should say where, and it starts no slower.
    legalComments: "none",
    charset: "utf8",
    // CommonJS packages ask for these.
    banner: { js: banner },
    metafile: true,
    plugins: plugins(root),
    logLevel: "warning",
  });
  const packages = bundledPackages(root, metafile);
  writeFileSync(join(folder, "THIRD-PARTY-NOTICES.txt"), thirdPartyNotices(packages));
  writeFileSync(join(folder, "sbom.cdx.json"), billOfMaterials(root, name, packages));
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  return { metafile, packages };
}

const banner = [
  'import { createRequire as __createRequire } from "node:module";',
  'import { fileURLToPath as __fileURLToPath } from "node:url";',
  "const require = __createRequire(import.meta.url);",
  "const __filename = __fileURLToPath(import.meta.url);",
  'const __dirname = __fileURLToPath(new URL(".", import.meta.url));',
].join("\n");

/** Those whose program is there. */
export function bundlesThere(): BundleName[] {
  return (Object.keys(entries) as BundleName[]).filter((name) => existsSync(join(root, entries[name])));
}

/** Bundles into dist/<name>, and says so. */
export async function makeBundle(name: BundleName): Promise<void> {
  const folder = join(root, "dist", name);
  const { packages } = await bundle(name, folder);
  const kib = Math.round(statSync(join(folder, `${name}.mjs`)).size / 1024);
  process.stdout.write(`dist/${name}/${name}.mjs: ${kib} KiB, ${packages.length} packages of others\n`);
}

async function main(asked: readonly string[]): Promise<number> {
  const there = bundlesThere();
  const unknown = asked.filter((name) => !there.some((each) => each === name));
  if (unknown.length > 0) {
    process.stderr.write(`bundle: there is no ${unknown.join(", ")} to bundle; there are ${there.join(", ")}\n`);
    return 2;
  }
  for (const name of there) if (asked.length === 0 || asked.includes(name)) await makeBundle(name);
  return 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

/** The packages of others that a bundle holds, and what their licences ask to be said. */

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly folder: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
  readonly author?: string | { readonly name?: string };
  readonly repository?: string | { readonly url?: string };
}

/** Name, version, licence and folder of each, in order. Throws when one has no licence that it names. */
export function bundledPackages(root: string, metafile: Metafile): BundledPackage[] {
  const folders = new Set(Object.keys(metafile.inputs).flatMap(packageFolder));
  return [...folders]
    .map((folder) => {
      const { name, version, license } = manifestOf(join(root, folder));
      if (typeof license !== "string") throw new Error(`${folder} names no licence; look it up before it is bundled`);
      return { name, version, license, folder: join(root, folder) };
    })
    .sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

/** "node_modules/a/node_modules/@b/c" of a file in it; none for what is ours. */
function packageFolder(path: string): string[] {
  const place = path.lastIndexOf("node_modules/");
  if (place < 0) return [];
  const [scope = "", name = ""] = path.slice(place + "node_modules/".length).split("/");
  return [path.slice(0, place) + ["node_modules", scope, ...(scope.startsWith("@") ? [name] : [])].join("/")];
}

export function thirdPartyNotices(packages: readonly BundledPackage[]): string {
  const head = "This program contains the following packages.\n";
  return [head, ...packages.map(notice)].join(`\n${"-".repeat(100)}\n\n`);
}

function notice({ name, version, license, folder }: BundledPackage): string {
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8").trim());
  const title = `${name} ${version} (${license})`;
  if (texts.length > 0) return `${title}\n\n${texts.join("\n\n")}\n`;
  return `${title}\n\n${authorOf(folder)}\n`;
}

/** Some packages name their licence without its text. */
function authorOf(folder: string): string {
  const { author, repository } = manifestOf(folder);
  const who = typeof author === "string" ? author : (author?.name ?? "its authors");
  const where = typeof repository === "string" ? repository : (repository?.url ?? "");
  return `Copyright ${who}. ${where}`.trim();
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLock } from "./cache.ts";
import { docker, imageLabel } from "./docker.ts";

const buildLimitMs = 600_000;
/** Images that no container uses are removed when they are older: two weeks. */
const unusedHoursMax = 336;

export interface ImageOptions {
  /** The folder that the Dockerfile copies from. */
  readonly context: string;
  /** Path of the Dockerfile; by default the one in the context. */
  readonly dockerfile?: string;
  /** The image's name and tag. */
  readonly tag: string;
  /** Build arguments, such as BASE_IMAGE. */
  readonly args?: Readonly<Record<string, string>>;
  /** The Dockerfile's stage to stop at; by default its last one. */
  readonly target?: string;
}

/** Builds an image with what `docker build` does everywhere, BuildKit or not. Throws what docker says. */
export async function buildImage({ context, dockerfile, tag, args = {}, target }: ImageOptions): Promise<void> {
  const named = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  const file = dockerfile === undefined ? [] : ["--file", dockerfile];
  const stage = target === undefined ? [] : ["--target", target];
  const label = ["--label", `${imageLabel}=1`];
  await docker(["build", "--quiet", ...label, ...named, ...file, ...stage, "--tag", tag, context], {
    limitMs: buildLimitMs,
  });
}

/**
 * The image `<name>:<key>`, made when the engine has not got it, by one process at a time; images of earlier keys go when
 * they are old. Answers its name and tag.
 */
export async function imageOnce(name: string, key: string, make: (tag: string) => Promise<void>): Promise<string> {
  const tag = `${name}:${key}`;
  if (await isThere(tag)) return tag;
  return withLock(name.replaceAll("/", "-"), async () => {
    if (await isThere(tag)) return tag;
    process.stderr.write(`e2e/cluster: building the image ${tag} …\n`);
    await make(tag);
    const old = ["--filter", `label=${imageLabel}`, "--filter", `until=${unusedHoursMax}h`];
    await docker(["image", "prune", "--all", "--force", ...old]);
    return tag;
  });
}

async function isThere(tag: string): Promise<boolean> {
  return (await docker(["image", "ls", "--quiet", tag])) !== "";
}

/** Does something with a copy of a folder, to which more files can be added; it is removed afterwards. */
export async function withCopy<T>(folder: string, work: (copy: string) => Promise<T>): Promise<T> {
  const copy = mkdtempSync(join(tmpdir(), "sallyport-e2e-context-"));
  try {
    cpSync(folder, copy, { recursive: true });
    return await work(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** A short hash of some texts and of all files in a folder, by name and content. */
export function keyOf(folder: string, ...texts: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(texts));
  const names = (readdirSync(folder, { recursive: true }) as string[]).sort();
  for (const name of names) {
    const path = join(folder, name);
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex").slice(0, 12);
}

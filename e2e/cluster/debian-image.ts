import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker, imageLabel } from "./docker.ts";
import { imageOnce } from "./image.ts";
import { run } from "./program.ts";

const suite = "bookworm";
const limitMs = 600_000;

/**
 * A Debian to build images upon. $SALLYPORT_E2E_DEBIAN_IMAGE names one that can be pulled; else it is made of Debian's
 * packages, from where this machine gets its own.
 */
export async function debianImage(): Promise<string> {
  const given = process.env.SALLYPORT_E2E_DEBIAN_IMAGE;
  if (given !== undefined && given !== "") return given;
  return imageOnce("sallyport-e2e/debian", suite, make);
}

async function make(tag: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-e2e-debian-"));
  const [root, archive] = [join(folder, "root"), join(folder, "root.tar")];
  try {
    await debootstrap(root, await mirror());
    const left = ["./var/cache/apt", "./var/lib/apt/lists", "./usr/share/doc", "./usr/share/man", "./usr/share/locale"];
    const excluded = left.map((path) => `--exclude=${path}/*`);
    await run("tar", ["-C", root, ...excluded, "-cf", archive, "."], { limitMs });
    const changes = ['CMD ["bash"]', `LABEL ${imageLabel}=1`].flatMap((change) => ["--change", change]);
    await docker(["import", ...changes, archive, tag], { limitMs });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function debootstrap(root: string, from: string): Promise<void> {
  try {
    await run("debootstrap", ["--variant=minbase", "--include=ca-certificates", suite, root, from], { limitMs });
  } catch (error) {
    const mend = "run as root on a Debian, or set SALLYPORT_E2E_DEBIAN_IMAGE to an image that can be pulled";
    throw new Error(`no Debian image can be made (${mend}):\n${(error as Error).message.slice(-2000)}`);
  }
}

/** Where apt of this machine gets the main packages from. */
async function mirror(): Promise<string> {
  const format = "$(REPO_URI) $(COMPONENT) $(SUITE)";
  const lines = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  for (const line of lines.split("\n")) {
    const [uri, component, name] = line.split(" ");
    if (uri !== undefined && component === "main" && !/-(security|updates|backports)$/.test(name ?? "")) return uri;
  }
  throw new Error("apt has no source of Debian's main packages; see /etc/apt/sources.list, and run apt-get update");
}

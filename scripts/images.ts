import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type BundleName, bundlesThere, makeBundle } from "./bundle.ts";

/**
 * Bundles each program and builds its image, `sallyport-<name>:<tag>`, with the Docker engine that answers:
 * `node scripts/images.ts [name…]`. IMAGE_TAG: the tag, `dev` unless given. IMAGE_REPOSITORY: what goes before the name, such
 * as "example.com/team/". BASE_IMAGE: another base than the Dockerfiles'.
 */

const root = fileURLToPath(new URL("..", import.meta.url));

const dockerfiles: Readonly<Record<BundleName, string>> = {
  r1: "router-dmz/Dockerfile",
  r2: "router-intranet/Dockerfile",
  operator: "operator/Dockerfile",
};

async function main(asked: readonly string[]): Promise<number> {
  const engine = docker(["version", "--format", "{{.Server.Version}}"], "pipe");
  if (engine.status !== 0) {
    process.stderr.write("images: no Docker engine answers; start one, or set DOCKER_HOST\n");
    return 1;
  }
  const names = bundlesThere().filter((name) => asked.length === 0 || asked.includes(name));
  if (names.length === 0) {
    process.stderr.write(`images: there is none of ${asked.join(", ")}; there are ${bundlesThere().join(", ")}\n`);
    return 2;
  }
  for (const name of names) {
    await makeBundle(name);
    const { status } = docker(buildArguments(name), "inherit");
    if (status !== 0) return 1;
  }
  return 0;
}

function buildArguments(name: BundleName): string[] {
  const { IMAGE_TAG = "dev", IMAGE_REPOSITORY = "", BASE_IMAGE } = process.env;
  const base = BASE_IMAGE === undefined ? [] : ["--build-arg", `BASE_IMAGE=${BASE_IMAGE}`];
  const image = `${IMAGE_REPOSITORY}sallyport-${name}:${IMAGE_TAG}`;
  return ["build", "-f", dockerfiles[name], "--target", "prebuilt", ...base, "-t", image, "."];
}

function docker(args: readonly string[], output: "pipe" | "inherit") {
  return spawnSync("docker", args, { cwd: root, encoding: "utf8", stdio: ["ignore", output, output] });
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type BundleName, bundle } from "../../scripts/bundle.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { docker } from "../cluster/docker.ts";
import { buildImage, imageOnce, keyOf } from "../cluster/image.ts";
import { runtimeImage } from "../cluster/runtime-image.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const service = fileURLToPath(new URL("service", import.meta.url));

const dockerfiles: Readonly<Record<BundleName, string>> = {
  operator: "operator/Dockerfile",
  r1: "router-dmz/Dockerfile",
  r2: "router-intranet/Dockerfile",
};

/** The project's images and what the tests need beside them, by the names to write into `image:`. */
export interface Images {
  readonly operator: string;
  readonly r1: string;
  readonly r2: string;
  /** The calculator, on port 9000. */
  readonly calculator: string;
  /** Node and nothing else. */
  readonly runtime: string;
}

/** The project's own images, on this machine. */
export async function programImages(): Promise<Readonly<Record<BundleName, string>>> {
  const runtime = await runtimeImage();
  return {
    operator: await programImage("operator", runtime),
    r1: await programImage("r1", runtime),
    r2: await programImage("r2", runtime),
  };
}

/** Bundles and builds what has changed since it was built last, and makes all images usable in pods of a cluster. */
export async function loadImages(cluster: Cluster): Promise<Images> {
  const base = await runtimeImage();
  const built = await programImages();
  const loaded = await cluster.loadAll([built.operator, built.r1, built.r2, await calculatorImage(base), base]);
  const [operator = "", r1 = "", r2 = "", calculator = "", runtime = ""] = loaded;
  return { operator, r1, r2, calculator, runtime };
}

/** One of the project's images, built as docs/images.md says for builds without network, on the tests' base. */
function programImage(name: BundleName, base: string): Promise<string> {
  return withContext(async (context) => {
    mkdirSync(join(context, "dist"));
    await bundle(name, join(context, "dist", name));
    copyFileSync(join(root, "LICENSE"), join(context, "LICENSE"));
    copyFileSync(join(root, dockerfiles[name]), join(context, "Dockerfile"));
    return imageOnce(`sallyport-e2e/${name}`, keyOf(context, base), (tag) =>
      buildImage({ context, tag, target: "prebuilt", args: { BASE_IMAGE: base } }),
    );
  });
}

function calculatorImage(base: string): Promise<string> {
  return withContext(async (context) => {
    cpSync(service, context, { recursive: true });
    await build({
      absWorkingDir: root,
      entryPoints: ["examples/calculator/main.ts"],
      outfile: join(context, "calculator.mjs"),
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node24",
      logLevel: "warning",
    });
    return imageOnce("sallyport-e2e/calculator", keyOf(context, base), (tag) =>
      buildImage({ context, tag, args: { BASE_IMAGE: base } }),
    );
  });
}

async function withContext<T>(work: (context: string) => Promise<T>): Promise<T> {
  const context = mkdtempSync(join(tmpdir(), "sallyport-e2e-context-"));
  try {
    return await work(context);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

/** The routers' images under other names, which Kubernetes takes for other images. */
export async function retagged(cluster: Cluster, images: Images): Promise<Images> {
  const again = async (image: string) => {
    const name = `${image}-again`;
    await docker(["tag", image, name]);
    return cluster.load(name);
  };
  return { ...images, r1: await again(images.r1), r2: await again(images.r2) };
}

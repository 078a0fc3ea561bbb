import { cpSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { debianImage } from "./debian-image.ts";
import { buildImage, imageOnce, keyOf, withCopy } from "./image.ts";

const folder = fileURLToPath(new URL("runtime", import.meta.url));

/**
 * The image with the Node that npm brings for this project, glibc and CA certificates: no shell, user 65532, `node` as
 * entrypoint. Dockerfiles take it as BASE_IMAGE. Built once; answers its name and tag.
 */
export function runtimeImage(): Promise<string> {
  const manifest = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`);
  const { version } = createRequire(import.meta.url)(manifest) as { version: string };
  return imageOnce("sallyport-e2e/runtime", keyOf(folder, version, process.arch), (tag) =>
    withCopy(folder, async (context) => {
      mkdirSync(join(context, "bin"));
      cpSync(join(dirname(manifest), "bin/node"), join(context, "bin/node"));
      await buildImage({ context, tag, args: { BASE_IMAGE: await debianImage() } });
    }),
  );
}

import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { binariesFolder, binariesKey } from "./binaries.ts";
import { debianImage } from "./debian-image.ts";
import { docker } from "./docker.ts";
import { buildImage, imageOnce, keyOf, withCopy } from "./image.ts";
import { run } from "./program.ts";

/** The first container of every pod; node/etc/containerd/config.toml names it. */
const pauseImage = "sallyport.dev/e2e/pause:1";
const folder = fileURLToPath(new URL("node", import.meta.url));

/** The image of a cluster's node. Built once for the programs in it; answers its name and tag. */
export function nodeImage(): Promise<string> {
  return imageOnce("sallyport-e2e/node", keyOf(folder, binariesKey()), (tag) =>
    withCopy(folder, async (context) => {
      cpSync(await binariesFolder(), join(context, "bin"), { recursive: true, verbatimSymlinks: true });
      mkdirSync(join(context, "images"));
      await savePause(context);
      await buildImage({ context, tag, args: { BASE_IMAGE: await debianImage() } });
    }),
  );
}

/** An image of one file needs no Dockerfile. */
async function savePause(context: string): Promise<void> {
  const archive = join(context, "pause.tar");
  await run("tar", ["-C", join(context, "bin"), "-cf", archive, "pause"]);
  await docker(["import", "--change", 'ENTRYPOINT ["/pause"]', "--change", "USER 65535:65535", archive, pauseImage]);
  await docker(["save", "--output", join(context, "images/pause.tar"), pauseImage]);
  rmSync(archive);
}

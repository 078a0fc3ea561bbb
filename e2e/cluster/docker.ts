import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { joinDockerd, leaveDockerd } from "./dockerd.ts";
import { dockerMarker, isAlive, owner, runVariable } from "./owner.ts";
import { type RunOptions, run } from "./program.ts";

/** Every container and network made here has it; its value is the owner. */
export const ownerLabel = "dev.sallyport.e2e.owner";
/** Every image built here has it. */
export const imageLabel = "dev.sallyport.e2e.image";

let engine: Promise<void> | undefined;

/**
 * What `docker ARGS…` prints, without the last line's end. The first time it looks for an engine: the one that $DOCKER_HOST
 * or the default socket leads to, else a dockerd of our own; and removes what crashed runs have left there. Throws a
 * ProgramError with what docker says when it fails.
 */
export async function docker(args: readonly string[], options: RunOptions = {}): Promise<string> {
  engine ??= findEngine();
  await engine;
  return (await run("docker", args, options)).trimEnd();
}

async function findEngine(): Promise<void> {
  const answers = await run("docker", ["version"]).then(
    () => true,
    () => false,
  );
  // Both docker and testcontainers read it.
  if (!answers) process.env.DOCKER_HOST = await joinDockerd(owner());
  const folder = process.env[runVariable];
  if (folder !== undefined) writeFileSync(dockerMarker(folder), "");
  await removeWhere((name) => !isAlive(name));
}

/** Removes all containers and networks of one owner, and stops our own dockerd when nobody else uses it. */
export async function leaveDocker(name: string): Promise<void> {
  engine ??= findEngine();
  await engine;
  await removeWhere((other) => other === name);
  await leaveDockerd(name);
  engine = undefined;
}

/** Containers with their volumes, and networks, by their owner. */
async function removeWhere(isMeant: (owner: string) => boolean): Promise<void> {
  const containers = await idsWhere(["container", "ls", "--all"], isMeant);
  if (containers.length > 0) await run("docker", ["container", "rm", "--force", "--volumes", ...containers]);
  const networks = await idsWhere(["network", "ls"], isMeant);
  if (networks.length > 0) await run("docker", ["network", "rm", ...networks]);
}

async function idsWhere(list: readonly string[], isMeant: (owner: string) => boolean): Promise<string[]> {
  const format = `{{.ID}} {{.Label "${ownerLabel}"}}`;
  const lines = await run("docker", [...list, "--filter", `label=${ownerLabel}`, "--format", format]);
  const pairs = lines.split("\n").filter((line) => line !== "");
  return pairs.map((line) => line.split(" ")).flatMap(([id, name]) => (isMeant(name ?? "") ? [id ?? ""] : []));
}

/** Runs `docker FROM… | docker TO…`. Throws what either says when it fails. */
export async function dockerPipe(from: readonly string[], to: readonly string[], limitMs = 120_000): Promise<void> {
  await docker(["version"]);
  const options = { signal: AbortSignal.timeout(limitMs), killSignal: "SIGKILL" } as const;
  const [source, sink] = [spawn("docker", from, options), spawn("docker", to, options)];
  const said = [source.stderr, sink.stdout, sink.stderr].map(collect);
  const ends = [source, sink].map(async (child) => (await once(child, "close"))[0]);
  // Whoever ends too early says why itself. An archive has an end that its reader need not read.
  let isCut = false;
  await pipeline(source.stdout, sink.stdin).catch(() => {
    isCut = true;
    source.kill();
  });
  const codes = await Promise.all(ends);
  if (codes[1] === 0 && (codes[0] === 0 || isCut)) return;
  const what = `docker ${from.join(" ")} | docker ${to.join(" ")}`;
  throw new Error(`${what} failed (${codes.join(", ")}):\n${said.map((text) => text()).join("")}`);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-16_384);
  });
  return () => text;
}

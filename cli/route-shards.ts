import { join } from "node:path";
import type { TunnelRoute } from "@sallyport/proto/resource";
import {
  type LeftOut,
  manifestBytesMax,
  manifestFile,
  parseManifest,
  type RouteManifest,
  readShard,
  type ShardRoutes,
  shardBytesMax,
  shardHash,
  shardRoutesMax,
} from "@sallyport/proto/route-shards";
import { markChecked } from "@sallyport/proto/router-config";
import type { FileReader } from "./file-reader.ts";

/** The routes of a folder of shards that are in force. */
export interface TakenShards {
  /** Empty: none were taken yet. */
  readonly generation: string;
  readonly routes: TunnelRoute[];
  readonly refused: readonly LeftOut[];
  /** Why what lies there now is not in force, and since when it is not. */
  readonly waiting?: { readonly problem: string; readonly sinceMs: number };
}

/**
 * Takes a folder's routes when every shard is the one that the manifest names; until then those taken before stay. A
 * volume that is half refreshed is waited for and never served.
 */
export class RouteShards {
  #taken: TakenShards = { generation: "", routes: markChecked([]), refused: [] };
  #waitingSinceMs: number | undefined;
  /** What was read of the shards in force, by their hash: those that stay the same are not read again. */
  #read: ReadonlyMap<string, ShardRoutes> = new Map();

  /** Throws nothing. */
  async read(folder: string, reader: FileReader, now: Date): Promise<TakenShards> {
    try {
      this.#taken = await this.#take(folder, reader);
      this.#waitingSinceMs = undefined;
      return this.#taken;
    } catch (error) {
      this.#waitingSinceMs ??= now.getTime();
      const problem = error instanceof Error ? error.message : String(error);
      return { ...this.#taken, waiting: { problem, sinceMs: this.#waitingSinceMs } };
    }
  }

  async #take(folder: string, reader: FileReader): Promise<TakenShards> {
    const manifest = await readManifest(folder, reader);
    const shards = await readShards(manifest, folder, reader);
    const read = new Map<string, ShardRoutes>();
    for (const { name, hash, bytes } of shards) read.set(hash, await this.#routesOf(name, hash, bytes));
    const isSame = manifest.generation === this.#taken.generation && isEqual([...read.keys()], [...this.#read.keys()]);
    if (isSame) return this.#taken;
    const taken = collect(manifest.generation, [...read.values()]);
    this.#read = read;
    return taken;
  }

  async #routesOf(name: string, hash: string, bytes: Buffer): Promise<ShardRoutes> {
    const known = this.#read.get(hash);
    if (known !== undefined) return known;
    try {
      return await readShard(bytes);
    } catch (error) {
      throw new Error(`${name} cannot be used: ${(error as Error).message}`);
    }
  }
}

async function readManifest(folder: string, reader: FileReader): Promise<RouteManifest> {
  const bytes = await reader.bytes(join(folder, manifestFile), manifestBytesMax);
  if (bytes === undefined) throw new Error(`there is no ${manifestFile} in ${folder}`);
  if (bytes.length > manifestBytesMax) throw new Error(`${manifestFile} is longer than ${manifestBytesMax} bytes`);
  try {
    return parseManifest(bytes.toString("utf8"));
  } catch (error) {
    throw new Error(`${manifestFile} cannot be used: ${(error as Error).message}`);
  }
}

interface Shard {
  readonly name: string;
  readonly hash: string;
  readonly bytes: Buffer;
}

/** All are looked for, so that each one's coming is noticed. */
async function readShards({ shards }: RouteManifest, folder: string, reader: FileReader): Promise<Shard[]> {
  const names = Object.keys(shards).sort();
  const found = await Promise.all(names.map((name) => reader.bytes(join(folder, name), shardBytesMax)));
  const problems: string[] = [];
  const good = names.flatMap((name, index) => {
    const [bytes, hash] = [found[index], shards[name]!];
    if (bytes === undefined) problems.push(`${name} is not there`);
    else if (bytes.length > shardBytesMax) problems.push(`${name} is longer than ${shardBytesMax} bytes`);
    else if (shardHash(bytes) !== hash) problems.push(`${name} is another one`);
    else return [{ name, hash, bytes }];
    return [];
  });
  if (problems.length > 0) throw new Error(`the manifest's shards are not all there: ${problems.join(", ")}`);
  return good;
}

function collect(generation: string, shards: readonly ShardRoutes[]): TakenShards {
  const count = shards.reduce((sum, { routes }) => sum + routes.length, 0);
  if (count > shardRoutesMax) throw new Error(`there are ${count} routes; R2 takes ${shardRoutesMax} at most`);
  const routes = new Map<string, TunnelRoute>();
  const refused = shards.flatMap((shard) => shard.refused);
  for (const route of shards.flatMap((shard) => shard.routes)) {
    const { namespace, name } = route.metadata;
    const key = `${namespace}/${name}`;
    if (routes.has(key)) refused.push({ namespace, name, problem: "comes twice; the first one counts" });
    else routes.set(key, route);
  }
  return { generation, routes: markChecked([...routes.values()]), refused };
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

import { createHash } from "node:crypto";
import { type RouteManifest, shardBytesMax, shardHash, shardsMax, writeShard } from "@sallyport/proto/route-shards";
import { keyOf } from "../kube-object.ts";
import type { ServedRoute } from "../validate/route-verdict.ts";

export interface RouteShards {
  readonly manifest: RouteManifest;
  /** By index; one that is not here has no routes. */
  readonly shards: ReadonlyMap<number, Buffer>;
}

export type Sharded =
  | { readonly t: "ok"; readonly routes: RouteShards }
  | { readonly t: "tooLarge"; readonly message: string };

export function shardFile(index: number): string {
  return `routes-${index}.json.gz`;
}

/** Lays the routes out over shards by their names alone, so that a change of one route changes one shard. */
export function shardRoutes(served: readonly ServedRoute[]): Sharded {
  const byShard = Map.groupBy(served, ({ document }) => shardOf(keyOf(document.metadata)));
  const shards = new Map<number, Buffer>();
  const digests: Record<string, string> = {};
  for (const index of [...byShard.keys()].sort((a, b) => a - b)) {
    const documents = (byShard.get(index) ?? []).map(({ document }) => document).toSorted(byKey);
    try {
      shards.set(index, writeShard(documents));
    } catch (error) {
      return { t: "tooLarge", message: tooLarge(served.length, error as Error) };
    }
    digests[shardFile(index)] = shardHash(shards.get(index)!);
  }
  const generation = createHash("sha256").update(JSON.stringify(digests)).digest("hex").slice(0, 12);
  return { t: "ok", routes: { manifest: { generation, shards: digests }, shards } };
}

function shardOf(key: string): number {
  return createHash("sha256").update(key).digest().readUInt16BE(0) % shardsMax;
}

function byKey(a: ServedRoute["document"], b: ServedRoute["document"]): number {
  return keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1;
}

function tooLarge(routes: number, { message }: Error): string {
  const room = `${shardsMax} shards of ${shardBytesMax} bytes`;
  return `${routes} routes do not fit into ${room} (in one ${message}); give some of them a tunnel of their own`;
}

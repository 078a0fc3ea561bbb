import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzipSync } from "node:zlib";
import { z } from "zod";
import { refuse } from "./field.ts";
import { check, pathText, problemLines } from "./problem.ts";
import { type TunnelRoute, tunnelRouteSchema } from "./resource.ts";

/**
 * Many routes as a few files, as the operator hands them to R2: `manifest.json`, which names a generation and each
 * shard's SHA-256, and shards `routes-<k>.json.gz`, each a JSON list of TunnelRoute documents.
 */

export const manifestFile = "manifest.json";
export const shardsMax = 16;
/** Of a shard as it lies there; a ConfigMap has a mebibyte. */
export const shardBytesMax = 700 * 1024;
/** Of a shard's text. Routes shrink to some twentieth. */
export const shardTextBytesMax = 32 * 1024 * 1024;
export const manifestBytesMax = 16 * 1024;
/** Of all shards together. */
export const shardRoutesMax = 131_072;

export interface RouteManifest {
  readonly generation: string;
  /** SHA-256 of each shard's bytes, in hexadecimal digits, by the shard's name. */
  readonly shards: Readonly<Record<string, string>>;
}

/** Why a route was left out. Its names are empty where it has none. */
export interface LeftOut {
  readonly namespace: string;
  readonly name: string;
  readonly problem: string;
}

export interface ShardRoutes {
  readonly routes: readonly TunnelRoute[];
  readonly refused: readonly LeftOut[];
}

const manifestSchema = z.strictObject({
  generation: z.string().min(1).max(256),
  shards: z
    .record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, "is no SHA-256 in 64 hexadecimal digits"))
    .superRefine((shards, context) => {
      for (const name of Object.keys(shards)) {
        if (!isShardName(name)) refuse(context, [name], "is no shard: they are routes-0.json.gz to routes-15.json.gz");
      }
    }),
});

/** Throws an Error that says what is wrong with it. */
export function parseManifest(text: string): RouteManifest {
  const checked = check(manifestSchema, JSON.parse(text));
  if (checked.t === "ok") return checked.value;
  throw new Error(problemLines(checked.problems.map(({ path, message }) => `${pathText(path)}: ${message}`)));
}

function isShardName(name: string): boolean {
  const [, number] = /^routes-(0|[1-9]\d?)\.json\.gz$/.exec(name) ?? [];
  return number !== undefined && Number(number) < shardsMax;
}

/** SHA-256 of a shard's bytes, in hexadecimal digits. */
export function shardHash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Routes that are read before other work has its turn. */
const routesAtOnce = 100;

/**
 * The routes of a shard, every default filled in; one that cannot be used is left out and told. Throws an Error when the
 * shard as a whole cannot be read. Other work has its turn in between.
 */
export async function readShard(bytes: Uint8Array): Promise<ShardRoutes> {
  const documents = await unpack(bytes);
  const routes: TunnelRoute[] = [];
  const refused: LeftOut[] = [];
  for (const [index, document] of documents.entries()) {
    if (index % routesAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    const checked = check(tunnelRouteSchema, document);
    if (checked.t === "ok") routes.push(checked.value);
    else {
      const problem = problemLines(checked.problems.map(({ path, message }) => `${pathText(path)}: ${message}`));
      refused.push({ ...namesOf(document), problem });
    }
  }
  return { routes, refused };
}

const unzip = promisify(gunzip);

async function unpack(bytes: Uint8Array): Promise<readonly unknown[]> {
  if (bytes.length > shardBytesMax) throw new Error(`is longer than ${shardBytesMax} bytes`);
  const list: unknown = JSON.parse((await unzip(bytes, { maxOutputLength: shardTextBytesMax })).toString("utf8"));
  if (!Array.isArray(list)) throw new Error("is no JSON list of TunnelRoutes");
  if (list.length > shardRoutesMax) throw new Error(`holds more than ${shardRoutesMax} routes`);
  return list;
}

/** As far as it has them. */
function namesOf(document: unknown): { readonly namespace: string; readonly name: string } {
  const metadata = (document as { metadata?: { namespace?: unknown; name?: unknown } } | null)?.metadata;
  const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, 253) : "");
  return { namespace: text(metadata?.namespace), name: text(metadata?.name) };
}

/** A shard that holds these documents; the same ones make the same bytes. Throws when they are too many for it. */
export function writeShard(documents: readonly unknown[]): Buffer {
  const bytes = gzipSync(JSON.stringify(documents), { level: 9 });
  // The system that packed it has no bearing on what is in it: RFC 1952, 2.3.1, "OS".
  bytes[9] = 255;
  if (bytes.length <= shardBytesMax) return bytes;
  throw new Error(`${documents.length} routes take ${bytes.length} bytes; a shard has ${shardBytesMax} at most`);
}

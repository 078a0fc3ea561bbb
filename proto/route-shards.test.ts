import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parseManifest, readShard, shardBytesMax, shardHash, shardTextBytesMax, writeShard } from "./route-shards.ts";

const hash = "ab".repeat(32);
const route = (name: string) => ({
  ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name, namespace: "shop" } },
  spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: "http://calc:80" }] },
});

describe("a manifest", () => {
  it("names a generation and the hash of each shard", () => {
    const manifest = { generation: "g1", shards: { "routes-0.json.gz": hash, "routes-15.json.gz": hash } };
    expect(parseManifest(JSON.stringify(manifest))).toStrictEqual(manifest);
    expect(parseManifest('{"generation":"g0","shards":{}}')).toStrictEqual({ generation: "g0", shards: {} });
  });

  it.each([
    ["a shard that is a path", { generation: "g", shards: { "../routes-0.json.gz": hash } }, /is no shard: they are/],
    ["a seventeenth shard", { generation: "g", shards: { "routes-16.json.gz": hash } }, /is no shard: they are/],
    ["no hash", { generation: "g", shards: { "routes-0.json.gz": "1" } }, /is no SHA-256/],
    ["no generation", { shards: {} }, /^generation: is missing/],
    ["another key", { generation: "g", shards: {}, more: 1 }, /more/],
  ])("is refused with %s", (_, manifest, message) => {
    expect(() => parseManifest(JSON.stringify(manifest))).toThrow(message);
  });
});

describe("a shard", () => {
  it("is read as it was written, with the defaults filled in", async () => {
    const { routes, refused } = await readShard(writeShard([route("a"), route("b")]));
    expect(refused).toStrictEqual([]);
    expect(routes.map(({ metadata, spec }) => [metadata.name, spec.matches, spec.backendRefs])).toStrictEqual([
      ["a", [], [{ url: "http://calc:80", weight: 1 }]],
      ["b", [], [{ url: "http://calc:80", weight: 1 }]],
    ]);
  });

  it("has the same bytes each time: its hash tells whether it has changed", () => {
    expect(shardHash(writeShard([route("a")]))).toBe(shardHash(writeShard([route("a")])));
    expect(shardHash(writeShard([route("a")]))).not.toBe(shardHash(writeShard([route("b")])));
  });

  it("yields the other routes when one cannot be used", async () => {
    const bad = { ...route("bad"), spec: { ...route("bad").spec, tomorrow: {} } };
    const nameless = { kind: "TunnelRoute" };
    const { routes, refused } = await readShard(writeShard([route("a"), bad, nameless, 7, null, route("b")]));
    expect(routes.map(({ metadata }) => metadata.name)).toStrictEqual(["a", "b"]);
    expect(refused.map(({ namespace, name }) => [namespace, name])).toStrictEqual([
      ["shop", "bad"],
      ["", ""],
      ["", ""],
      ["", ""],
    ]);
    expect(refused[0]?.problem).toMatch(/^spec\.tomorrow: is not a known key/);
  });

  it("is refused when its text is too long, before there is memory for it", async () => {
    const bomb = gzipSync(Buffer.alloc(shardTextBytesMax + 1, " "));
    expect(bomb.length).toBeLessThan(shardBytesMax);
    await expect(readShard(bomb)).rejects.toThrow(/larger than 33554432 bytes/);
  });

  it("is refused when it is too long itself, is not packed, is no list", async () => {
    await expect(readShard(Buffer.alloc(shardBytesMax + 1))).rejects.toThrow("is longer than 716800 bytes");
    await expect(readShard(Buffer.from("[]"))).rejects.toThrow(/incorrect header/);
    await expect(readShard(gzipSync("{}"))).rejects.toThrow("is no JSON list of TunnelRoutes");
    await expect(readShard(gzipSync("[").subarray(0, 15))).rejects.toThrow(/unexpected end/);
  });

  it("cannot be written with more than it may hold", () => {
    const noise = Array.from({ length: 40_000 }, (_, index) => ({ text: shardHash(Buffer.from(String(index))) }));
    expect(() => writeShard(noise)).toThrow(/^40000 routes take \d+ bytes; a shard has 716800 at most$/);
  });
});

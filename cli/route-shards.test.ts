import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { manifestFile, shardHash, writeShard } from "@sallyport/proto/route-shards";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileReader } from "./file-reader.ts";
import { RouteShards, type TakenShards } from "./route-shards.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sallyport-shards-"));
});

afterEach(() => rm(folder, { recursive: true }));

const now = new Date("2026-11-24T12:00:00Z");
const later = new Date("2026-11-24T12:01:00Z");
const route = (name: string) => ({
  ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name, namespace: "shop" } },
  spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: "http://calc:80" }] },
});

const shardOf = (...names: string[]) => writeShard(names.map(route));

function manifestOf(generation: string, shards: Record<string, Buffer>): string {
  const hashes = Object.entries(shards).map(([name, bytes]) => [name, shardHash(bytes)]);
  return JSON.stringify({ generation, shards: Object.fromEntries(hashes) });
}

async function write(generation: string, shards: Record<string, Buffer>): Promise<void> {
  for (const [name, bytes] of Object.entries(shards)) await writeFile(join(folder, name), bytes);
  await writeFile(join(folder, manifestFile), manifestOf(generation, shards));
}

/** What is in force, in short. */
const short = ({ generation, routes, waiting }: TakenShards) => ({
  ...{ generation, routes: routes.map(({ metadata }) => metadata.name), waiting: waiting?.problem },
});

describe("a folder of shards", () => {
  it("yields the routes of all of them", async () => {
    await write("g1", { "routes-0.json.gz": shardOf("a", "b"), "routes-1.json.gz": shardOf("c") });
    const taken = await new RouteShards().read(folder, new FileReader(), now);
    expect(short(taken)).toStrictEqual({ generation: "g1", routes: ["a", "b", "c"], waiting: undefined });
  });

  it("yields none while it is not there or empty, and says so", async () => {
    const shards = new RouteShards();
    const nowhere = await shards.read(join(folder, "nowhere"), new FileReader(), now);
    expect(short(nowhere)).toStrictEqual({
      ...{ generation: "", routes: [], waiting: `there is no manifest.json in ${join(folder, "nowhere")}` },
    });
    expect((await shards.read(folder, new FileReader(), later)).waiting?.sinceMs).toBe(now.getTime());
  });

  it("yields what it did before while a shard is another one than the manifest says, and tells since when", async () => {
    const shards = new RouteShards();
    const old = { "routes-0.json.gz": shardOf("a"), "routes-1.json.gz": shardOf("b") };
    await write("g1", old);
    await shards.read(folder, new FileReader(), now);
    const next = {
      "routes-0.json.gz": shardOf("c"),
      "routes-1.json.gz": shardOf("d"),
      "routes-2.json.gz": shardOf("e"),
    };
    await writeFile(join(folder, manifestFile), manifestOf("g2", next));
    const half = await shards.read(folder, new FileReader(), now);
    expect(short(half)).toStrictEqual({
      ...{ generation: "g1", routes: ["a", "b"] },
      waiting:
        "the manifest's shards are not all there: routes-0.json.gz is another one, " +
        "routes-1.json.gz is another one, routes-2.json.gz is not there",
    });
    await writeFile(join(folder, "routes-0.json.gz"), next["routes-0.json.gz"]);
    const reader = new FileReader();
    const more = await shards.read(folder, reader, later);
    expect([more.generation, more.waiting?.sinceMs]).toStrictEqual(["g1", now.getTime()]);
    // What is missing is watched for.
    expect(reader.seen.get(join(folder, "routes-2.json.gz"))).toBe("missing");
    await write("g2", next);
    const all = await shards.read(folder, new FileReader(), later);
    expect(short(all)).toStrictEqual({ generation: "g2", routes: ["c", "d", "e"], waiting: undefined });
  });

  it.each([
    ["is no JSON", "{", /^manifest\.json cannot be used: /],
    ["is too long", `"${"x".repeat(17 * 1024)}"`, /^manifest\.json is longer than 16384 bytes$/],
  ])("yields what it did before when its manifest %s", async (_, text, message) => {
    const shards = new RouteShards();
    await write("g1", { "routes-0.json.gz": shardOf("a") });
    await shards.read(folder, new FileReader(), now);
    await writeFile(join(folder, manifestFile), text);
    const { generation, waiting } = await shards.read(folder, new FileReader(), now);
    expect([generation, waiting?.problem]).toStrictEqual(["g1", expect.stringMatching(message)]);
  });

  it("yields what it did before when a shard unpacks to more than it may", async () => {
    const shards = new RouteShards();
    await write("g1", { "routes-0.json.gz": shardOf("a") });
    await shards.read(folder, new FileReader(), now);
    await write("g2", { "routes-0.json.gz": gzipSync(Buffer.alloc(33 * 1024 * 1024, " ")) });
    const { generation, waiting } = await shards.read(folder, new FileReader(), now);
    expect([generation, waiting?.problem]).toStrictEqual([
      "g1",
      "routes-0.json.gz cannot be used: Cannot create a Buffer larger than 33554432 bytes",
    ]);
  });

  it("leaves out a route that cannot be used or comes twice, and takes the others", async () => {
    const bad = { ...route("bad"), kind: "TunnelRout" };
    await write("g1", { "routes-0.json.gz": writeShard([route("a"), bad]), "routes-1.json.gz": shardOf("a", "b") });
    const { routes, refused } = await new RouteShards().read(folder, new FileReader(), now);
    expect(routes.map(({ metadata }) => metadata.name)).toStrictEqual(["a", "b"]);
    expect(refused).toStrictEqual([
      { namespace: "shop", name: "bad", problem: expect.stringMatching(/^kind: /) },
      { namespace: "shop", name: "a", problem: "comes twice; the first one counts" },
    ]);
  });

  it("keeps the very routes of a shard that has not changed", async () => {
    const shards = new RouteShards();
    const same = shardOf("a");
    await write("g1", { "routes-0.json.gz": same, "routes-1.json.gz": shardOf("b") });
    const before = await shards.read(folder, new FileReader(), now);
    expect((await shards.read(folder, new FileReader(), now)).routes).toBe(before.routes);
    await write("g2", { "routes-0.json.gz": same, "routes-1.json.gz": shardOf("c") });
    const after = await shards.read(folder, new FileReader(), now);
    expect(after.routes[0]).toBe(before.routes[0]);
    expect(after.routes[1]?.metadata.name).toBe("c");
  });

  it("is another one when the link that leads to its files is swapped, as kubelet does", async () => {
    const shards = new RouteShards();
    const publish = async (version: string, name: string) => {
      await mkdir(join(folder, version));
      const bytes = shardOf(name);
      await writeFile(join(folder, version, "routes-0.json.gz"), bytes);
      await writeFile(join(folder, version, manifestFile), manifestOf(version, { "routes-0.json.gz": bytes }));
      await symlink(version, join(folder, "..data_tmp"));
      await rename(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    await publish("..v1", "a");
    for (const file of [manifestFile, "routes-0.json.gz"]) await symlink(join("..data", file), join(folder, file));
    const reader = new FileReader();
    await shards.read(folder, reader, now);
    await publish("..v2", "b");
    const next = new FileReader();
    expect(short(await shards.read(folder, next, now)).routes).toStrictEqual(["b"]);
    expect([...next.seen.values()].filter((state) => [...reader.seen.values()].includes(state))).toStrictEqual([]);
  });
});

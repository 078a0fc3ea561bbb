import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeIdentities } from "@sallyport/cli/identity-files";
import { manifestFile, shardHash, writeShard } from "@sallyport/proto/route-shards";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "./dev-process.ts";
import { RouterProcess } from "./router-process.ts";

/** R2 with a volume of routes as kubelet keeps one: files that are links through `..data`, which is swapped. */

let folder: string;
let admin: number;
let r2: RouterProcess;

const route = (name: string, more: object = {}) => ({
  ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name, namespace: "shop" } },
  spec: { parentRefs: [{ name: "partners", namespace: "default" }], backendRefs: [{ url: "http://calc:80" }], ...more },
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sallyport-routes-"));
  const options = { out: folder, tunnel: "default/partners", trustDomain: undefined, days: 30, verbose: false };
  await makeIdentities({ ...options, renew: false, force: false }, new Date());
  admin = await freePort();
  await mkdir(join(folder, "routes"));
  await writeFile(
    join(folder, "r2.yaml"),
    `tunnel: default/partners
identity: { certificateChainFile: r2/certificate.pem, privateKeyFile: r2/private-key.pem, trustedCasFile: r2/trusted-cas.pem }
dmz: [{ name: r1-0, address: 127.0.0.1, port: ${await freePort()} }]
routeShards: routes
admin: { address: 127.0.0.1, port: ${admin} }
`,
  );
  r2 = new RouterProcess("r2", join(folder, "r2.yaml"));
  await r2.record("started");
});

afterAll(async () => {
  r2?.child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** Swaps the volume's content in one step; a `broken` manifest does not fit the shard. */
async function publish(generation: string, routes: object[], broken = false): Promise<void> {
  const volume = join(folder, "routes");
  const bytes = writeShard(routes);
  const shards = { "routes-0.json.gz": shardHash(broken ? Buffer.from("another") : bytes) };
  await mkdir(join(volume, `..${generation}`));
  await writeFile(join(volume, `..${generation}`, "routes-0.json.gz"), bytes);
  await writeFile(join(volume, `..${generation}`, manifestFile), JSON.stringify({ generation, shards }));
  await symlink(`..${generation}`, join(volume, "..data_tmp"));
  await rename(join(volume, "..data_tmp"), join(volume, "..data"));
}

async function status() {
  const page = await (await fetch(`http://127.0.0.1:${admin}/statusz`)).json();
  const { routes, routeSource } = page as { routes: { name: string }[]; routeSource: { waiting: object | null } };
  return { routes: routes.map(({ name }) => name), source: routeSource };
}

const metric = async (name: string) => {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
};

it("starts without any routes, says so, and takes the first ones when they come", async () => {
  expect(await status()).toStrictEqual({
    routes: [],
    source: {
      ...{ generation: "", refused: [] },
      waiting: { problem: expect.stringMatching(/^there is no manifest\.json in /), since: expect.any(String) },
    },
  });
  expect(await metric("sallyport_routes_waiting_since_timestamp_seconds")).toBeGreaterThan(1_700_000_000);
  const before = r2.records.length;
  for (const file of [manifestFile, "routes-0.json.gz"]) {
    await symlink(join("..data", file), join(folder, "routes", file));
  }
  await publish("v1", [route("a")]);
  await r2.record("configuration reloaded", before);
  expect(await status()).toStrictEqual({ routes: ["a"], source: { generation: "v1", refused: [], waiting: null } });
  expect(await metric("sallyport_routes_waiting_since_timestamp_seconds")).toBe(0);
});

it("takes a swapped volume, and the good routes beside a bad one", async () => {
  const before = r2.records.length;
  await publish("v2", [route("a"), route("bad", { filters: [] }), route("b")]);
  await r2.record("configuration reloaded", before);
  const { routes, source } = await status();
  expect(routes).toStrictEqual(["a", "b"]);
  expect(source).toMatchObject({ generation: "v2", refused: [{ namespace: "shop", name: "bad" }], waiting: null });
  expect(await metric("sallyport_routes_refused")).toBe(1);
});

it("goes on with the old routes while a shard is not the manifest's", async () => {
  let before = r2.records.length;
  await publish("v3", [route("c")], true);
  await r2.record("configuration reloaded", before);
  const { routes, source } = await status();
  expect(routes).toStrictEqual(["a", "b"]);
  expect(source).toMatchObject({
    ...{ generation: "v2", waiting: { problem: expect.stringContaining("routes-0.json.gz is another one") } },
  });
  before = r2.records.length;
  await publish("v4", [route("d")]);
  await r2.record("configuration reloaded", before);
  expect(await status()).toMatchObject({ routes: ["d"], source: { generation: "v4", waiting: null } });
});

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import http, { type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeIdentities } from "@sallyport/cli/identity-files";
import { manifestFile, shardHash, writeShard } from "@sallyport/proto/route-shards";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, bundle } from "../../scripts/bundle.ts";
import { freePort } from "./dev-process.ts";
import { RouterProcess } from "./router-process.ts";

/** What the images hold: each router as one file, run by plain Node far from the repository and its node_modules. */

let folder: string;
let made: Record<"r1" | "r2", Bundle>;
let service: Server;
let httpPort: number;
let r1: RouterProcess;
let r2: RouterProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sallyport-bundles-"));
  made = { r1: await bundle("r1", join(folder, "app1")), r2: await bundle("r2", join(folder, "app2")) };
  service = http.createServer((request, response) => {
    request.resume();
    response.end(`served ${request.url}`);
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  const options = { out: folder, tunnel: "default/partners", trustDomain: undefined, days: 30, verbose: false };
  await makeIdentities({ ...options, renew: false, force: false }, new Date());
  await writeConfigs();
  r1 = new RouterProcess("r1", join(folder, "r1.yaml"), { program: join(folder, "app1/r1.mjs") });
  r2 = new RouterProcess("r2", join(folder, "r2.yaml"), { program: join(folder, "app2/r2.mjs") });
  await r1.record("readiness");
}, 60_000);

afterAll(async () => {
  for (const router of [r1, r2]) router?.child.kill("SIGKILL");
  service?.close();
  await rm(folder, { recursive: true });
});

/** R2 has its routes as in a cluster: as shards. */
async function writeConfigs(): Promise<void> {
  const [port, tunnel, health, admin1, admin2] = await Promise.all(Array.from({ length: 5 }, freePort));
  httpPort = port!;
  const identity = (side: string) =>
    `identity: { certificateChainFile: ${side}/certificate.pem, privateKeyFile: ${side}/private-key.pem, trustedCasFile: ${side}/trusted-cas.pem }`;
  await writeFile(
    join(folder, "r1.yaml"),
    `tunnel: default/partners
${identity("r1")}
listeners: [{ name: http, protocol: HTTP, address: 127.0.0.1, port: ${port} }]
tunnelEndpoint: { address: 127.0.0.1, port: ${tunnel} }
health: { address: 127.0.0.1, port: ${health} }
admin: { address: 127.0.0.1, port: ${admin1} }
limits: { drainNoticeMs: 0 }
`,
  );
  await writeFile(
    join(folder, "r2.yaml"),
    `tunnel: default/partners
${identity("r2")}
dmz: [{ name: r1-0, address: 127.0.0.1, port: ${tunnel} }]
routeShards: .
admin: { address: 127.0.0.1, port: ${admin2} }
`,
  );
  const { port: servicePort } = service.address() as AddressInfo;
  const shard = writeShard([
    {
      ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name: "all", namespace: "default" } },
      spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: `http://127.0.0.1:${servicePort}` }] },
    },
  ]);
  await writeFile(join(folder, "routes-0.json.gz"), shard);
  const manifest = { generation: "1", shards: { "routes-0.json.gz": shardHash(shard) } };
  await writeFile(join(folder, manifestFile), JSON.stringify(manifest));
}

const inputsOf = (name: "r1" | "r2") => Object.keys(made[name].metafile.inputs);

describe("the bundle of R1", () => {
  it("holds neither R2 nor the operator nor a client of Kubernetes", () => {
    const strangers = /^(router-intranet|operator|examples)\/|node_modules\/(@kubernetes|undici)\//;
    expect(inputsOf("r1").filter((path) => strangers.test(path))).toStrictEqual([]);
    expect(inputsOf("r1")).toContain("router-dmz/router.ts");
  });

  it("makes no certificates and no other commands", () => {
    const others = /^cli\/(identity|dev|check|schema|supervisor|program|main)\b(?!-check)|node_modules\/@peculiar\//;
    expect(inputsOf("r1").filter((path) => others.test(path))).toStrictEqual([]);
  });
});

describe("the bundle of R2", () => {
  it("holds neither R1 nor the operator nor a client of Kubernetes", () => {
    const strangers = /^(router-dmz|operator|examples)\/|node_modules\/@kubernetes\//;
    expect(inputsOf("r2").filter((path) => strangers.test(path))).toStrictEqual([]);
  });
});

describe.each(["r1", "r2"] as const)("beside the bundle of %s", (name) => {
  const read = (file: string) => readFile(join(folder, name === "r1" ? "app1" : "app2", file), "utf8");

  it("lie the licences of all that is in it, and nothing else but a bill of materials", async () => {
    const files = await readdir(join(folder, name === "r1" ? "app1" : "app2"));
    expect(files.sort()).toStrictEqual(["LICENSE", "THIRD-PARTY-NOTICES.txt", `${name}.mjs`, "sbom.cdx.json"]);
    const notices = await read("THIRD-PARTY-NOTICES.txt");
    const missing = made[name].packages.filter(({ name, version, license }) => {
      return !notices.includes(`\n${name} ${version} (${license})\n`);
    });
    expect(missing).toStrictEqual([]);
    expect(made[name].packages.map((each) => each.name)).toContain("@grpc/grpc-js");
  });

  it("lies a bill of materials that names what is in it, no more and no less", async () => {
    const { bomFormat, components } = JSON.parse(await read("sbom.cdx.json")) as {
      bomFormat: string;
      components: { purl: string; hashes?: object[]; version: string }[];
    };
    const named = made[name].packages.map(({ name, version }) => `pkg:npm/${name.replace("@", "%40")}@${version}`);
    expect([bomFormat, components.map(({ purl }) => purl).sort()]).toStrictEqual(["CycloneDX", named.sort()]);
    expect(components.filter(({ hashes }) => hashes === undefined || hashes.length === 0)).toStrictEqual([]);
  });

  it("is no word of where it was made", async () => {
    for (const file of [`${name}.mjs`, "sbom.cdx.json", "THIRD-PARTY-NOTICES.txt"]) {
      expect((await read(file)).includes(process.cwd())).toBe(false);
    }
  });
});

describe("the bundles of R1 and R2", () => {
  it("carry a call", async () => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/add`, { method: "POST", body: "question" });
    expect([response.status, await response.text()]).toStrictEqual([200, "served /add"]);
  });

  it("say what they are in their log, as JSON and nothing else", async () => {
    await Promise.all([r1.record("starting"), r2.record("starting")]);
    expect([...r1.lines, ...r2.lines]).toStrictEqual([]);
  });

  it("end with 0 after a drain when they are told to stop", async () => {
    expect(await Promise.all([r1.stop("SIGTERM"), r2.stop("SIGTERM")])).toStrictEqual([0, 0]);
    expect(r1.records.at(-1)?.msg).toBe("stopped");
  });
});

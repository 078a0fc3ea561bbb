import { spawnSync } from "node:child_process";
import { chmod, cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import http, { type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { freePort } from "./dev-process.ts";
import { RouterProcess } from "./router-process.ts";

/** docs/two-machines.md and examples/two-machines, on one machine: the files as they stand but for addresses and ports. */

const examples = fileURLToPath(new URL("../../examples/two-machines", import.meta.url));
const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

let folder: string;
let first: Server;
let second: Server;
let ports: { http: number; tunnel: number; health: number; r1Admin: number; r2Admin: number };
let r1: RouterProcess;
let r2: RouterProcess;

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sallyport-machines-"));
  [first, second] = await Promise.all([serve("first"), serve("second")]);
  const free = await Promise.all(Array.from({ length: 5 }, freePort));
  ports = { http: free[0]!, tunnel: free[1]!, health: free[2]!, r1Admin: free[3]!, r2Admin: free[4]! };
  sallyport("identity", "--tunnel", "default/partners", "--out", join(folder, "ids"));
  // As `scp` would take them to their machines.
  for (const side of ["r1", "r2"]) await cp(join(folder, "ids", side), join(folder, side), { recursive: true });
  await writeDmz({});
  await writeIntranet({});
  await writeRoutes(first);
  r1 = new RouterProcess("r1", join(folder, "r1.yaml"));
  r2 = new RouterProcess("r2", join(folder, "r2.yaml"));
  await r1.record("readiness");
});

afterAll(async () => {
  for (const router of [r1, r2]) router?.child.kill("SIGKILL");
  agent.destroy();
  for (const server of [first, second]) server?.close();
  await rm(folder, { recursive: true });
});

describe("T10: two machines", () => {
  it("carry a SOAP call and a REST call", async () => {
    const soap = { "Content-Type": "text/xml", SOAPAction: '"urn:ICalculator/Add"' };
    expect(await call("/anywhere", soap)).toStrictEqual({ status: 200, body: "first /anywhere" });
    expect(await call("/calculator/add?a=1")).toStrictEqual({ status: 200, body: "first /calculator/add?a=1" });
    expect((await call("/elsewhere")).status).toBe(404);
  });

  it("T7: answer the load balancer", async () => {
    expect(await text(`http://127.0.0.1:${ports.health}/healthcheck`)).toBe("ManagementConnection: ACTIVE\n");
  });

  it("write their log as JSON, with the process's id, and nothing else", async () => {
    await Promise.all([r1.record("starting"), r2.record("starting")]);
    expect(r1.records[0]).toMatchObject({ name: "r1", msg: "starting", pid: r1.child.pid, side: "dmz" });
    expect(r2.records[0]).toMatchObject({ name: "r2", msg: "starting", pid: r2.child.pid, side: "intranet" });
    expect([...r1.lines, ...r2.lines]).toStrictEqual([]);
  });

  it("M5: a changed route comes into force under load, and no call fails", { timeout: 60_000 }, async () => {
    const load = startLoad(16);
    await load.until(200);
    const before = r2.records.length;
    await writeRoutes(second);
    expect(await r2.record("configuration reloaded", before)).toMatchObject({ changed: ["routes"] });
    const seen = load.count();
    await load.until(seen + 200);
    const results = await load.stop();
    expect(results.filter(({ status }) => status !== 200)).toStrictEqual([]);
    expect(new Set(results.map(({ body }) => body.split(" ")[0]))).toStrictEqual(new Set(["first", "second"]));
    expect((await call("/calculator")).body).toBe("second /calculator");
  });

  it("M5: a call in flight keeps its destination when its route goes there no longer", async () => {
    const slow = call("/calculator/slow");
    await new Promise((resolve) => second.once("request", resolve));
    const before = r2.records.length;
    await writeRoutes(first);
    await r2.record("configuration reloaded", before);
    expect((await call("/calculator")).body).toBe("first /calculator");
    release();
    expect(await slow).toStrictEqual({ status: 200, body: "second /calculator/slow" });
  });

  it("tell R1 of other routes", async () => {
    const before = r2.records.length;
    await writeFile(
      join(folder, "routes.yaml"),
      `${await routes(first)}---\n${(await routes(first)).replace("name: calculator", "name: more")}`,
    );
    await r2.record("configuration reloaded", before);
    await expect.poll(async () => (await status(ports.r1Admin)).intranetRouters[0]?.routes).toBe(2);
  });

  it("refuse a bad file, say so everywhere, and keep the old one; the mended one counts", {
    timeout: 60_000,
  }, async () => {
    const before = r2.records.length;
    await writeFile(join(folder, "routes.yaml"), (await routes(second)).replace("http:", "ftp:"));
    const problem = expect.stringMatching(/routes\.yaml:\d+: TunnelRoute calculator: .*is not an http/);
    expect(await r2.record("new configuration refused; the old one stays", before)).toMatchObject({
      level: 50,
      problem,
    });
    expect((await status(ports.r2Admin)).configuration).toMatchObject({ valid: false, error: problem });
    const metrics = await text(`http://127.0.0.1:${ports.r2Admin}/metrics`);
    expect(metrics).toContain('sallyport_config_reloads_total{outcome="refused"} 1\n');
    expect(metrics).toContain("sallyport_config_valid 0\n");
    expect((await call("/calculator")).body).toBe("first /calculator");
    await writeRoutes(second);
    await expect.poll(async () => (await call("/calculator")).body, { timeout: 10_000 }).toBe("second /calculator");
    expect((await status(ports.r2Admin)).configuration).toMatchObject({ valid: true, error: "" });
  });

  it("R1 takes what can change while it runs, at SIGHUP, and names what cannot", async () => {
    const before = r1.records.length;
    await writeDmz({ waiting: { callsMax: 7 }, pool: { min: 3, max: 16 } });
    r1.child.kill("SIGHUP");
    const told = await r1.record("configuration reloaded; restart the router for what needs it", before);
    expect([told.changed, told.needsRestart]).toStrictEqual([["waiting.callsMax"], ["pool.min"]]);
    expect((await status(ports.r1Admin)).configuration).toMatchObject({ valid: true, needsRestart: ["pool.min"] });
    expect((await call("/calculator")).status).toBe(200);
  });

  it("R1's new limits count for the next call", async () => {
    const config = join(folder, "alone.yaml");
    const text = await readFile(join(folder, "r1.yaml"), "utf8");
    const alone = { ...parse(text), listeners: [{ name: "http", protocol: "HTTP", address: "127.0.0.1", port: 0 }] };
    for (const key of ["tunnelEndpoint", "health", "admin"]) alone[key] = { address: "127.0.0.1", port: 0 };
    await write("alone.yaml", { ...alone, waiting: { timeoutMs: 3_600_000 } });
    const router = new RouterProcess("r1", config);
    try {
      const { ports } = (await router.record("listening")) as unknown as { ports: { http: number } };
      await write("alone.yaml", { ...alone, waiting: { callsMax: 0 } });
      router.child.kill("SIGHUP");
      await router.record("configuration reloaded");
      const reply = await fetch(`http://127.0.0.1:${ports.http}/`);
      expect([reply.status, await reply.text()]).toStrictEqual([503, expect.stringContaining("0 calls wait already")]);
    } finally {
      router.child.kill("SIGKILL");
    }
  });

  it("R2 shows a renewed certificate on new connections, without a restart", async () => {
    const before = r2.records.length;
    sallyport("identity", "--out", join(folder, "ids"), "--renew");
    await cp(join(folder, "ids", "r2"), join(folder, "r2"), { recursive: true });
    const { changed } = await r2.record("configuration reloaded", before);
    expect(changed).toStrictEqual(["identity.certificateChain", "identity.privateKey"]);
    expect((await call("/calculator")).status).toBe(200);
  });

  it("refuse a key that others may read, while the old one serves", async () => {
    const before = r2.records.length;
    await chmod(join(folder, "r2/private-key.pem"), 0o644);
    const { problem } = await r2.record("new configuration refused; the old one stays", before);
    expect(problem).toMatch(/private-key\.pem: .* is open to others \(mode 644\); chmod 600 /);
    await chmod(join(folder, "r2/private-key.pem"), 0o600);
    await r2.record("configuration read again; nothing has changed", before);
  });

  it("do not start with files that cannot be used, or on a port that is taken", { timeout: 60_000 }, async () => {
    await writeFile(join(folder, "bad.yaml"), "tunnel: default/partners\n");
    const bad = new RouterProcess("r1", join(folder, "bad.yaml"));
    const taken = new RouterProcess("r1", join(folder, "r1.yaml"));
    expect([await bad.ended, await taken.ended]).toStrictEqual([2, 1]);
    expect(bad.lines[0]).toMatch(/^.*bad\.yaml:1: identity: is missing; give a mapping$/);
    expect(taken.lines[0]).toMatch(
      /^sallyport: R1 could not start: listener "http" cannot listen on .* another process does/,
    );
  });

  it("finish their calls at SIGTERM, and end with 0", { timeout: 60_000 }, async () => {
    const slow = call("/calculator/slow");
    await new Promise((resolve) => second.once("request", resolve));
    r1.child.kill("SIGTERM");
    await r1.record("draining");
    release();
    expect(await slow).toStrictEqual({ status: 200, body: "second /calculator/slow" });
    expect(await r1.ended).toBe(0);
    expect(await r2.stop()).toBe(0);
  });
});

// ------------------------------------------------------------------------------------------------- destinations

let release = (): void => {};

async function serve(name: string): Promise<Server> {
  const server = http.createServer((request, response) => {
    const answer = (): void => void response.end(`${name} ${request.url}`);
    request.resume();
    if (request.url === "/calculator/slow") release = answer;
    else answer();
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return server;
}

// -------------------------------------------------------------------------------------------------------- calls

interface Reply {
  readonly status: number;
  readonly body: string;
}

function call(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.request(`http://127.0.0.1:${ports.http}${path}`, { agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
    request.end();
  });
}

/** Calls one after the other, `width` at a time. What fails without an answer has status 0. */
function startLoad(width: number) {
  const results: Reply[] = [];
  let isOver = false;
  let wake = (): void => {};
  const worker = async (): Promise<void> => {
    while (!isOver) {
      results.push(await call("/calculator").catch((error: Error) => ({ status: 0, body: error.message })));
      wake();
    }
  };
  const workers = Array.from({ length: width }, worker);
  return {
    count: () => results.length,
    until: async (count: number) => {
      while (results.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    stop: async () => {
      isOver = true;
      await Promise.all(workers);
      return results;
    },
  };
}

async function text(url: string): Promise<string> {
  return (await fetch(url)).text();
}

interface Status {
  readonly configuration: object;
  readonly intranetRouters: readonly { readonly routes: number }[];
}

async function status(port: number): Promise<Status> {
  return JSON.parse(await text(`http://127.0.0.1:${port}/statusz`)) as Status;
}

// -------------------------------------------------------------------------------------------------------- files

function sallyport(...args: string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
  expect({ status, stderr }).toStrictEqual({ status: 0, stderr: "" });
}

async function example(name: string): Promise<Record<string, unknown>> {
  return parse(await readFile(join(examples, name), "utf8")) as Record<string, unknown>;
}

async function writeDmz(change: object): Promise<void> {
  const { listeners, ...config } = await example("r1.yaml");
  const [listener] = listeners as object[];
  await write("r1.yaml", {
    ...config,
    listeners: [{ ...listener, address: "127.0.0.1", port: ports.http }],
    tunnelEndpoint: { address: "127.0.0.1", port: ports.tunnel },
    health: { address: "127.0.0.1", port: ports.health },
    admin: { address: "127.0.0.1", port: ports.r1Admin },
    // No load balancer has to notice.
    limits: { drainNoticeMs: 0 },
    ...change,
  });
}

async function writeIntranet(change: object): Promise<void> {
  await write("r2.yaml", {
    ...(await example("r2.yaml")),
    dmz: [{ name: "r1", address: "127.0.0.1", port: ports.tunnel }],
    admin: { address: "127.0.0.1", port: ports.r2Admin },
    ...change,
  });
}

/** As an editor or a deployment does it: the whole file at once. */
async function write(name: string, content: object): Promise<void> {
  await writeFile(join(folder, `${name}.new`), stringify(content));
  await rename(join(folder, `${name}.new`), join(folder, name));
}

async function writeRoutes(destination: Server): Promise<void> {
  await writeFile(join(folder, "routes.yaml"), await routes(destination));
}

async function routes(destination: Server): Promise<string> {
  const text = await readFile(join(examples, "routes.yaml"), "utf8");
  return text.replace("http://127.0.0.1:9000", `http://127.0.0.1:${(destination.address() as AddressInfo).port}`);
}

import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http, { type Server } from "node:http";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort, until } from "../local/dev-process.ts";
import { sendBytes } from "../local/send-bytes.ts";
import { type RouterProcess, Routers } from "./router-pair.ts";

const mebibyte = 1024 * 1024;
const run = promisify(execFile);

let destination: Server;
let destinationUrl: string;
let routers: Routers;

beforeAll(async () => {
  destination = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
    const waitMs = Number(searchParams.get("wait") ?? 0);
    if (pathname === "/bytes") return sendBytes(response, Number(searchParams.get("n")));
    let bytes = 0;
    request.on("data", (chunk: Buffer) => (bytes += chunk.length));
    request.on("end", () => setTimeout(() => response.end(String(bytes)), waitMs));
  });
  destination.listen(0, "127.0.0.1", 4096);
  await new Promise((resolve) => destination.once("listening", resolve));
  destinationUrl = `http://127.0.0.1:${(destination.address() as AddressInfo).port}`;
});

afterAll(() => {
  destination.closeAllConnections();
  destination.close();
});

beforeEach(async () => {
  routers = await Routers.create();
});

afterEach(() => routers.close());

/** One pair, ready. */
async function pair(
  dmzMore: object = {},
  intranetMore: object = {},
): Promise<{ r1: RouterProcess; r2: RouterProcess }> {
  const r1 = await routers.dmz(dmzMore);
  const r2 = await routers.intranet([r1], destinationUrl, intranetMore);
  await r1.untilReady();
  return { r1, r2 };
}

interface Load {
  readonly requests: number;
  /** Answers other than 2xx and 3xx. */
  readonly refused: number;
  readonly socketErrors: number;
}

/** wrk for a bounded time. */
async function wrk(url: string, connections: number, seconds: number): Promise<Load> {
  const { stdout } = await run("wrk", ["-t1", `-c${connections}`, `-d${seconds}`, "--timeout", "20s", url]);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    refused: Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0),
    socketErrors: (errors ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0),
  };
}

describe("M3: streams", () => {
  it("4 GiB down and up keep each router under 200 MiB", { timeout: 300_000 }, async () => {
    const { r1, r2 } = await pair();
    const bytes = 4 * 1024 * mebibyte;
    const { stdout } = await run("curl", [
      "-sS",
      "-o",
      "/dev/null",
      "-w",
      "%{size_download}",
      `${r1.url}/bytes?n=${bytes}`,
    ]);
    expect(Number(stdout)).toBe(bytes);
    const up = await run("sh", ["-c", `head -c ${bytes} /dev/zero | curl -sS -T - ${r1.url}/`]);
    expect(up.stdout).toBe(String(bytes));
    const peaks = [r1, r2].map(({ memory }) => Math.round(memory.peak / mebibyte));
    console.log(`4 GiB down and up: peak resident R1 ${peaks[0]} MiB, R2 ${peaks[1]} MiB`);
    expect(Math.max(...peaks)).toBeLessThan(200);
  });
});

describe("T8: the pool", () => {
  it("grows to its maximum under load, falls back to its minimum, replaces a killed link within a second", {
    timeout: 60_000,
  }, async () => {
    const pool = { min: 2, max: 6, callsPerLink: 16, surplusTimeoutMs: 500 };
    const { r1 } = await pair({ pool });
    const links = async (): Promise<number> =>
      (await r1.status()).intranetRouters.flatMap((router) => router.links).filter(({ state }) => state === "open")
        .length;
    await until("the minimum", async () => (await links()) === 2);
    const load = wrk(`${r1.url}/?wait=100`, 200, 5);
    await until("the maximum", async () => (await links()) === 6, 4_000);
    const { refused, socketErrors } = await load;
    expect([refused, socketErrors]).toEqual([0, 0]);
    await until("the minimum again", async () => (await links()) === 2, 8_000);
    const before = (await r1.status()).intranetRouters.flatMap((router) => router.links.map(({ linkId }) => linkId));
    await killOneLink(r1);
    const back = await until("a new link", async () => {
      const now = (await r1.status()).intranetRouters
        .flatMap((router) => router.links)
        .filter(({ state }) => state === "open");
      return now.length === 2 && now.some(({ linkId }) => !before.includes(linkId));
    });
    expect(back).toBeLessThan(1_000);
  });
});

/** Cuts one of R1's tunnel connections that is a link, from outside, as a network would: ss kills the socket. */
async function killOneLink(r1: RouterProcess): Promise<void> {
  const { stdout } = await run("ss", ["-tnH", "state", "established", `sport = :${r1.ports.tunnel}`]);
  const peers = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[3] ?? "");
  const manage = (await r1.status()).intranetRouters.map((router) => (router as unknown as { peer: string }).peer);
  const link = peers.find((peer) => !manage.includes(peer));
  const port = link?.split(":").at(-1);
  await run("ss", ["-K", "-tn", `sport = :${r1.ports.tunnel}`, `dport = :${port}`]);
}

describe("M2: overload", () => {
  it("ten times over sheds with 503 and recovers by itself", { timeout: 60_000 }, async () => {
    const { r1, r2 } = await pair({ quotas: { callsMax: 50 } });
    const over = await wrk(`${r1.url}/?wait=50`, 500, 5);
    expect(over.refused).toBeGreaterThan(0);
    expect(over.requests - over.refused).toBeGreaterThan(50);
    expect(over.socketErrors).toBe(0);
    const idle = async (): Promise<boolean> => (await r1.metric("sallyport_exchanges")) === 0;
    await until("the last calls have ended", idle, 8_000);
    const after = await wrk(`${r1.url}/`, 20, 2);
    expect([after.refused, after.socketErrors]).toEqual([0, 0]);
    expect(after.requests).toBeGreaterThan(100);
    await until("the last calls have ended", idle, 8_000);
    const usedBytes = [r1, r2].map((router) => router.metric("sallyport_memory_used_bytes"));
    expect(await Promise.all(usedBytes)).toEqual([0, 0]);
  });
});

describe("M2: many idle and slow clients", () => {
  it("10,000 idle connections and slow ones of three kinds beside normal load: normal calls all succeed", {
    timeout: 180_000,
  }, async () => {
    const { r1 } = await pair();
    const quiet = await wrk(`${r1.url}/`, 50, 4);
    const before = r1.memory.now;
    const idle = await openIdle(r1.ports.http!, 10_000);
    await sleep(500);
    const perConnection = (r1.memory.now - before) / idle.length / 1024;
    const slow = ["-H", "-B", "-X"].map((kind) => slowHttpTest(kind, r1.url));
    const load = await wrk(`${r1.url}/`, 50, 12);
    await Promise.all(slow);
    const peak = Math.round(r1.memory.peak / mebibyte);
    const share = load.requests / 12 / (quiet.requests / 4);
    console.log(
      `10,000 idle connections: ${perConnection.toFixed(1)} KiB each, R1's peak ${peak} MiB, ${load.requests} calls, ` +
        `${Math.round(100 * share)} % of the rate before`,
    );
    const stillOpen = idle.filter((socket) => !socket.destroyed).length;
    for (const socket of idle) socket.destroy();
    expect([load.refused, load.socketErrors, stillOpen]).toEqual([0, 0, 10_000]);
    // 3 to 14 % were seen on a machine that other work kept busy: the slow clients also draw a gigabyte meanwhile.
    expect(share).toBeGreaterThan(0.01);
    // docs/memory.md, "R1": what it says of 10,000 idle connections, the 900 slow ones, and the 50 of normal load.
    expect(peak).toBeLessThan(256 + (20 * 10_950) / 1024 + 64);
    expect(perConnection).toBeLessThan(20);
  });
});

async function openIdle(port: number, count: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  for (let opened = 0; opened < count; opened += 500) {
    const some = Array.from({ length: 500 }, () => net.connect(port, "127.0.0.1"));
    for (const socket of some) socket.on("error", () => {});
    await Promise.all(some.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    // A whole request first: then they are idle keep-alive connections, not silent ones.
    await Promise.all(some.map((socket) => exchange(socket)));
    sockets.push(...some);
  }
  return sockets;
}

function exchange(socket: net.Socket): Promise<void> {
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  return new Promise((resolve) => socket.once("data", () => resolve()));
}

/** -H slow heads, -B slow bodies, -X slow readers: 300 connections for ten seconds. */
function slowHttpTest(kind: string, url: string): Promise<void> {
  const target = kind === "-X" ? `${url}/bytes?n=10000000` : `${url}/`;
  const args = [kind, "-c", "300", "-r", "100", "-i", "3", "-l", "10", "-u", target, "-p", "3"];
  return new Promise((resolve) => spawn("slowhttptest", args, { stdio: "ignore" }).once("exit", () => resolve()));
}

describe("T4: a rolling restart behind HAProxy, under load", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sallyport-load-"));
  });

  afterAll(() => rm(folder, { recursive: true }));

  it("of both R1s and both R2s: no call fails", { timeout: 120_000 }, async () => {
    const limits = { drainNoticeMs: 1_500 };
    const ports = await Promise.all(
      [0, 1].map(async () => ({ http: await freePort(), health: await freePort(), tunnel: await freePort() })),
    );
    const startDmz = (i: number): Promise<RouterProcess> =>
      routers.dmz({
        limits,
        listeners: [{ name: "http", protocol: "HTTP", address: "127.0.0.1", port: ports[i]?.http }],
        health: { address: "127.0.0.1", port: ports[i]?.health },
        tunnelEndpoint: { address: "127.0.0.1", port: ports[i]?.tunnel },
      });
    const dmz = [await startDmz(0), await startDmz(1)];
    const intranet = [await routers.intranet(dmz, destinationUrl), await routers.intranet(dmz, destinationUrl)];
    await Promise.all(intranet.map((router) => router.untilReady()));
    const front = await freePort();
    const config = join(folder, "haproxy.cfg");
    await writeFile(config, haproxyConfig(front, ports));
    const haproxy = spawn("haproxy", ["-f", config, "-db"], { stdio: "ignore" });
    await until("HAProxy answers", () =>
      fetch(`http://127.0.0.1:${front}/`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );

    const load = startPosts(front);
    for (const i of [0, 1]) {
      await sleep(1_000);
      expect(await dmz[i]!.drain()).toBe(0);
      dmz[i] = await startDmz(i);
      await dmz[i]!.untilReady();
      await until("HAProxy sees it", async () => (await dmz[i]!.health()) === 200);
      await sleep(1_000);
    }
    for (const i of [0, 1]) {
      const successor = await routers.intranet(dmz, destinationUrl);
      await successor.untilReady();
      expect(await intranet[i]!.drain()).toBe(0);
      await sleep(500);
    }
    const { ok, failures } = await load.stop();
    haproxy.kill();
    console.log(`rolling restart: ${ok} calls, ${failures.length} failed`);
    expect(failures).toEqual([]);
    expect(ok).toBeGreaterThan(500);
  });
});

function haproxyConfig(front: number, ports: readonly { http: number; health: number }[]): string {
  const servers = ports.map(
    ({ http, health }, i) => `  server r1-${i} 127.0.0.1:${http} check port ${health} inter 200ms fall 2 rise 2`,
  );
  return `defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${front}
  default_backend dmz
backend dmz
  option httpchk GET /healthcheck
${servers.join("\n")}
`;
}

/** Sixteen clients that POST one after the other, each on a kept connection. */
function startPosts(port: number) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const failures: string[] = [];
  let [ok, running] = [0, true];
  const post = (): Promise<string> =>
    new Promise((resolve) => {
      const request = http.request(
        { port, host: "127.0.0.1", method: "POST", agent, path: "/?wait=20" },
        (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (text: string) => (body += text));
          response.on("end", () => resolve(response.statusCode === 200 ? body : `${response.statusCode} ${body}`));
          response.on("error", (error) => resolve(`response: ${error.message}`));
        },
      );
      request.on("error", (error) => resolve(`request: ${error.message}`));
      request.end("x".repeat(300));
    });
  const client = async (): Promise<void> => {
    while (running) {
      const outcome = await post();
      if (outcome === "300") ok++;
      else failures.push(outcome);
    }
  };
  const clients = Array.from({ length: 16 }, client);
  return {
    async stop() {
      running = false;
      await Promise.all(clients);
      agent.destroy();
      return { ok, failures };
    },
  };
}

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevProcess, freePort, until } from "../local/dev-process.ts";
import { Database, query } from "./database.ts";

/** psql and a real PostgreSQL over TCP listeners; the PROXY protocol by HAProxy on both sides. */

interface Ports {
  readonly plain: number;
  readonly proxied: number;
  /** HAProxy before R1, as its load balancer, by either version. */
  readonly front1: number;
  readonly front2: number;
  /** HAProxy before PostgreSQL, which takes the header off. */
  readonly back: number;
}

let database: Database;
let haproxy: ChildProcess;
let folder: string;
let dev: DevProcess;
let ports: Ports;

beforeAll(async () => {
  database = await Database.start();
  ports = {
    ...{ plain: await freePort(), proxied: await freePort() },
    ...{ front1: await freePort(), front2: await freePort(), back: await freePort() },
  };
  folder = await mkdtemp(join(tmpdir(), "sallyport-haproxy-"));
  await writeFile(join(folder, "haproxy.cfg"), haproxyConfig(database.port));
  haproxy = spawn("haproxy", ["-db", "-f", join(folder, "haproxy.cfg")], { stdio: "inherit" });
  dev = await DevProcess.ready(documents(database.port));
  await until(
    "HAProxy listens",
    () =>
      query(ports.front1, "select 1").then(
        () => true,
        () => false,
      ),
    30_000,
  );
});

afterAll(async () => {
  await dev?.stop();
  if (haproxy?.exitCode === null) {
    const ended = once(haproxy, "exit");
    haproxy.kill("SIGTERM");
    await ended;
  }
  await database?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

describe.each([
  ["without the PROXY protocol", () => ports.plain],
  ["with version 1 into R1 and 2 out of R2", () => ports.front1],
  ["with version 2 into R1 and 2 out of R2", () => ports.front2],
])("psql %s", (_, portOf) => {
  it("gets what it gets directly", async () => {
    const sql = "select sum(n), md5(string_agg(n::text, ',')) from generate_series(1, 200000) n";
    expect(await query(portOf(), sql)).toBe(await query(database.port, sql));
  });

  it("gets 50 MB unchanged, and its errors", async () => {
    const sql = "select md5(n::text) || repeat('x', 993) from generate_series(1, 50000) n";
    expect(hash(await query(portOf(), sql))).toBe(hash(await query(database.port, sql)));
    await expect(query(portOf(), "select 1 / 0")).rejects.toThrow("division by zero");
  });

  it("copies rows in", async () => {
    const table = `rows_${portOf()}`;
    await query(portOf(), `create table ${table} (n int, t text)`);
    const rows = Array.from({ length: 100_000 }, (_row, n) => `${n}\t${"y".repeat(50)}\n`).join("");
    await query(portOf(), `copy ${table} from stdin`, rows);
    expect(await query(database.port, `select count(*), sum(length(t)) from ${table}`)).toBe("100000|5000000");
  });

  it("runs many sessions at once", async () => {
    const sums = await Promise.all(Array.from({ length: 20 }, (_session, n) => query(portOf(), `select ${n} * 2`)));
    expect(sums).toEqual(Array.from({ length: 20 }, (_session, n) => String(n * 2)));
  });
});

it("a client without the header is not let in where the load balancer must send one", async () => {
  await expect(query(ports.proxied, "select 1")).rejects.toThrow();
});

function documents(databasePort: number): string {
  const route = (name: string, backend: string) => `---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: ${name} }
spec:
  parentRefs: [{ name: test, sectionName: ${name} }]
  backendRefs: [${backend}]
`;
  return `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: test }
spec:
  pairs: 1
  dmz:
    listeners:
      - { name: plain, protocol: TCP, port: ${ports.plain} }
      - { name: proxied, protocol: TCP, port: ${ports.proxied}, proxyProtocol: { trustedAddresses: [127.0.0.0/8] } }
${route("plain", `{ url: "tcp://127.0.0.1:${databasePort}" }`)}${route(
  "proxied",
  `{ url: "tcp://127.0.0.1:${ports.back}", proxyProtocol: V2 }`,
)}`;
}

/** `back` lets in only whom R2 says to be a client of the front's own network: what went in came out. */
function haproxyConfig(databasePort: number): string {
  const server = (name: string, port: number, rest: string) => `  server ${name} 127.0.0.1:${port}${rest}\n`;
  return `defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen front1
  bind 127.0.0.1:${ports.front1}
  source 127.0.0.3
${server("r1", ports.proxied, " send-proxy")}listen front2
  bind 127.0.0.1:${ports.front2}
  source 127.0.0.3
${server("r1", ports.proxied, " send-proxy-v2")}listen back
  bind 127.0.0.1:${ports.back} accept-proxy
  tcp-request session reject unless { src 127.0.0.1 } { dst_port ${ports.front1} ${ports.front2} }
${server("postgres", databasePort, "")}`;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

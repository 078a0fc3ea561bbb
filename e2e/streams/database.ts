import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, until } from "../local/dev-process.ts";

const run = promisify(execFile);

/** A PostgreSQL of its own, on loopback, gone with the test. */
export class Database {
  readonly port: number;
  readonly #folder: string;
  readonly #server: ChildProcess;

  private constructor(port: number, folder: string, server: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#server = server;
  }

  static async start(): Promise<Database> {
    const folder = await mkdtemp(join(tmpdir(), "sallyport-postgres-"));
    const owner = await ownerOf(folder);
    const data = join(folder, "data");
    await run(program("initdb"), ["-D", data, "-U", "app", "-A", "trust", "--no-sync"], { ...owner, timeout: 60_000 });
    const port = await freePort();
    const settings = ["-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-p", String(port)];
    const server = spawn(program("postgres"), ["-D", data, ...settings], { ...owner, stdio: "ignore" });
    const database = new Database(port, folder, server);
    await until("PostgreSQL answers", () => database.answers(), 30_000);
    return database;
  }

  async answers(): Promise<boolean> {
    return query(this.port, "select 1").then(
      () => true,
      () => false,
    );
  }

  async stop(): Promise<void> {
    const ended = once(this.#server, "exit");
    this.#server.kill("SIGINT");
    await ended;
    await rm(this.#folder, { recursive: true });
  }
}

/** What psql prints, without headers. */
export async function query(port: number, sql: string, input?: string): Promise<string> {
  const url = `postgresql://app@127.0.0.1:${port}/postgres?connect_timeout=10`;
  const done = run("psql", [url, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql], {
    ...{ timeout: 60_000, maxBuffer: 256 * 1024 * 1024 },
  });
  if (input !== undefined) done.child.stdin?.end(input);
  return (await done).stdout.trim();
}

/** PostgreSQL does not run as root. */
async function ownerOf(folder: string): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const ids = await Promise.all(["-u", "-g"].map((flag) => run("id", [flag, "postgres"])));
  const [uid = 0, gid = 0] = ids.map(({ stdout }) => Number(stdout));
  chownSync(folder, uid, gid);
  return { uid, gid };
}

function program(name: string): string {
  const found = globSync(`/usr/lib/postgresql/*/bin/${name}`).sort().at(-1);
  if (found === undefined) throw new Error("PostgreSQL is missing: bash e2e/run streams installs it, or says how");
  return found;
}

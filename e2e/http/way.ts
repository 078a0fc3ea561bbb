import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { DevProcess, documents, freePort, until } from "../local/dev-process.ts";
import { Client } from "./client.ts";
import { Destination } from "./destination.ts";

export const wayNames = ["direct", "tunnel", "haproxy"] as const;
export type WayName = (typeof wayNames)[number];

/** A way from the suite's client to a destination of its own. */
export class Way {
  readonly name: WayName;
  readonly destination: Destination;
  readonly #port: number;
  readonly #stop: () => Promise<unknown>;
  #clients: Client[] = [];

  constructor(name: WayName, destination: Destination, port: number, stop: () => Promise<unknown>) {
    this.name = name;
    this.destination = destination;
    this.#port = port;
    this.#stop = stop;
  }

  async connect(): Promise<Client> {
    const client = await Client.connect(this.#port);
    this.#clients.push(client);
    return client;
  }

  closeClients(): void {
    for (const client of this.#clients.splice(0)) client.close();
  }

  async close(): Promise<void> {
    this.closeClients();
    await this.#stop();
    this.destination.close();
  }
}

const starters: Record<WayName, (port: number) => Promise<{ port: number; stop: () => Promise<unknown> }>> = {
  direct: async (port) => ({ port, stop: async () => {} }),
  tunnel: async (port) => {
    const dev = await DevProcess.ready(documents(await freePort(), `http://127.0.0.1:${port}`));
    return { port: Number(new URL(dev.url()).port), stop: () => dev.stop() };
  },
  haproxy: startHaproxy,
};

export async function openWay(name: WayName): Promise<Way> {
  const destination = new Destination();
  const { port, stop } = await starters[name](await destination.listen());
  return new Way(name, destination, port, stop);
}

/** "2.6.12". */
export async function haproxyVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)("haproxy", ["-v"]);
  return /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "of an unknown version";
}

/** What Debian's own haproxy.cfg says, but for logs, statistics and the user to run as. */
function haproxyConfig(port: number, destination: number): string {
  return `defaults
  mode http
  timeout connect 5000
  timeout client 50000
  timeout server 50000

frontend clients
  bind 127.0.0.1:${port}
  default_backend destination

backend destination
  server destination 127.0.0.1:${destination}
`;
}

async function startHaproxy(destination: number) {
  const folder = await mkdtemp(join(tmpdir(), "sallyport-haproxy-"));
  const file = join(folder, "haproxy.cfg");
  const port = await freePort();
  await writeFile(file, haproxyConfig(port, destination));
  const child = spawn("haproxy", ["-db", "-f", file], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = endOf(child);
  const running = (): boolean => child.exitCode === null && child.pid !== undefined;
  await until("haproxy listens", async () => {
    if (!running()) throw new Error(`haproxy did not start (bash e2e/http/install.sh installs it): ${await ended}`);
    return Client.connect(port).then(
      (client) => {
        client.close();
        return true;
      },
      () => false,
    );
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true });
  };
  return { port, stop };
}

/** Resolves with what it wrote to stderr. */
function endOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stderr?.on("data", (bytes: Buffer) => (text += bytes.toString()));
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", () => resolve(text));
  });
}

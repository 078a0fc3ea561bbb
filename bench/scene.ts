import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, portOf } from "./child.ts";
import { programPath } from "./tools.ts";
import { startTunnel, type Tunnel } from "./tunnel.ts";

/** A way to the destination that is measured. */
export interface Subject {
  readonly name: "direct" | "one hop" | "haproxy" | "tunnel";
  readonly url: string;
  /** Whose CPU time and memory count, by name. None: there is nothing between. */
  readonly processes: readonly Child[];
  /** The tunnel's only: where its links are. */
  readonly linkPort?: number;
}

/** Everything that a run starts, all on loopback. `end` stops it and removes what it wrote. */
export class Scene {
  readonly scratch = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
  readonly signal: AbortSignal;
  readonly #children: Child[] = [];
  #destination: Subject | undefined;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  get direct(): Subject {
    if (this.#destination === undefined) throw new Error("the destination was not started");
    return this.#destination;
  }

  async startDestination(): Promise<Subject> {
    const child = this.#module("destination", "./destination.ts");
    this.#destination = { name: "direct", url: await this.#url(child), processes: [] };
    return this.#destination;
  }

  async startOneHop(): Promise<Subject> {
    const child = this.#module("one hop", "./one-hop.ts", this.direct.url);
    return { name: "one hop", url: await this.#url(child), processes: [child] };
  }

  /** Undefined where it is not installed: it is there to compare with, no gate needs it. */
  async startHaproxy(): Promise<Subject | undefined> {
    const path = programPath("haproxy");
    if (path === undefined) return undefined;
    const port = await freePort();
    const file = join(this.scratch, "haproxy.cfg");
    writeFileSync(file, haproxyConfig(port, this.direct.url));
    const logFile = join(this.scratch, "haproxy.log");
    const child = Child.program(path, ["-db", "-f", file], { name: "haproxy", logFile });
    this.#children.push(child);
    return { name: "haproxy", url: `http://127.0.0.1:${port}`, processes: [child] };
  }

  async startTunnel(more: { links?: number; profiles?: string } = {}): Promise<Subject> {
    const options = { origin: this.direct.url, scratch: this.scratch, ...more };
    const tunnel: Tunnel = await startTunnel(options, (child) => this.#children.push(child), this.signal);
    return { name: "tunnel", url: tunnel.url, linkPort: tunnel.linkPort, processes: [tunnel.r1, tunnel.r2] };
  }

  async stop(subject: Subject): Promise<void> {
    // R2 first: then R1 has nothing to drain.
    for (const child of [...subject.processes].reverse()) await child.stop();
  }

  /** Of what has not ended. */
  get pids(): readonly number[] {
    return this.#children.filter(({ isEnded }) => !isEnded).map(({ pid }) => pid);
  }

  async end(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    rmSync(this.scratch, { recursive: true, force: true });
  }

  #module(name: string, module: string, origin?: string): Child {
    const logFile = join(this.scratch, `${name.replace(" ", "-")}.log`);
    const env = origin === undefined ? {} : { ORIGIN: origin };
    const child = Child.module(new URL(module, import.meta.url), { name, logFile, env });
    this.#children.push(child);
    return child;
  }

  async #url(child: Child): Promise<string> {
    return `http://127.0.0.1:${await child.message(portOf, this.signal)}`;
  }
}

/** HAProxy cannot say which port it took. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function haproxyConfig(port: number, origin: string): string {
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
frontend clients
  bind 127.0.0.1:${port}
  default_backend destination
backend destination
  http-reuse always
  server destination ${new URL(origin).host}
`;
}

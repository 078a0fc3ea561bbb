import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server as NetServer } from "node:net";

/** A server that does not end by itself is killed after so long. */
const stopLimitMs = 10_000;
/** The end of a log tells why a server ended. */
const logLinesShown = 20;
const portTriesMax = 200;

/** A program that runs until it is stopped, and that ends when this process does. */
export class Server {
  /** Rejects, with the end of its log, when the server ends without being told to. Never resolves. */
  readonly failed: Promise<never>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #stopping = false;

  constructor(name: string, command: string, args: readonly string[], logFile: string) {
    const log = openSync(logFile, "a");
    // The kernel ends it when this process is gone, even killed.
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#closed = once(this.#child, "close");
    this.failed = this.#closed.then((ending) => {
      const [code, signal] = ending as [number | null, NodeJS.Signals | null];
      if (this.#stopping) return new Promise<never>(() => {});
      throw new Error(`${name} ended (${code ?? signal}):\n${lastLines(logFile)}`);
    });
    // Whoever waits for something of the server races with it; nobody has to.
    this.failed.catch(() => {});
  }

  /** Ends the server, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#child.kill("SIGTERM");
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), stopLimitMs);
    await this.#closed.catch(() => {});
    clearTimeout(limit);
  }
}

function lastLines(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-logLinesShown).join("\n");
}

/**
 * Free ports of loopback, all different. From a range in which the kernel picks none for outgoing connections, so that none
 * of them takes one before a server does.
 */
export async function freePorts(count: number): Promise<number[]> {
  const probes: NetServer[] = [];
  for (let tries = 0; probes.length < count && tries < portTriesMax; tries += 1) {
    const probe = await listen(20_000 + Math.floor(Math.random() * 10_000));
    if (probe !== undefined) probes.push(probe);
  }
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  if (ports.length < count) throw new Error("no free port from 20000 to 29999 on 127.0.0.1; end what listens there");
  return ports;
}

function listen(port: number): Promise<NetServer | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(undefined));
    probe.listen(port, "127.0.0.1", () => resolve(probe));
  });
}

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { here, run } from "./program.ts";

const assemblies = "System.ServiceModel,System.Runtime.Serialization,System.Core,System.Xml";

/** The WCF host and client of mono/, compiled into a folder of their own. */
export class Mono {
  readonly #folder: string;
  readonly #hosts: WcfHost[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async build(): Promise<Mono> {
    const mono = new Mono(await mkdtemp(join(tmpdir(), "sallyport-mono-")));
    await Promise.all(["Host", "Client"].map((name) => mono.#compile(name)));
    return mono;
  }

  async #compile(name: string): Promise<void> {
    const sources = ["Contract", "Bindings", name].map((source) => here(`mono/${source}.cs`));
    await run("mcs", [`-out:${join(this.#folder, `${name}.exe`)}`, `-r:${assemblies}`, ...sources]);
  }

  /** A host that listens at `http://127.0.0.1:PORT/bench`; mono/Host.cs tells what `publicBase` is. */
  async host(name: string, port: number, publicBase?: string): Promise<WcfHost> {
    const base = `http://127.0.0.1:${port}/bench`;
    const rest = publicBase === undefined ? [] : [publicBase];
    const host = new WcfHost(base, [join(this.#folder, "Host.exe"), name, base, ...rest]);
    this.#hosts.push(host);
    await host.ready;
    return host;
  }

  /** The lines of one run of the client; mono/Client.cs tells what they are. */
  client(call: { binding: string; address: string; route?: string }): Promise<string[]> {
    const route = call.route === undefined ? [] : [call.route];
    const args = [call.binding, call.address, batch(), ...route];
    return run("mono", [join(this.#folder, "Client.exe"), ...args]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
    await rm(this.#folder, { recursive: true });
  }
}

/** A name for the one-way calls of one run. */
export function batch(): string {
  return `batch-${++batches}`;
}

let batches = 0;

export class WcfHost {
  readonly base: string;
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(base: string, args: readonly string[]) {
    this.base = base;
    this.#child = spawn("mono", args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", () => resolve());
      this.#child.once("error", () => resolve());
    });
    this.ready = this.#listens();
  }

  async #listens(): Promise<void> {
    for await (const line of createInterface({ input: this.#child.stdout! })) if (line === "ready") return;
    throw new Error(`the WCF host at ${this.base} ended before it listened; its standard error says why`);
  }

  /** The host ends when its standard input does. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.#ended;
    clearTimeout(kill);
  }
}

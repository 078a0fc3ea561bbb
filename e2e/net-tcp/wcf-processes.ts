import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { run } from "../clients/program.ts";

const assemblies = "System.ServiceModel,System.Runtime.Serialization,System.Core,System.Xml";

export interface Ports {
  readonly bench: number;
  readonly counter: number;
}

/** The WCF host and client of mono/, compiled into a folder of their own. */
export class WcfProcesses {
  readonly #folder: string;
  readonly #hosts: { readonly child: ChildProcess; readonly ended: Promise<unknown> }[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async build(): Promise<WcfProcesses> {
    const processes = new WcfProcesses(await mkdtemp(join(tmpdir(), "sallyport-net-tcp-")));
    await Promise.all(["Host", "Client"].map((name) => processes.#compile(name)));
    return processes;
  }

  async #compile(name: string): Promise<void> {
    const sources = ["Contract", "Bindings", name].map((file) =>
      fileURLToPath(new URL(`mono/${file}.cs`, import.meta.url)),
    );
    await run("mcs", [`-out:${join(this.#folder, `${name}.exe`)}`, `-r:${assemblies}`, ...sources]);
  }

  /** Listens when this resolves; mono/Host.cs tells what `address` is. */
  async host(name: string, address: string, { bench, counter }: Ports): Promise<void> {
    const args = [join(this.#folder, "Host.exe"), name, address, at(bench), at(counter)];
    const child = spawn("mono", args, { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
    this.#hosts.push({ child, ended });
    for await (const line of createInterface({ input: child.stdout })) if (line === "ready") return;
    throw new Error(`the WCF host ${name} ended before it listened; its standard error says why`);
  }

  /** The lines of one run of the client; mono/Client.cs tells what they are. */
  client(ports: Ports, address: string, ...steps: string[]): Promise<string[]> {
    return run("mono", [join(this.#folder, "Client.exe"), at(ports.bench), at(ports.counter), address, ...steps]);
  }

  /** A host ends when its standard input does. */
  async close(): Promise<void> {
    for (const { child, ended } of this.#hosts) {
      child.stdin?.end();
      const kill = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(kill);
    }
    await rm(this.#folder, { recursive: true });
  }
}

function at(port: number): string {
  return `net.tcp://127.0.0.1:${port}/wcf`;
}

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

/** `sallyport dev` as a process of its own, as a user starts it. */
export class DevProcess {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly ended: Promise<number | null>;
  readonly #waiting: (() => void)[] = [];

  private constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [main, "dev", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.ended = new Promise((resolve) => this.child.once("exit", (code) => resolve(code)));
    let rest = "";
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        this.lines.push(...lines);
        this.#wake();
      });
    }
    void this.ended.then(() => this.#wake());
  }

  /** Does not wait for it to be ready. */
  static start(...args: string[]): DevProcess {
    return new DevProcess(args);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** With documents of the test's own; ready when this resolves. */
  static async ready(documents: string, ...args: string[]): Promise<DevProcess> {
    const folder = await mkdtemp(join(tmpdir(), "sallyport-"));
    const file = join(folder, "tunnel.yaml");
    await writeFile(file, documents);
    const dev = new DevProcess(["-f", file, "--health-port", String(await freePort()), ...args]);
    try {
      await dev.line(/^ready/);
    } finally {
      await rm(folder, { recursive: true });
    }
    return dev;
  }

  /** The first line that fits, from the `from`th on. Rejects when the process ends without one. */
  async line(pattern: RegExp, from = 0): Promise<string> {
    for (;;) {
      const found = this.lines.slice(from).find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) {
        throw new Error(`ended with ${this.child.exitCode} before ${pattern}:\n${this.lines.join("\n")}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Where R1 `index` serves clients. */
  url(index = 0): string {
    return this.#find(new RegExp(`^listening +(http://\\S+) +\\(.*R1 ${index}\\)`));
  }

  health(index = 0): string {
    return this.#find(new RegExp(`^health +(http://\\S+) +\\(.*R1 ${index}\\)`));
  }

  /** The status page of a router, "R1 0" or "R2 1". */
  statusPage(name: string): string {
    return this.#find(new RegExp(`^admin +(http://\\S+) +\\(.*${name}\\)`));
  }

  /** The process of a router that runs now. */
  pid(name: string): number {
    const pids = this.lines.map((line) => new RegExp(`^${name} pid (\\d+)`).exec(line)?.[1]).filter(Boolean);
    return Number(pids.at(-1));
  }

  /** The most memory a process ever had resident. Bytes; Linux. */
  peakResidentBytes(name: string): number {
    const status = readFileSync(`/proc/${this.pid(name)}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** Ctrl-C, and the exit code. */
  async stop(): Promise<number | null> {
    this.child.kill("SIGINT");
    return this.ended;
  }

  #find(pattern: RegExp): string {
    for (const line of this.lines) {
      const found = pattern.exec(line)?.[1];
      if (found) return found;
    }
    throw new Error(`no line fits ${pattern}:\n${this.lines.join("\n")}`);
  }
}

/** A tunnel of one listener whose every call goes to `url`; `matches` narrows that. */
export function documents(port: number, url: string, options: { pairs?: number; matches?: string } = {}): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: test }
spec:
  pairs: ${options.pairs ?? 1}
  dmz:
    listeners: [{ name: http, protocol: HTTP, port: ${port} }]
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: all }
spec:
  parentRefs: [{ name: test }]
  backendRefs: [{ url: "${url}" }]
${options.matches ? `  matches: ${options.matches}\n` : ""}`;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** True while a process of that id runs. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits for something that no event tells, with a bound. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<number> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(20);
  }
  return performance.now() - start;
}

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface ChildOptions {
  /** What people call it: in errors. */
  readonly name: string;
  /** Where its standard error goes. */
  readonly logFile: string;
  /** Node's own, such as --cpu-prof. */
  readonly nodeArgs?: readonly string[];
  /** Beside this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

const stopMs = 8_000;

/** A process of the scene. It is stopped with the scene, and ends by itself when this one is gone. */
export class Child {
  readonly name: string;
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #logFile: string;
  readonly #ended: Promise<void>;
  #isStopping = false;

  private constructor(child: ChildProcess, options: ChildOptions) {
    this.name = options.name;
    this.pid = child.pid ?? 0;
    this.#process = child;
    this.#logFile = options.logFile;
    this.#ended = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
  }

  /** A module of Node's, with a channel for messages. */
  static module(module: string | URL, options: ChildOptions): Child {
    return Child.#start(process.execPath, [...(options.nodeArgs ?? []), fileURLToPath(module)], options, true);
  }

  static program(path: string, args: readonly string[], options: ChildOptions): Child {
    return Child.#start(path, args, options, false);
  }

  static #start(path: string, args: readonly string[], options: ChildOptions, talks: boolean): Child {
    const log = openSync(options.logFile, "a");
    try {
      // Ctrl-C reaches every process of a terminal, but routers are to be told by us: hence a group of its own.
      const child = spawn(path, args, {
        stdio: ["ignore", "ignore", log, talks ? "ipc" : "ignore"],
        detached: true,
        env: { ...process.env, ...options.env },
      });
      return new Child(child, options);
    } finally {
      closeSync(log);
    }
  }

  /** For people: that it has ended, and what it wrote last. */
  get lastWords(): string {
    return `${this.name} ended: ${lastLines(this.#logFile)}`;
  }

  send(message: object): void {
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  /** The first message that `pick` takes. Rejects when `pick` throws, the process ends or `signal` aborts before. */
  message<Message>(pick: (message: unknown) => Message | undefined, signal: AbortSignal): Promise<Message> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#process.off("message", onMessage).off("exit", onEnd).off("error", onEnd);
        signal.removeEventListener("abort", onAbort);
        act();
      };
      const onMessage = (message: unknown): void => {
        try {
          const picked = pick(message);
          if (picked !== undefined) settle(() => resolve(picked));
        } catch (error) {
          settle(() => reject(error as Error));
        }
      };
      const onEnd = (): void => settle(() => reject(new Error(this.lastWords)));
      const onAbort = (): void => settle(() => reject(signal.reason as Error));
      this.#process.on("message", onMessage).once("exit", onEnd).once("error", onEnd);
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      else if (this.isEnded) onEnd();
    });
  }

  /** Politely, then not. Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#isStopping || this.isEnded || this.pid === 0) return this.#ended;
    this.#isStopping = true;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), stopMs);
    await this.#ended;
    clearTimeout(timer);
  }

  get isEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

/** The log itself goes with the scene. */
function lastLines(file: string): string {
  return readFileSync(file, "utf8").trim().split("\n").slice(-15).join("\n") || "without a word";
}

/** `{ port }`, what the benchmark's own servers send once they listen. */
export function portOf(message: unknown): number | undefined {
  if (typeof message !== "object" || message === null || !("port" in message)) return undefined;
  return typeof message.port === "number" ? message.port : undefined;
}

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

export interface LogRecord {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** `sallyport r1` or `r2` as a process of its own, as a service manager starts it. */
export class RouterProcess {
  readonly child: ChildProcess;
  /** Its log. */
  readonly records: LogRecord[] = [];
  /** What it wrote to standard error that is no log line. */
  readonly lines: string[] = [];
  /** The exit code, once all that it wrote was read. */
  readonly ended: Promise<number | null>;
  readonly #waiting: (() => void)[] = [];

  /** `nodeOptions` go before the command's file; `program`: what knows the command, the repository's own unless given. */
  constructor(
    command: "r1" | "r2",
    config: string,
    { nodeOptions = [], program = main }: { readonly nodeOptions?: readonly string[]; readonly program?: string } = {},
  ) {
    const args = [...nodeOptions, program, command, "--config", config];
    this.child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let rest = "";
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#read(line);
      this.#wake();
    });
    this.ended = new Promise((resolve) => this.child.once("close", (code) => resolve(code)));
    void this.ended.then(() => this.#wake());
  }

  /** The first record of that message, from the `from`th on. Rejects when the process ends without one. */
  async record(message: string, from = 0): Promise<LogRecord> {
    for (;;) {
      const found = this.records.slice(from).find(({ msg }) => msg === message);
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) {
        throw new Error(`ended with ${this.child.exitCode} before "${message}":\n${this.lines.join("\n")}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }

  #read(line: string): void {
    if (line.startsWith("{")) this.records.push(JSON.parse(line) as LogRecord);
    else this.lines.push(line);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const target = fileURLToPath(new URL("target/", import.meta.url));

/** Longer than any scenario takes; a program that says nothing for so long hangs. */
const answerLimitMs = 50_000;
const linesKept = 200;

/** One of the two programs in src/: a line in, a line of JSON out. It ends with its standard input. */
export class JavaProgram {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #errors: string[] = [];
  readonly #waiting: ((line: string | Error) => void)[] = [];

  private constructor(main: string, args: readonly string[], keysPassword: string) {
    const classPath = `${target}classes:${target}lib/*`;
    const options = ["-Xmx768m", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true", "-cp", classPath];
    this.#child = spawn("java", [...options, `dev.sallyport.e2e.cxf.${main}`, ...args], {
      env: { ...process.env, KEYS_PASSWORD: keysPassword },
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#waiting.shift()?.(line));
    createInterface({ input: this.#child.stderr! }).on("line", (line) => {
      this.#errors.push(line);
      if (this.#errors.length > linesKept) this.#errors.shift();
    });
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
    // What is written to a program that has ended is told by its end.
    this.#child.stdin!.on("error", () => undefined);
    this.#child.once("error", (error) => this.#fail(error));
    this.#child.once("close", (code) => this.#fail(new Error(`${main} ended with ${code}`)));
  }

  /** Started and ready. */
  static async start(main: string, args: readonly string[], keysPassword: string): Promise<JavaProgram> {
    if (!existsSync(`${target}built`)) throw new Error("the Java programs are not built: run bash e2e/cxf/install.sh");
    const program = new JavaProgram(main, args, keysPassword);
    await program.#answer(`${main} starts`);
    return program;
  }

  /** Rejects with what the program says went wrong. */
  ask(question: string): Promise<unknown> {
    this.#child.stdin!.write(`${question}\n`);
    return this.#answer(question);
  }

  async stop(): Promise<void> {
    this.#child.stdin!.end();
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(limit);
  }

  async #answer(question: string): Promise<unknown> {
    const line = await this.#line(question);
    const said = JSON.parse(line) as { answer?: unknown; error?: string };
    if (said.error === undefined) return said.answer;
    throw new Error(`${question}: ${said.error}\n${this.#errors.join("\n")}`);
  }

  #line(question: string): Promise<string> {
    if (this.#child.exitCode !== null) return Promise.reject(new Error(`${question}: the program has ended`));
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#child.kill("SIGKILL");
      }, answerLimitMs);
      this.#waiting.push((line) => {
        clearTimeout(limit);
        if (typeof line === "string") return resolve(line);
        reject(new Error(`${question}: ${line.message}\n${this.#errors.join("\n")}`, { cause: line }));
      });
    });
  }

  #fail(error: Error): void {
    for (const tell of this.#waiting.splice(0)) tell(error);
  }
}

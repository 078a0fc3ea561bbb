import { spawn } from "node:child_process";
import { once } from "node:events";

export interface RunOptions {
  /** What the program reads. */
  readonly input?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program is killed when it takes longer; by default a minute. */
  readonly limitMs?: number;
  /** What it says goes to this process's stderr as well, line by line as it comes. */
  readonly loud?: boolean;
}

/** An answer longer than this is cut at its beginning. */
const outputCharsMax = 16 * 1024 * 1024;

/** A program that did not do what it was asked. */
export class ProgramError extends Error {
  /** What it printed to stderr. */
  readonly said: string;

  constructor(message: string, said: string) {
    super(message);
    this.name = "ProgramError";
    this.said = said;
  }
}

/** Runs a program to its end: what it printed to stdout. Throws a ProgramError with all it said when it fails. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const limitMs = options.limitMs ?? 60_000;
  const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env } });
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const closed = once(child, "close");
  const [out, err] = [collect(child.stdout, options.loud), collect(child.stderr, options.loud)];
  // A program that ends without reading it says itself why.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input);
  try {
    const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null];
    if (code === 0) return out();
    const how =
      signal === "SIGKILL"
        ? `was killed, perhaps because it took longer than ${limitMs} ms`
        : `says (${code ?? signal})`;
    throw new ProgramError(`${command} ${args.join(" ")} ${how}:\n${out()}${err()}`.trimEnd(), err());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new ProgramError(`${command} is missing; bash e2e/cluster/install.sh installs it`, "");
  } finally {
    clearTimeout(limit);
  }
}

function collect(stream: NodeJS.ReadableStream, loud = false): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text = (text + chunk).slice(-outputCharsMax);
    if (loud) process.stderr.write(chunk);
  });
  return () => text;
}

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** No client of ours takes longer; one that hangs is killed. */
const limitMs = 45_000;

/** Runs a program to its end. Resolves with the lines it printed; rejects with all it said when it fails. */
export function run(command: string, args: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const options = { timeout: limitMs, killSignal: "SIGKILL", maxBuffer: 16 * 1024 * 1024 } as const;
    execFile(command, args, options, (error, out, err) => {
      if (error === null) return resolve(out.split("\n").slice(0, -1));
      const missing = error.code === "ENOENT" ? "; bash e2e/clients/install.sh installs it" : "";
      reject(new Error(`${command} ${args.join(" ")} failed${missing}: ${error.message}\n${out}${err}`));
    });
  });
}

/** The path of a file of this folder. */
export function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

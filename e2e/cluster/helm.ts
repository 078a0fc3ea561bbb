import { binary } from "./binaries.ts";
import { type RunOptions, run } from "./program.ts";

/** Longer than `--wait` waits by default. */
const limitMs = 6 * 60_000;

/** Helm 3, as the administrator of one cluster. */
export class Helm {
  readonly #kubeconfig: string;

  constructor(kubeconfig: string) {
    this.#kubeconfig = kubeconfig;
  }

  /** What `helm ARGS…` prints, without the last line's end. Throws a ProgramError with what it says when it fails. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const all = ["--kubeconfig", this.#kubeconfig, ...args];
    return (await run(await binary("helm"), all, { limitMs, ...options })).trimEnd();
  }
}

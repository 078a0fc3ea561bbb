import { binary } from "./binaries.ts";
import { type RunOptions, run } from "./program.ts";
import { Server } from "./server.ts";

/** A Kubernetes object as it is read and written. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** Objects, or YAML with any number of documents. */
export type Manifest = string | KubernetesObject | readonly KubernetesObject[];

/** kubectl, of the cluster's version, as the administrator of one cluster. */
export class Kubectl {
  readonly kubeconfig: string;
  readonly #program: string;

  private constructor(kubeconfig: string, program: string) {
    this.kubeconfig = kubeconfig;
    this.#program = program;
  }

  static async of(kubeconfig: string): Promise<Kubectl> {
    return new Kubectl(kubeconfig, await binary("kubectl"));
  }

  /** What `kubectl ARGS…` prints, without the last line's end. Throws a ProgramError with what it says when it fails. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return (await run(this.#program, this.#with(args), options)).trimEnd();
  }

  /** Applies objects by server-side apply; further arguments such as `--field-manager=NAME` may follow. */
  apply(manifest: Manifest, ...args: string[]): Promise<string> {
    return this.run(["apply", "--server-side", "--filename=-", ...args], { input: manifestText(manifest) });
  }

  /** `kubectl get ARGS… --output=json`, parsed. An object for one name, a list for many. */
  async get<T = KubernetesObject>(...args: string[]): Promise<T> {
    return JSON.parse(await this.run(["get", ...args, "--output=json"])) as T;
  }

  /** Waits for a condition, such as `"Available", "deployment/web"`. Throws when it does not come in time. */
  async wait(condition: string, what: string, namespace = "default", limitS = 60): Promise<void> {
    const args = ["wait", `--for=condition=${condition}`, what, `--namespace=${namespace}`, `--timeout=${limitS}s`];
    await this.run(args, { limitMs: (limitS + 10) * 1000 });
  }

  /** `kubectl ARGS…` as a server that runs until it is stopped, such as port-forward. */
  serve(args: readonly string[], logFile: string): Server {
    return new Server("kubectl", this.#program, this.#with(args), logFile);
  }

  #with(args: readonly string[]): string[] {
    return ["--kubeconfig", this.kubeconfig, ...args];
  }
}

function manifestText(manifest: Manifest): string {
  if (typeof manifest === "string") return manifest;
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: Array.isArray(manifest) ? manifest : [manifest] });
}

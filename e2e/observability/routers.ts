import { spawnSync } from "node:child_process";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { freePort } from "../local/dev-process.ts";
import { RouterProcess } from "../local/router-process.ts";
import type { Target } from "./prometheus.ts";

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const tunnel = "default/watched";
const pairs = 2;

type Side = "r1" | "r2";

interface Ports {
  readonly http: number;
  readonly tunnel: number;
  readonly r1: number;
  readonly r2: number;
}

/** A tunnel of two pairs, each router started as a service manager would, from files. */
export class Routers {
  readonly #folder: string;
  readonly #ports: readonly Ports[];
  readonly #processes = new Map<string, RouterProcess>();

  private constructor(folder: string, ports: readonly Ports[]) {
    this.#folder = folder;
    this.#ports = ports;
  }

  static async start(routes: readonly object[]): Promise<Routers> {
    const folder = await mkdtemp(join(tmpdir(), "sallyport-watched-"));
    sallyport("identity", "--tunnel", tunnel, "--out", join(folder, "ids"));
    const ports = await Promise.all(
      Array.from({ length: pairs }, async () => ({
        ...{ http: await freePort(), tunnel: await freePort(), r1: await freePort(), r2: await freePort() },
      })),
    );
    const routers = new Routers(folder, ports);
    for (let pair = 0; pair < pairs; pair++) await routers.#startPair(pair, routes);
    await Promise.all(ports.map((_, pair) => routers.process("r1", pair).record("readiness")));
    return routers;
  }

  /** Where R1 of that pair serves clients. */
  url(pair: number): string {
    return `http://127.0.0.1:${this.#ports[pair]!.http}`;
  }

  process(side: Side, pair: number): RouterProcess {
    return this.#processes.get(`${side}-${pair}`)!;
  }

  /** The pages of metrics, with the labels that the chart's PodMonitor puts on them. */
  get targets(): readonly Target[] {
    return this.#ports.flatMap((ports, pair) =>
      (["r1", "r2"] as const).map((router) => ({
        url: `http://127.0.0.1:${ports[router]}/metrics`,
        labels: { tunnel, pair: String(pair), router },
      })),
    );
  }

  async writeRoutes(pair: number, routes: readonly object[]): Promise<void> {
    const text = routes.map((route) => stringify(route)).join("---\n");
    await this.#write(`routes-${pair}.yaml`, text);
  }

  async close(): Promise<void> {
    for (const { child } of this.#processes.values()) child.kill("SIGKILL");
    await Promise.all([...this.#processes.values()].map(({ ended }) => ended));
    await rm(this.#folder, { recursive: true });
  }

  async #startPair(pair: number, routes: readonly object[]): Promise<void> {
    const ports = this.#ports[pair]!;
    const at = (port: number): object => ({ address: "127.0.0.1", port });
    await this.writeRoutes(pair, routes);
    await this.#write(
      `r1-${pair}.yaml`,
      stringify({
        ...{ tunnel, identity: identity("r1"), tunnelEndpoint: at(ports.tunnel), admin: at(ports.r1), health: at(0) },
        listeners: [{ name: "http", protocol: "HTTP", ...at(ports.http) }],
        // Without an R2 calls are turned away at once.
        waiting: { callsMax: 0 },
      }),
    );
    await this.#write(
      `r2-${pair}.yaml`,
      stringify({
        ...{ tunnel, identity: identity("r2"), admin: at(ports.r2), routeFiles: [`routes-${pair}.yaml`] },
        dmz: this.#ports.map((other, i) => ({ name: `r1-${i}`, address: "127.0.0.1", port: other.tunnel })),
      }),
    );
    for (const side of ["r1", "r2"] as const) {
      const config = join(this.#folder, `${side}-${pair}.yaml`);
      this.#processes.set(`${side}-${pair}`, new RouterProcess(side, config));
    }
  }

  async #write(name: string, text: string): Promise<void> {
    await writeFile(join(this.#folder, `${name}.new`), text);
    await rename(join(this.#folder, `${name}.new`), join(this.#folder, name));
  }
}

function identity(side: Side): object {
  return {
    certificateChainFile: `ids/${side}/certificate.pem`,
    privateKeyFile: `ids/${side}/private-key.pem`,
    trustedCasFile: `ids/${side}/trusted-cas.pem`,
  };
}

function sallyport(...args: string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`sallyport ${args[0]}: ${stderr}`);
}

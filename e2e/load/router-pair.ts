import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createAuthority } from "@sallyport/cli/identity";
import type { Identity } from "@sallyport/tunnel/identity";
import type { Order, Report } from "@sallyport/tunnel/process";

const tunnel = "default/load";
const any = { address: "127.0.0.1", port: 0 };

/** R1s and R2s with configurations of the test's own, each a real process. */
export class Routers {
  readonly #processes: RouterProcess[] = [];
  readonly #identities: { dmz: Identity; intranet: Identity };

  private constructor(identities: { dmz: Identity; intranet: Identity }) {
    this.#identities = identities;
  }

  static async create(): Promise<Routers> {
    const authority = await createAuthority("sallyport", tunnel);
    return new Routers({ dmz: await authority.issue("dmz"), intranet: await authority.issue("intranet") });
  }

  /** `more` overrides the configuration, field by field at its top. */
  dmz(more: object = {}): Promise<RouterProcess> {
    const config = {
      ...{ tunnel, identity: this.#identities.dmz, tunnelEndpoint: any, health: any, admin: any },
      ...{
        listeners: [{ name: "http", protocol: "HTTP", ...any }],
        log: { level: process.env.E2E_LOG ?? "error" },
        ...more,
      },
    };
    return this.#start(new URL("../../router-dmz/main.ts", import.meta.url), config);
  }

  intranet(dmz: readonly RouterProcess[], destination: string, more: object = {}): Promise<RouterProcess> {
    const config = {
      ...{ tunnel, identity: this.#identities.intranet, admin: any, log: { level: process.env.E2E_LOG ?? "error" } },
      dmz: dmz.map(({ ports }, i) => ({ name: `R1 ${i}`, address: "127.0.0.1", port: ports.tunnel })),
      routes: [
        {
          ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name: "all" } },
          spec: { parentRefs: [{ name: "load" }], backendRefs: [{ url: destination }] },
        },
      ],
      ...more,
    };
    return this.#start(new URL("../../router-intranet/main.ts", import.meta.url), config);
  }

  async #start(module: URL, config: object): Promise<RouterProcess> {
    const router = await RouterProcess.start(module, config);
    this.#processes.push(router);
    return router;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((router) => router.kill()));
  }
}

export class RouterProcess {
  readonly child: ChildProcess;
  ports: Readonly<Record<string, number>> = {};
  ready = false;
  readonly #config: object;
  #onChange: () => void = () => {};

  private constructor(module: URL, config: object) {
    this.#config = config;
    this.child = fork(module, { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  static async start(module: URL, config: object): Promise<RouterProcess> {
    const router = new RouterProcess(module, config);
    const listening = new Promise<void>((resolve, reject) => {
      router.child.on("message", (report: Report) => {
        if (report.t === "listening") {
          router.ports = report.ports;
          resolve();
        }
        if (report.t === "failed") reject(new Error(report.message));
        if (report.t === "ready") {
          router.ready = report.ready;
          router.#onChange();
        }
      });
    });
    const order: Order = { t: "start", config };
    router.child.send(order);
    await listening;
    return router;
  }

  /** Starts over with these fields instead, without a restart. Resolves when the router has them. */
  async reload(more: object): Promise<void> {
    const reloaded = new Promise<Report>((resolve) => {
      const hear = (report: Report): void => {
        if (report.t !== "reloaded") return;
        this.child.off("message", hear);
        resolve(report);
      };
      this.child.on("message", hear);
    });
    this.child.send({ t: "reload", config: { ...this.#config, ...more } } satisfies Order);
    await reloaded;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  async untilReady(): Promise<void> {
    while (!this.ready) await new Promise<void>((resolve) => (this.#onChange = resolve));
  }

  async status(): Promise<
    Record<string, never> & { intranetRouters: { links: { state: string; linkId: string }[] }[] }
  > {
    return (await fetch(`http://127.0.0.1:${this.ports.admin}/statusz`)).json() as never;
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.ports.admin}/metrics`)).text();
  }

  async metric(name: string): Promise<number> {
    const page = await this.metrics();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(page)?.[1]);
  }

  async health(): Promise<number> {
    return (await fetch(`http://127.0.0.1:${this.ports.health}/healthcheck`)).status;
  }

  /** Bytes resident, now and at most. Linux. */
  get memory(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    const kibibytes = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]);
    return { now: kibibytes("VmRSS") * 1024, peak: kibibytes("VmHWM") * 1024 };
  }

  /** SIGTERM, and the exit code. */
  async drain(): Promise<number | null> {
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    return (await ended)[0] as number | null;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}

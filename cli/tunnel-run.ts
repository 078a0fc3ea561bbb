import type { TunnelRoute } from "@sallyport/proto/resource";
import type { Clock } from "@sallyport/tunnel/clock";
import type { Identity } from "@sallyport/tunnel/identity";
import type { Spawn } from "./child.ts";
import { CliError } from "./cli-error.ts";
import { createAuthority } from "./identity.ts";
import { adminListing, dmzListing } from "./listing.ts";
import { everyLevel, warnLevel } from "./log-line.ts";
import type { Ports } from "./report.ts";
import { dmzConfig, intranetConfig, type RunSettings, trustDomain } from "./router-start.ts";
import { Supervisor, type SupervisorEvents } from "./supervisor.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";

export interface TunnelRunOptions {
  readonly settings: RunSettings;
  readonly dmz: Spawn;
  readonly intranet: Spawn;
  readonly clock: Clock;
  /** Before the names of its routers: "" or "partners ". */
  readonly prefix: string;
  /** R1 0's; 0: any free one. */
  readonly healthPort: number;
  say(line: string): void;
  /** R1 `name` has an active management connection, or has not. */
  onReady(name: string, ready: boolean): void;
  /** The process of R1 `name` is gone, for now or for good. */
  onDown(name: string): void;
}

/** Makes the tunnel's CA and certificates; starts nothing. */
export async function createTunnelRun(plan: TunnelPlan, options: TunnelRunOptions): Promise<TunnelRun> {
  const authority = await createAuthority(trustDomain, plan.tunnel);
  const pairs = Array.from({ length: plan.pairs }, async () => {
    const [dmz, intranet] = await Promise.all([authority.issue("dmz"), authority.issue("intranet")]);
    return { dmz, intranet };
  });
  return new TunnelRun(plan, options, await Promise.all(pairs));
}

interface PairIdentity {
  readonly dmz: Identity;
  readonly intranet: Identity;
}

/** The pairs of one tunnel, each router a process that is kept running. */
export class TunnelRun {
  readonly plan: TunnelPlan;
  readonly #options: TunnelRunOptions;
  readonly #dmz: readonly Supervisor[];
  readonly #intranet: readonly Supervisor[];
  /** What R2s go by, and are started with at each start. */
  #routes: readonly TunnelRoute[] = [];

  constructor(plan: TunnelPlan, options: TunnelRunOptions, identities: readonly PairIdentity[]) {
    this.plan = plan;
    this.#options = options;
    this.#dmz = identities.map(({ dmz }, index) => this.#dmzSupervisor(index, dmz));
    this.#intranet = identities.map(({ intranet }, index) => this.#intranetSupervisor(index, intranet));
  }

  get dmzNames(): readonly string[] {
    return this.#dmz.map(({ name }) => name);
  }

  /** What R1 0 listens on; {} before it does. */
  get firstPorts(): Ports {
    return this.#dmz[0]?.ports ?? {};
  }

  /** Resolves when every R1 listens. Rejects with CliError when one does not. */
  async startDmz(): Promise<void> {
    try {
      await Promise.all(this.#dmz.map((supervisor) => supervisor.start()));
    } catch (error) {
      throw withMend(error);
    }
  }

  /** Says what every R1 listens on. */
  sayWhereDmz(): void {
    for (const [index, { ports }] of this.#dmz.entries()) {
      const lines = dmzListing(this.plan, `R1 ${index}`, this.#options.settings.address, ports);
      for (const line of lines) this.#options.say(line);
    }
  }

  /** Resolves when every R2 runs. Call it when every R1 listens: R2s dial their ports. */
  async startIntranet(routes: readonly TunnelRoute[]): Promise<void> {
    this.#routes = routes;
    await Promise.all(this.#intranet.map((supervisor) => supervisor.start()));
  }

  /** Gives every R2 other routes; calls in flight keep the destination they have. */
  reroute(routes: readonly TunnelRoute[]): void {
    this.#routes = routes;
    for (const supervisor of this.#intranet) supervisor.reload();
  }

  get routes(): readonly TunnelRoute[] {
    return this.#routes;
  }

  /** Says where every R2's admin port is. */
  sayWhereIntranet(): void {
    for (const [index, { ports }] of this.#intranet.entries()) {
      for (const line of adminListing(this.plan, `R2 ${index}`, ports)) this.#options.say(line);
    }
  }

  async drainDmz(limitMs: number): Promise<void> {
    await Promise.all(this.#dmz.map((supervisor) => supervisor.drain(limitMs)));
  }

  async drainIntranet(limitMs: number): Promise<void> {
    await Promise.all(this.#intranet.map((supervisor) => supervisor.drain(limitMs)));
  }

  async kill(): Promise<void> {
    await Promise.all([...this.#dmz, ...this.#intranet].map((supervisor) => supervisor.kill()));
  }

  #dmzSupervisor(index: number, identity: Identity): Supervisor {
    const name = `${this.#options.prefix}R1 ${index}`;
    const healthPort = index === 0 ? this.#options.healthPort : 0;
    const { onReady, onDown } = this.#options;
    const events = { onReady: (ready: boolean) => onReady(name, ready), onDown: () => onDown(name) };
    const config = (ports: Ports) =>
      dmzConfig(this.plan, this.#options.settings, { index, ports, healthPort, identity });
    return this.#supervisor(name, this.#options.dmz, config, events);
  }

  #intranetSupervisor(index: number, identity: Identity): Supervisor {
    const config = (ports: Ports) => {
      const dmzPorts = this.#dmz.map((supervisor) => supervisor.ports.tunnel ?? 0);
      return intranetConfig(this.plan, this.#options.settings, { ports, dmzPorts, routes: this.#routes, identity });
    };
    // What an R2 is connected to shows at the R1s.
    const events = { onReady: () => {}, onDown: () => {} };
    return this.#supervisor(`${this.#options.prefix}R2 ${index}`, this.#options.intranet, config, events);
  }

  #supervisor(
    name: string,
    spawn: Spawn,
    config: (ports: Ports) => unknown,
    events: Pick<SupervisorEvents, "onReady" | "onDown">,
  ): Supervisor {
    const { say, clock, settings } = this.#options;
    return new Supervisor(
      {
        name,
        spawn,
        args: () => [],
        order: (ports) => ({ t: "start", config: config(ports) }),
        reload: (ports) => ({ t: "reload", config: config(ports) }),
        drain: (child) => child.send({ t: "drain" }),
      },
      { ...events, say },
      clock,
      settings.verbose ? everyLevel : warnLevel,
    );
  }
}

/** The health port is no part of the documents: its mend is an option. */
function withMend(error: unknown): unknown {
  const isHealth = error instanceof CliError && error.message.includes("could not start: health port:");
  return isHealth ? new CliError(error.exitCode, `${error.message} (--health-port)`) : error;
}

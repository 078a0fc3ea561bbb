import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@sallyport/tunnel/clock";
import type { Spawn } from "./child.ts";
import type { DevOptions } from "./dev-options.ts";
import { sampleListing } from "./listing.ts";
import { everyLevel, warnLevel } from "./log-line.ts";
import { Readiness } from "./readiness.ts";
import { type Sample, sampleService, withSamplePort } from "./sample.ts";
import { Supervisor } from "./supervisor.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";
import { createTunnelRun, type TunnelRun } from "./tunnel-run.ts";

/** Where the processes of a run come from, and where its lines go. */
export interface DevHost {
  readonly dmz: Spawn;
  readonly intranet: Spawn;
  readonly sample: Sample;
  readonly clock: Clock;
  say(line: string): void;
}

/** If no R2 has come by then it is worth a word. */
export const slowMs = 10_000;

/** Makes what runs the plans, with the sample when the options name no files; starts nothing. */
export async function createDevRun(plans: readonly TunnelPlan[], options: DevOptions, host: DevHost): Promise<DevRun> {
  // The tunnels' runs report to the whole one, which is made of them; nothing reports before it is there.
  let run: DevRun | undefined;
  const tunnels = await Promise.all(
    plans.map((plan, index) =>
      createTunnelRun(plan, {
        settings: options,
        dmz: host.dmz,
        intranet: host.intranet,
        clock: host.clock,
        prefix: plans.length === 1 ? "" : `${plan.label} `,
        healthPort: index === 0 ? options.healthPort : 0,
        say: host.say,
        onReady: (name, ready) => run?.readiness.report(name, ready),
        onDown: (name) => run?.readiness.gone(name),
      }),
    ),
  );
  run = new DevRun(tunnels, options, host);
  return run;
}

/** All processes of one `sallyport dev`. */
export class DevRun {
  readonly readiness: Readiness;
  readonly #tunnels: readonly TunnelRun[];
  readonly #options: DevOptions;
  readonly #host: DevHost;
  readonly #sample: Supervisor | undefined;
  #phase: "starting" | "started" | "announced" | "ending" = "starting";
  #dropSlowTimer = (): void => {};

  constructor(tunnels: readonly TunnelRun[], options: DevOptions, host: DevHost) {
    this.#tunnels = tunnels;
    this.#options = options;
    this.#host = host;
    if (options.files.length === 0 && options.to === undefined) this.#sample = this.#sampleSupervisor();
    this.readiness = new Readiness(
      tunnels.flatMap(({ dmzNames }) => dmzNames),
      () => this.#announce(),
      (name) => host.say(`not ready: ${name} has no management connection; its calls wait for an R2`),
    );
  }

  /** Resolves when every process is up; the line that starts with "ready" comes when R2s have registered. Rejects with CliError. */
  async start(): Promise<void> {
    const [port] = await Promise.all([
      this.#sample?.start().then(({ http }) => http),
      ...this.#tunnels.map((tunnel) => tunnel.startDmz()),
    ]);
    for (const tunnel of this.#tunnels) {
      tunnel.sayWhereDmz();
      this.#warnWithoutRoutes(tunnel);
    }
    await Promise.all(
      this.#tunnels.map((tunnel) => {
        const { routes } = tunnel.plan;
        return tunnel.startIntranet(port === undefined ? routes : withSamplePort(routes, port));
      }),
    );
    for (const tunnel of this.#tunnels) tunnel.sayWhereIntranet();
    if (this.#phase === "ending") return;
    this.#phase = "started";
    if (this.readiness.missing.length === 0) this.#announce();
    else this.#dropSlowTimer = this.#host.clock.after(slowMs, () => this.#saySlow());
  }

  /** Takes the routes of documents that have changed; says what it took and what needs a restart. */
  reload(plans: readonly TunnelPlan[]): void {
    if (this.#phase === "ending") return;
    for (const line of tunnelNews(
      this.#tunnels.map(({ plan }) => plan),
      plans,
    ))
      this.#host.say(line);
    for (const tunnel of this.#tunnels) {
      const plan = plans.find((each) => each.tunnel === tunnel.plan.tunnel);
      if (plan === undefined || isDeepStrictEqual(plan.routes, tunnel.routes)) continue;
      tunnel.reroute(plan.routes);
      this.#host.say(`reloaded: tunnel ${tunnel.plan.label} has ${count(plan.routes.length, "route")}`);
    }
  }

  #warnWithoutRoutes({ plan }: TunnelRun): void {
    if (plan.routes.length > 0) return;
    const mend = `add one with parentRefs: [{ name: ${plan.label.split("/").at(-1)} }]`;
    this.#host.say(`warning: no TunnelRoute names tunnel ${plan.label}, so every call is answered with 404; ${mend}`);
  }

  /** R1s first: they need R2s to finish their calls, and R2s the sample. Each has `limitMs`; then it is killed. */
  async drain(limitMs: number): Promise<void> {
    this.#end();
    await Promise.all(this.#tunnels.map((tunnel) => tunnel.drainDmz(limitMs)));
    await Promise.all(this.#tunnels.map((tunnel) => tunnel.drainIntranet(limitMs)));
    await this.#sample?.drain(limitMs);
  }

  /** Ends every process at once. */
  async kill(): Promise<void> {
    this.#end();
    await Promise.all([...this.#tunnels.map((tunnel) => tunnel.kill()), this.#sample?.kill()]);
  }

  #end(): void {
    this.#phase = "ending";
    this.#dropSlowTimer();
  }

  #announce(): void {
    if (this.#phase === "starting" || this.#phase === "ending") return;
    this.#dropSlowTimer();
    if (this.#phase === "started" && this.#sample !== undefined) this.#sayWhatToTry();
    this.#phase = "announced";
    const pairs = this.#tunnels.reduce((sum, { plan }) => sum + plan.pairs, 0);
    this.#host.say(`ready: ${count(this.#tunnels.length, "tunnel")}, ${count(pairs, "pair")}, calls flow`);
  }

  #sayWhatToTry(): void {
    for (const { plan, firstPorts } of this.#tunnels) {
      for (const line of sampleListing(plan, this.#options.address, firstPorts)) this.#host.say(line);
    }
  }

  #saySlow(): void {
    const hint = this.#options.verbose ? "" : "; --verbose shows more";
    this.#host.say(`not ready yet: no R2 has registered with ${this.readiness.missing.join(", ")}${hint}`);
  }

  #sampleSupervisor(): Supervisor {
    const events = { say: this.#host.say, onReady: () => {}, onDown: () => {} };
    const leastLogLevel = this.#options.verbose ? everyLevel : warnLevel;
    return new Supervisor(sampleService(this.#host.sample), events, this.#host.clock, leastLogLevel);
  }
}

/** What differs between tunnels beside their routes, a line each. */
function tunnelNews(running: readonly TunnelPlan[], wanted: readonly TunnelPlan[]): string[] {
  const names = [...new Set([...running, ...wanted].map(({ tunnel }) => tunnel))];
  return names.flatMap((name) => {
    const [before, after] = [running, wanted].map((plans) => plans.find(({ tunnel }) => tunnel === name));
    if (before === undefined) return [`ReverseTunnel ${name} is new: restart to apply`];
    if (after === undefined) return [`ReverseTunnel ${name} is gone: restart to apply; its routes stay`];
    return isSame(before, after) ? [] : [`ReverseTunnel ${name} has changed: restart to apply`];
  });
}

/** But for their routes, and for the label, which hangs on the other tunnels. */
function isSame(a: TunnelPlan, b: TunnelPlan): boolean {
  const { pairs, listeners, pool } = a;
  return isDeepStrictEqual({ pairs, listeners, pool }, { pairs: b.pairs, listeners: b.listeners, pool: b.pool });
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

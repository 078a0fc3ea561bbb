import { randomUUID } from "node:crypto";
import { type Clock, pause } from "./clock.ts";
import { Cluster } from "./cluster.ts";
import type { ClusterApi } from "./cluster-api.ts";
import type { Env } from "./facts.ts";
import type { OwnerReference } from "./kube-object.ts";
import { LeaderElection } from "./leader-election.ts";
import type { Log } from "./log.ts";
import type { OperatorMetrics } from "./metrics.ts";
import { Controller } from "./reconcile/controller.ts";
import type { RouterReports } from "./report/router-report.ts";
import { openStatusPort, type Pages, type StatusPort, text } from "./status-port.ts";

export interface OperatorOptions {
  readonly env: Env;
  /** Undefined: all. */
  readonly watchNamespaces: readonly string[] | undefined;
  readonly leaderElectionNamespace: string;
  /** Unlike any other operator's. */
  readonly instance: string;
  /** The pod that it runs in, if that lies in the Lease's namespace. */
  readonly pod?: OwnerReference | undefined;
  /** 0: any free one. */
  readonly metricsPort: number;
  readonly healthPort: number;
}

export interface OperatorDeps {
  /** An API whose requests all end when `signal` is aborted. */
  readonly connect: (signal: AbortSignal) => ClusterApi;
  readonly reports: RouterReports & { close(): void };
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
}

/** What is under way may take so long to end by itself. */
const stopMs = 8_000;

/** "standingBy": another operator acts. "filling": the stores, as the leader. */
type State = "standingBy" | "filling" | "acting" | "stopping";

/** The operator: watches always, acts while it is the leader. */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #deps: OperatorDeps;
  readonly #ends = new AbortController();
  readonly #cluster: Cluster;
  readonly #controller: Controller;
  readonly #election: LeaderElection;
  readonly #synced = Promise.withResolvers<void>();
  readonly #ports: StatusPort[] = [];
  #state: State = "standingBy";

  constructor(options: OperatorOptions, deps: OperatorDeps) {
    const { env, watchNamespaces, leaderElectionNamespace, instance, pod } = options;
    const { connect, reports, clock, random, log, metrics } = deps;
    this.#options = options;
    this.#deps = deps;
    this.#cluster = new Cluster({ api: connect(this.#ends.signal), watchNamespaces, clock, random, log, metrics });
    // One cluster today; the sides are told apart all the same.
    const clusters = { dmz: this.#cluster, intranet: this.#cluster };
    this.#controller = new Controller({ clusters, env, reports, clock, random, log, metrics, instance });
    // Its requests outlive the others: the Lease is given up at the very end.
    const api = connect(new AbortController().signal);
    const identity = `${instance}_${randomUUID().slice(0, 8)}`;
    this.#election = new LeaderElection({
      ...{ api, namespace: leaderElectionNamespace, identity, pod, clock, random, log },
    });
  }

  /** Where its pages are, once it runs. */
  get ports(): { readonly health: number; readonly metrics: number } {
    return { health: this.#ports[0]?.port ?? 0, metrics: this.#ports[1]?.port ?? 0 };
  }

  /** Opens the ports; rejects when one cannot be had. */
  async listen(): Promise<void> {
    const { healthPort, metricsPort } = this.#options;
    this.#ports.push(await openStatusPort(healthPort, this.#healthPages()));
    this.#ports.push(await openStatusPort(metricsPort, this.#metricsPages()));
  }

  /** Runs until `signal` is aborted (resolves true) or leadership is lost (resolves false). */
  async run(signal: AbortSignal): Promise<boolean> {
    const { log, metrics } = this.#deps;
    const watching = this.#cluster.run(this.#ends.signal, () => this.#synced.resolve());
    try {
      if (!(await this.#election.acquire(signal))) return true;
      metrics.leader.set(1);
      log.info("leading");
      const lost = new AbortController();
      const acting = this.#act(AbortSignal.any([signal, lost.signal]));
      const kept = await this.#election.hold(signal);
      // Who is no longer the leader may not write a thing.
      if (!kept) this.#ends.abort();
      lost.abort();
      await acting;
      return kept;
    } finally {
      await this.#stop(watching);
    }
  }

  async #act(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#deps;
    this.#state = "filling";
    await Promise.race([this.#synced.promise, whenAborted(signal)]);
    if (!signal.aborted) {
      this.#state = "acting";
      log.info("acting");
      this.#controller.start();
      await whenAborted(signal);
    }
    this.#state = "stopping";
    await Promise.race([this.#controller.stop(), pause(clock, stopMs, new AbortController().signal)]);
  }

  async #stop(watching: Promise<void>): Promise<void> {
    const { metrics, reports } = this.#deps;
    this.#state = "stopping";
    this.#ends.abort();
    reports.close();
    await watching;
    metrics.leader.set(0);
    await this.#election.release();
    for (const port of this.#ports) port.close();
  }

  #healthPages(): Pages {
    return {
      "/livez": () => text(200, "ok"),
      "/readyz": () => {
        if (this.#state === "stopping") return text(503, "stopping");
        const waiting = this.#cluster.waitingFor;
        // One that stands by is ready to take over.
        return waiting.length === 0 ? text(200, this.#state) : text(503, `waiting for ${waiting.join(", ")}`);
      },
    };
  }

  #metricsPages(): Pages {
    const { metrics } = this.#deps;
    return {
      "/metrics": async () => ({
        status: 200,
        type: metrics.registry.contentType,
        body: await metrics.text(() => this.#controller.measure()),
      }),
    };
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

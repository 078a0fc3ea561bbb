import type { Gauge } from "prom-client";
import type { Clock } from "../clock.ts";
import type { Clusters } from "../cluster.ts";
import { eachCluster } from "../cluster.ts";
import { EventRecorder } from "../event-recorder.ts";
import type { Env } from "../facts.ts";
import { type KubeObject, keyOf } from "../kube-object.ts";
import type { Log } from "../log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { RouterReports } from "../report/router-report.ts";
import { WorkQueue } from "../work-queue.ts";
import { Applier } from "./applier.ts";
import { Dependencies } from "./dependencies.ts";
import { IdentityKeeper } from "./identity-keeper.ts";
import { OwnedIndex } from "./owned-index.ts";
import { Programmer } from "./programmer.ts";
import { Reconciler, resyncMs } from "./reconciler.ts";
import { Refresher } from "./refresher.ts";
import { Repairs } from "./repairs.ts";
import { RouteIndex } from "./route-index.ts";
import { StatusWriter } from "./status-writer.ts";
import { wireTriggers } from "./triggers.ts";

export interface ControllerOptions {
  readonly clusters: Clusters;
  readonly env: Env;
  readonly reports: RouterReports;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
  /** Unlike any other operator's. */
  readonly instance: string;
}

/** Tunnels that are worked on at once. */
const concurrency = 4;

/** Composes what reconciles, and starts it once the stores are full and this operator is the leader. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #owned: OwnedIndex;
  readonly #routes: RouteIndex;
  /** Of one tunnel, at once and without the queue. */
  readonly reconciler: Reconciler;
  #queue: WorkQueue | undefined;
  #cancelResync: () => void = () => {};

  constructor(options: ControllerOptions) {
    const { clusters, clock, log, metrics, instance, env, reports } = options;
    this.#options = options;
    const touch = (tunnel: string): void => this.#queue?.add(tunnel);
    const dependencies = new Dependencies();
    this.#owned = new OwnedIndex(clusters);
    this.#routes = new RouteIndex(clusters.intranet.store("TunnelRoute"), touch);
    wireTriggers(clusters, dependencies, touch);
    reports.onChange(touch);
    const events = new EventRecorder({ api: clusters.intranet.api, clock, log, metrics, instance });
    const repairs = new Repairs(clusters, events);
    const applier = new Applier(clusters, repairs, metrics, log);
    const identities = new IdentityKeeper({ ...env, clusters, clock, metrics, repairs });
    const refresher = new Refresher({ clock, log, metrics });
    const programmer = new Programmer({ clusters, env, applier, owned: this.#owned, identities, refresher });
    const statuses = new StatusWriter({ cluster: clusters.intranet, events, metrics });
    this.reconciler = new Reconciler({
      ...{ clusters, env, clock, log, metrics, reports, dependencies, applier, identities, programmer, statuses },
      ...{ routes: this.#routes, owned: this.#owned },
    });
  }

  /** Works until `stop`. */
  start(): void {
    const { clock, random, log, metrics } = this.#options;
    const work = (key: string) => this.reconciler.reconcile(key);
    this.#queue = new WorkQueue({ concurrency, clock, random, log, metrics, work });
    this.#resync();
  }

  /** Resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#cancelResync();
    await this.#queue?.close();
    this.#queue = undefined;
  }

  /** Sets the gauges that are only counted when somebody looks. */
  measure(): void {
    const { metrics, clusters } = this.#options;
    metrics.queueOldestSeconds.set((this.#queue?.oldestMs ?? 0) / 1000);
    countConditions(metrics.tunnels, clusters.intranet.store("ReverseTunnel").all());
    countConditions(metrics.routes, clusters.intranet.store("TunnelRoute").all());
  }

  #resync(): void {
    for (const key of this.#known()) this.#queue?.add(key);
    this.#cancelResync = this.#options.clock.after(resyncMs, () => this.#resync());
  }

  /** Every tunnel that there is, that a route names, or of which there is something left. */
  #known(): ReadonlySet<string> {
    const known = new Set([...this.#owned.tunnels(), ...this.#routes.tunnels()]);
    for (const cluster of eachCluster(this.#options.clusters)) {
      for (const { metadata } of cluster.store("ReverseTunnel").all()) known.add(keyOf(metadata));
    }
    return known;
  }
}

interface Counted {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

function countConditions(gauge: Gauge<"condition" | "status">, objects: Iterable<KubeObject>): void {
  gauge.reset();
  for (const object of objects) {
    const { conditions = [] } = (object.status ?? {}) as Counted;
    for (const { type, status } of conditions) gauge.inc({ condition: type, status });
  }
}

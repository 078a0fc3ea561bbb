import { createHash } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { ClusterApi } from "./cluster-api.ts";
import { type KubeObject, kinds } from "./kube-object.ts";
import type { Log } from "./log.ts";
import type { OperatorMetrics } from "./metrics.ts";
import { fieldManager } from "./names.ts";

/** Events that wait to be sent; more are dropped and counted. */
export const eventsWaitingMax = 256;
/** The same event of the same object is told again after this long. */
export const repeatAfterMs = 10 * 60_000;
/** Events that are remembered so as not to be repeated; the oldest are forgotten. */
export const eventsKnownMax = 4096;

export interface OperatorEvent {
  readonly regarding: KubeObject;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  /** What the operator did or tried: "Reconcile". */
  readonly action: string;
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
  readonly instance: string;
}

/** Tells events of `events.k8s.io/v1`: each once, one after the other, never keeping a caller waiting. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #waiting: KubeObject[] = [];
  readonly #known = new Map<string, number>();
  #sending = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(event: OperatorEvent): void {
    const { clock, metrics } = this.#options;
    const key = [event.regarding.metadata.uid, event.reason, event.note].join("\n");
    const told = this.#known.get(key);
    if (told !== undefined && clock.now() - told < repeatAfterMs) {
      metrics.events.inc({ outcome: "repeated" });
      return;
    }
    if (this.#waiting.length >= eventsWaitingMax) {
      metrics.events.inc({ outcome: "dropped" });
      return;
    }
    this.#remember(key);
    this.#waiting.push(this.#objectOf(event, key));
    if (!this.#sending) void this.#send();
  }

  #remember(key: string): void {
    this.#known.delete(key);
    this.#known.set(key, this.#options.clock.now());
    const [oldest] = this.#known.keys();
    if (this.#known.size > eventsKnownMax && oldest !== undefined) this.#known.delete(oldest);
  }

  async #send(): Promise<void> {
    const { api, log, metrics } = this.#options;
    this.#sending = true;
    for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) {
      try {
        await api.create(event);
        metrics.events.inc({ outcome: "sent" });
      } catch (error) {
        metrics.events.inc({ outcome: "failed" });
        log.warn({ error: (error as Error).message }, "an event could not be sent");
      }
    }
    this.#sending = false;
  }

  #objectOf({ regarding, type, reason, action, note }: OperatorEvent, key: string): KubeObject {
    const { clock, instance } = this.#options;
    const time = clock.wall();
    const { namespace = "default", name, uid, resourceVersion } = regarding.metadata;
    const mark = createHash("sha256").update(`${key}\n${instance}\n${time.getTime()}`).digest("hex").slice(0, 16);
    return {
      apiVersion: kinds.Event.apiVersion,
      kind: "Event",
      metadata: { namespace, name: `${name.slice(0, 200)}.${mark}` },
      eventTime: time.toISOString().replace("Z", "000Z"),
      reportingController: "sallyport.dev/operator",
      reportingInstance: `${fieldManager}-${instance}`.slice(0, 128),
      action,
      reason,
      type,
      // The API's limit is 1 KiB.
      note: note.slice(0, 1000),
      regarding: { apiVersion: regarding.apiVersion, kind: regarding.kind, namespace, name, uid, resourceVersion },
    };
  }
}

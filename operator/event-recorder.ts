import { createHash } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { ClusterApi } from "./cluster-api.ts";
import { type KubeObject, kinds } from "./kube-object.ts";
import type { Log } from "./log.ts";
import type { OperatorMetrics } from "./metrics.ts";
import { fieldManager } from "./names.ts";

/** Events that wait to be sent; more are dropped and counted. */
export const eventsWaitingMax = 256;
/** The same event of the same object within this long is a series: one object that counts. */
export const repeatAfterMs = 10 * 60_000;
/** Events that are remembered so as to be counted; the oldest are forgotten. */
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

/** An event that has been told, or is about to be. */
interface Told {
  readonly object: KubeObject;
  readonly since: number;
  count: number;
  last: Date;
  isWaiting: boolean;
}

/**
 * Tells events of `events.k8s.io/v1`, one after the other, never keeping a caller waiting. What is told again soon is
 * counted in the Event's `series`.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #waiting: Told[] = [];
  readonly #known = new Map<string, Told>();
  #sending = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(event: OperatorEvent): void {
    const { clock, metrics } = this.#options;
    const key = [event.regarding.metadata.uid, event.reason, event.note].join("\n");
    const told = this.#known.get(key);
    if (told !== undefined && clock.now() - told.since < repeatAfterMs) {
      metrics.events.inc({ outcome: "repeated" });
      told.count += 1;
      told.last = clock.wall();
      this.#tell(told);
      return;
    }
    const object = this.#objectOf(event, key);
    const first = { object, since: clock.now(), count: 1, last: clock.wall(), isWaiting: false };
    if (this.#tell(first)) this.#remember(key, first);
  }

  /** Whether it will be; one that waits already takes the newer count along. */
  #tell(told: Told): boolean {
    if (told.isWaiting) return true;
    if (this.#waiting.length >= eventsWaitingMax) {
      this.#options.metrics.events.inc({ outcome: "dropped" });
      return false;
    }
    told.isWaiting = true;
    this.#waiting.push(told);
    if (!this.#sending) void this.#send();
    return true;
  }

  #remember(key: string, told: Told): void {
    this.#known.delete(key);
    this.#known.set(key, told);
    const [oldest] = this.#known.keys();
    if (this.#known.size > eventsKnownMax && oldest !== undefined) this.#known.delete(oldest);
  }

  async #send(): Promise<void> {
    const { api, log, metrics } = this.#options;
    this.#sending = true;
    for (let told = this.#waiting.shift(); told !== undefined; told = this.#waiting.shift()) {
      told.isWaiting = false;
      try {
        await api.apply(withSeries(told));
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
      eventTime: microTime(time),
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

function withSeries({ object, count, last }: Told): KubeObject {
  return count === 1 ? object : { ...object, series: { count, lastObservedTime: microTime(last) } };
}

function microTime(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}

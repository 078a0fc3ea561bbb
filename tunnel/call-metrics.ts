import type { ErrorName } from "@sallyport/proto/error";
import { Counter, type Histogram, type Registry } from "prom-client";
import { labelValuesMax } from "./label-values.ts";

export interface CallDone {
  /** HTTP status, 0 where there was none. */
  readonly status: number;
  /** "": none. */
  readonly error: ErrorName | "";
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}

const bucketsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];

interface Totals {
  /** Of each class of status (0: none, 1xx … 5xx), then of each error. */
  readonly calls: Map<ErrorName | "", number[]>;
  requestBytes: number;
  responseBytes: number;
}

interface Durations {
  /** Calls up to each of `bucketsMs`, each for itself; the last: beyond all. */
  readonly counts: number[];
  sumMs: number;
}

/**
 * Calls by listener (R1) or route (R2). Durations only by outcome: routes × buckets would be too many series. Counted in plain
 * numbers, because a metric of the library costs each call a look-up by the text of all its labels; they are handed to it when
 * the page is asked for.
 */
export class CallMetrics {
  readonly #byName = new Map<string, Totals>();
  readonly #byOutcome = new Map<ErrorName | "", Durations>();

  constructor(registry: Registry, label: "listener" | "route") {
    const registers = [registry];
    const byName = this.#byName;
    const byOutcome = this.#byOutcome;
    new Counter({
      name: "sallyport_calls_total",
      help: "Calls that have ended, by class of status (2xx …) and error code.",
      labelNames: [label, "status", "error"],
      registers,
      collect() {
        this.reset();
        for (const [name, { calls }] of byName) {
          for (const [error, counts] of calls) {
            for (const [of, count] of counts.entries()) {
              const status = of === 0 ? "none" : `${of}xx`;
              if (count > 0) this.inc({ [label]: name, status, error }, count);
            }
          }
        }
      },
    });
    new Counter({
      name: "sallyport_call_bytes_total",
      help: "Body bytes of calls.",
      labelNames: [label, "direction"],
      registers,
      collect() {
        this.reset();
        for (const [name, { requestBytes, responseBytes }] of byName) {
          this.inc({ [label]: name, direction: "request" }, requestBytes);
          this.inc({ [label]: name, direction: "response" }, responseBytes);
        }
      },
    });
    registry.registerMetric(new CallDurations(byOutcome) as unknown as Histogram);
  }

  /** `by`, R1: the listener's name; R2: "namespace/name" of the route, or "" where none matched. */
  done(by: string, { status, error, requestBytes, responseBytes, durationMs }: CallDone): void {
    const totals = this.#totalsOf(by);
    let counts = totals.calls.get(error);
    if (counts === undefined) {
      counts = new Array<number>(10).fill(0);
      totals.calls.set(error, counts);
    }
    counts[Math.floor(status / 100)]!++;
    totals.requestBytes += requestBytes;
    totals.responseBytes += responseBytes;
    const durations = this.#durationsOf(error);
    durations.counts[bucketOf(durationMs)]!++;
    durations.sumMs += durationMs;
  }

  #totalsOf(name: string): Totals {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    if (this.#byName.size >= labelValuesMax && name !== "other") return this.#totalsOf("other");
    const totals: Totals = { calls: new Map(), requestBytes: 0, responseBytes: 0 };
    this.#byName.set(name, totals);
    return totals;
  }

  #durationsOf(error: ErrorName | ""): Durations {
    const known = this.#byOutcome.get(error);
    if (known !== undefined) return known;
    const durations: Durations = { counts: new Array<number>(bucketsMs.length + 1).fill(0), sumMs: 0 };
    this.#byOutcome.set(error, durations);
    return durations;
  }
}

function bucketOf(durationMs: number): number {
  let bucket = 0;
  while (bucket < bucketsMs.length && durationMs > bucketsMs[bucket]!) bucket++;
  return bucket;
}

/** What the library's registry asks of a histogram, from counts kept elsewhere: its own takes observations one by one only. */
class CallDurations {
  readonly name = "sallyport_call_duration_seconds";
  readonly help = "From the request's head to the end of the response.";
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly #byOutcome: ReadonlyMap<ErrorName | "", Durations>;

  constructor(byOutcome: ReadonlyMap<ErrorName | "", Durations>) {
    this.#byOutcome = byOutcome;
  }

  get() {
    const values = [...this.#byOutcome].flatMap(([error, { counts, sumMs }]) => {
      const outcome = error === "" ? "ok" : error;
      let count = 0;
      const buckets = counts.map((of, bucket) => {
        count += of;
        const le = bucket < bucketsMs.length ? bucketsMs[bucket]! / 1_000 : "+Inf";
        return { labels: { le, outcome }, value: count, metricName: `${this.name}_bucket`, exemplar: null };
      });
      return [
        ...buckets,
        { labels: { outcome }, value: sumMs / 1_000, metricName: `${this.name}_sum` },
        { labels: { outcome }, value: count, metricName: `${this.name}_count` },
      ];
    });
    return { ...{ help: this.help, name: this.name, type: this.type, aggregator: this.aggregator }, values };
  }
}

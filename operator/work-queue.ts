import { backOffMs } from "./back-off.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { OperatorMetrics } from "./metrics.ts";

/** Keys that the queue holds at most; more are left to the next resync. */
export const keysMax = 10_000;
const firstRetryMs = 500;
const lastRetryMs = 120_000;
/** The longest that a key rests after a failure when something has come meanwhile. */
const mendMs = 5_000;

export interface WorkQueueOptions {
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
  /** Does what is to be done for a key. Answers when to come back, in ms; undefined: when something changes. */
  readonly work: (key: string) => Promise<number | undefined>;
}

/**
 * "waiting": to be worked on. "working": is, and nothing came since. "again": is, and something did.
 * "resting": until its timer fires.
 */
type KeyState = "waiting" | "working" | "again" | "resting";

interface Entry {
  state: KeyState;
  failures: number;
  /** Since when it waits. */
  sinceMs: number;
  cancelTimer: (() => void) | undefined;
}

/**
 * One key at a time, however often it is added; each key has a back-off of its own. A failing key never keeps another one
 * waiting.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting: string[] = [];
  #working = 0;
  #closed = false;
  #onIdle: () => void = () => {};

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait to be worked on. */
  get depth(): number {
    return this.#waiting.length;
  }

  /** For how long the oldest key waits, in ms; 0: none does. */
  get oldestMs(): number {
    const [first] = this.#waiting;
    return first === undefined ? 0 : this.#options.clock.now() - this.#entries.get(first)!.sinceMs;
  }

  add(key: string): void {
    if (this.#closed) return;
    const { metrics } = this.#options;
    const entry = this.#entries.get(key);
    if (entry === undefined && this.#entries.size >= keysMax) {
      metrics.queueDropped.inc();
      return;
    }
    metrics.queueAdds.inc();
    if (entry === undefined) this.#wait(key, { state: "waiting", failures: 0, sinceMs: 0, cancelTimer: undefined });
    else if (entry.state === "working") entry.state = "again";
    // A key that rests because it failed is tried at once: what has come may mend it.
    else if (entry.state === "resting") this.#wait(key, entry);
    this.#start();
  }

  /** Takes nothing more; resolves when what is under way has ended. */
  close(): Promise<void> {
    this.#closed = true;
    this.#waiting.length = 0;
    for (const entry of this.#entries.values()) entry.cancelTimer?.();
    this.#options.metrics.queueDepth.set(0);
    if (this.#working === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #wait(key: string, entry: Entry): void {
    entry.cancelTimer?.();
    entry.cancelTimer = undefined;
    entry.state = "waiting";
    entry.sinceMs = this.#options.clock.now();
    this.#entries.set(key, entry);
    this.#waiting.push(key);
    this.#options.metrics.queueDepth.set(this.#waiting.length);
  }

  #start(): void {
    while (!this.#closed && this.#working < this.#options.concurrency) {
      const key = this.#waiting.shift();
      if (key === undefined) return;
      this.#options.metrics.queueDepth.set(this.#waiting.length);
      this.#working += 1;
      void this.#work(key, this.#entries.get(key)!);
    }
  }

  async #work(key: string, entry: Entry): Promise<void> {
    const { metrics, clock, log } = this.#options;
    entry.state = "working";
    const startedMs = clock.now();
    let againMs: number | undefined;
    try {
      againMs = await this.#options.work(key);
      entry.failures = 0;
      metrics.reconciles.inc({ outcome: "ok" });
    } catch (error) {
      entry.failures += 1;
      againMs = this.#retryMs(entry.failures, error);
      metrics.reconciles.inc({ outcome: "error" });
      metrics.queueRetries.inc();
      log.warn({ key, error: (error as Error).message, failures: entry.failures, againMs }, "reconciliation failed");
    }
    metrics.reconcileSeconds.observe((clock.now() - startedMs) / 1000);
    this.#finish(key, entry, againMs);
  }

  #retryMs(failures: number, error: unknown): number {
    const { random } = this.#options;
    const { retryAfterMs = 0 } = error as { retryAfterMs?: number };
    return Math.max(retryAfterMs, backOffMs(failures, { firstMs: firstRetryMs, maxMs: lastRetryMs, random }));
  }

  #finish(key: string, entry: Entry, againMs: number | undefined): void {
    this.#working -= 1;
    if (this.#closed) {
      if (this.#working === 0) this.#onIdle();
      return;
    }
    if ((entry.state as KeyState) === "again" && entry.failures === 0) this.#wait(key, entry);
    else if (againMs === undefined) this.#entries.delete(key);
    else {
      // What has come during the attempt may mend it.
      const restMs = (entry.state as KeyState) === "again" ? Math.min(againMs, mendMs) : againMs;
      entry.state = "resting";
      entry.cancelTimer = this.#options.clock.after(restMs, () => {
        this.#wait(key, entry);
        this.#start();
      });
    }
    this.#start();
  }
}

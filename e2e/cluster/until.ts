import { setTimeout as sleep } from "node:timers/promises";

export interface UntilOptions {
  /** By default half a minute. */
  readonly limitMs?: number;
  /** Ends the waiting; it then throws. */
  readonly signal?: AbortSignal;
}

const pollMs = 100;
const limitMsDefault = 30_000;

/**
 * Does something again and again until it does not throw, and answers what it then answers: a cluster tells nobody when a
 * volume has changed or a Service has been wired up. Throws its last error when the time is over.
 */
export async function until<T>(what: string, work: () => T | Promise<T>, options: UntilOptions = {}): Promise<T> {
  const { limitMs = limitMsDefault, signal } = options;
  const limit = performance.now() + limitMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > limit) throw new Error(`not within ${limitMs} ms: ${what}: ${error}`, { cause: error });
    }
    await sleep(pollMs, undefined, { signal });
  }
}

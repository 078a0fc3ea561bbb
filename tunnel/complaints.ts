import type { Clock } from "./clock.ts";

/** One line about a thing in this time; what comes between is counted. */
const everyMs = 10_000;
/** Things that are remembered. */
const thingsMax = 1_000;

/** Says of what keeps failing enough to be noticed, and not more. */
export class Complaints {
  readonly #clock: Clock;
  readonly #things = new Map<string, { saidMs: number; since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many failures of the thing to report now, this one included; 0: not yet. */
  count(thing: string): number {
    const nowMs = this.#clock.now();
    const known = this.#things.get(thing);
    if (known && nowMs - known.saidMs < everyMs) {
      known.since++;
      return 0;
    }
    if (!known && this.#things.size >= thingsMax) this.#things.clear();
    this.#things.set(thing, { saidMs: nowMs, since: 0 });
    return 1 + (known?.since ?? 0);
  }
}

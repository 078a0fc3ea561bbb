import type { Clock } from "../clock.ts";

interface Timer {
  readonly atMs: number;
  readonly fire: () => void;
}

/** A clock whose hands the test turns. */
export class FakeClock implements Clock {
  readonly #start: number;
  readonly #timers = new Set<Timer>();
  #nowMs = 0;

  constructor(start = "2026-11-24T12:00:00Z") {
    this.#start = Date.parse(start);
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): Date {
    return new Date(this.#start + this.#nowMs);
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How long until each timer fires, the next one first. */
  get pendingMs(): number[] {
    return [...this.#timers].map(({ atMs }) => atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Fires what is due on the way, in its order, with time for what it starts. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      const next = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#timers.delete(next);
      next.fire();
      await settled();
    }
    this.#nowMs = endMs;
  }
}

/** Resolves when promises that wait for nothing from outside have been worked off. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Monotonic time and timers, and the wall clock for what people and certificates are told; tests turn the hands. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  now(): number;
  /** Calls `fire` once after `delayMs`; the answer cancels it. */
  after(delayMs: number, fire: () => void): () => void;
  wall(): Date;
}

/** A timer's longest delay; what is later comes in steps. */
const timerMaxMs = 2_147_000_000;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(delayMs, timerMaxMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
  wall: () => new Date(),
};

/** Resolves after `delayMs`, or at once when `signal` is aborted; never rejects. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener("abort", done);
  });
}

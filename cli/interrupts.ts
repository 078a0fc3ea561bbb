import type { Clock } from "@sallyport/tunnel/clock";

/** Signals that end a run, with the exit code of a second one: 128 and its number. */
export const endingSignals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
export type EndingSignal = keyof typeof endingSignals;

/**
 * npm passes a signal on that the terminal has given to every process already, so one Ctrl-C comes twice, a moment apart.
 * Nobody presses twice that fast.
 */
export const samePressMs = 500;

/** The first signal asks for a drain, a second one for an end at once. */
export class Interrupts {
  readonly #clock: Clock;
  readonly #drain = Promise.withResolvers<void>();
  #firstAtMs: number | undefined;
  #killedBy: EndingSignal | undefined;
  #onKill = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at the first signal. */
  get drainAsked(): Promise<void> {
    return this.#drain.promise;
  }

  /** The second signal, if there was one. */
  get killedBy(): EndingSignal | undefined {
    return this.#killedBy;
  }

  /** What to do at the second signal; done at once if that has come already. */
  whenKilled(kill: () => void): void {
    this.#onKill = kill;
    if (this.#killedBy !== undefined) kill();
  }

  receive(signal: EndingSignal): void {
    const nowMs = this.#clock.now();
    if (this.#firstAtMs === undefined) {
      this.#firstAtMs = nowMs;
      this.#drain.resolve();
    } else if (nowMs - this.#firstAtMs >= samePressMs && this.#killedBy === undefined) {
      this.#killedBy = signal;
      this.#onKill();
    }
  }
}

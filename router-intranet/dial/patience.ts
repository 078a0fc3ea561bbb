import type { Clock } from "@sallyport/tunnel/clock";

export interface PatienceLimits {
  /** From now to the response's head; 0: no limit. */
  readonly deadlineMs: number;
  /** As long as the destination owes the next step, be it to take more of the request or to answer; 0: no limit. */
  readonly responseTimeoutMs: number;
}

/** Waits for a response's head. One timer per limit: what happens meanwhile only notes the time. */
export class Patience {
  readonly #clock: Clock;
  readonly #limits: PatienceLimits;
  readonly #expired: (limit: string) => void;
  #owingSinceMs: number | undefined;
  #cancelDeadline: (() => void) | undefined;
  #cancelTimeout: (() => void) | undefined;

  constructor(clock: Clock, limits: PatienceLimits, expired: (limit: string) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#expired = expired;
    const { deadlineMs, responseTimeoutMs } = limits;
    if (deadlineMs > 0) this.#cancelDeadline = clock.after(deadlineMs, this.#onDeadline);
    if (responseTimeoutMs > 0) this.#cancelTimeout = clock.after(responseTimeoutMs, this.#onTimeout);
  }

  /** Something moved; from here on it is, or is not, the destination's turn. */
  step(destinationOwes: boolean): void {
    if (this.#limits.responseTimeoutMs === 0) return;
    this.#owingSinceMs = destinationOwes ? this.#clock.now() : undefined;
  }

  stop(): void {
    this.#cancelDeadline?.();
    this.#cancelTimeout?.();
  }

  #onDeadline = (): void => {
    this.#cancelTimeout?.();
    this.#expired(`in the ${this.#limits.deadlineMs} ms that its caller waits`);
  };

  #onTimeout = (): void => {
    const { responseTimeoutMs } = this.#limits;
    const nowMs = this.#clock.now();
    const leftMs = (this.#owingSinceMs ?? nowMs) + responseTimeoutMs - nowMs;
    if (leftMs > 0) {
      this.#cancelTimeout = this.#clock.after(leftMs, this.#onTimeout);
      return;
    }
    this.#cancelDeadline?.();
    this.#expired(`in ${responseTimeoutMs} ms; see what keeps it, or raise destinations.responseTimeoutMs`);
  };
}

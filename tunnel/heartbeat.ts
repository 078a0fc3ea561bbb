import type { Clock } from "./clock.ts";

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly ping: (nonce: number) => void;
  /** Once: nothing was heard for too long. */
  readonly silent: (silentMs: number) => void;
}

/** Pings a peer and tells when it has fallen silent. docs/protocol.md, "Life". */
export class Heartbeat {
  /** Smoothed as TCP does (RFC 6298, alpha 1/8); 0 before the first answer. */
  roundTripMs = 0;
  readonly #options: HeartbeatOptions;
  #nonce = 0;
  #sentMs = 0;
  #aliveMs = 0;
  #beatMs = 0;
  /** A ping is on its way: there is never more than one. */
  #awaited = false;
  #cancel: (() => void) | undefined;
  readonly #next = (): void => this.#beat();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** A ping waits for its answer longer than it should: the line is slow, or the peer gone. */
  get late(): boolean {
    return this.#awaited && this.#options.clock.now() - this.#sentMs > this.#options.intervalMs;
  }

  start(): void {
    this.#awaited = false;
    this.#aliveMs = this.#options.clock.now();
    this.#beatMs = this.#aliveMs;
    this.#beat();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Something was received. */
  alive(): void {
    this.#aliveMs = this.#options.clock.now();
  }

  answered(nonce: number): void {
    if (nonce !== this.#nonce || !this.#awaited) return;
    this.#awaited = false;
    const sampleMs = this.#options.clock.now() - this.#sentMs;
    this.roundTripMs = this.roundTripMs === 0 ? sampleMs : this.roundTripMs + (sampleMs - this.roundTripMs) / 8;
  }

  #beat(): void {
    const { clock, intervalMs } = this.#options;
    const nowMs = clock.now();
    // A process that was stopped itself has not listened: what it missed is not the peer's silence.
    const lateMs = nowMs - this.#beatMs - intervalMs;
    if (lateMs > intervalMs) this.#aliveMs = Math.max(this.#aliveMs, nowMs - intervalMs);
    this.#beatMs = nowMs;
    const silentMs = nowMs - this.#aliveMs;
    if (silentMs > 3 * intervalMs + 1_000) {
      this.stop();
      return this.#options.silent(Math.round(silentMs));
    }
    if (!this.#awaited) this.#ping(nowMs);
    this.#cancel = clock.after(intervalMs, this.#next);
  }

  #ping(nowMs: number): void {
    this.#awaited = true;
    this.#sentMs = nowMs;
    this.#options.ping(++this.#nonce);
  }
}

import type { Budget } from "./budget.ts";

/**
 * A receiver's side of a call's credit: what the peer may still send, what is unread, when to grant more.
 * docs/protocol.md, "Credit".
 */
export class ReceiveWindow {
  readonly #budget: Budget;
  readonly #maxBytes: number;
  #sizeBytes: number;
  #availableBytes: number;
  /** Received and not yet consumed. */
  #unreadBytes = 0;
  /** Consumed and not yet granted again. */
  #owedBytes = 0;
  #roundBytes = 0;
  #roundStartMs: number;
  /** The least that was available since the round began. */
  #roundLowBytes: number;

  /** The initial window was taken from the budget by the caller; `release` gives it back. */
  constructor(budget: Budget, initialBytes: number, maxBytes: number, nowMs: number) {
    this.#budget = budget;
    this.#maxBytes = maxBytes;
    this.#sizeBytes = initialBytes;
    this.#availableBytes = initialBytes;
    this.#roundLowBytes = initialBytes;
    this.#roundStartMs = nowMs;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** False when the peer overdraws: FLOW_CONTROL. Nothing is counted then. */
  receive(bytes: number): boolean {
    if (bytes > this.#availableBytes) return false;
    this.#availableBytes -= bytes;
    this.#unreadBytes += bytes;
    this.#roundBytes += bytes;
    if (this.#availableBytes < this.#roundLowBytes) this.#roundLowBytes = this.#availableBytes;
    return true;
  }

  /** Bytes left the process. Answers how many to grant now, 0: none yet. */
  consume(bytes: number, nowMs: number, roundTripMs: number): number {
    if (bytes > this.#unreadBytes) throw new Error(`consumed ${bytes} bytes, only ${this.#unreadBytes} are unread`);
    this.#unreadBytes -= bytes;
    this.#owedBytes += bytes;
    if (this.#owedBytes * 4 < this.#sizeBytes) return 0;
    const grant = this.#owedBytes + this.#growth(nowMs, roundTripMs);
    this.#owedBytes = 0;
    this.#availableBytes += grant;
    return grant;
  }

  /** Doubles when a whole window went by within two round trips and was nearly exhausted on the way. */
  #growth(nowMs: number, roundTripMs: number): number {
    if (this.#roundBytes < this.#sizeBytes) return 0;
    const quick = nowMs - this.#roundStartMs <= 2 * roundTripMs;
    const exhausted = this.#roundLowBytes * 4 <= this.#sizeBytes;
    this.#roundBytes = 0;
    this.#roundStartMs = nowMs;
    this.#roundLowBytes = this.#availableBytes;
    const growthBytes = Math.min(this.#sizeBytes, this.#maxBytes - this.#sizeBytes);
    if (!quick || !exhausted || growthBytes <= 0 || !this.#budget.takeForGrowth(growthBytes)) return 0;
    this.#sizeBytes += growthBytes;
    return growthBytes;
  }

  /** The call has ended. */
  release(): void {
    this.#budget.give(this.#sizeBytes);
    this.#sizeBytes = 0;
    this.#availableBytes = 0;
    this.#unreadBytes = 0;
    this.#owedBytes = 0;
  }
}

/** Admits calls at an even rate. Holds one second's worth, so that a burst of that size passes. */
export class TokenBucket {
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#tokens = perSecond;
    this.#atMs = nowMs;
  }

  /** False: none is left. `perSecond` may differ from call to call. */
  take(perSecond: number, nowMs: number): boolean {
    this.#tokens = Math.min(perSecond, this.#tokens + ((nowMs - this.#atMs) * perSecond) / 1000);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/**
 * All the bytes a process keeps for data its readers have not taken yet. Every call's window comes from here.
 * docs/protocol.md, "Credit".
 */
export class Budget {
  readonly totalBytes: number;
  #usedBytes = 0;
  /** Calls refused because nothing was left. */
  refused = 0;

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** False when fewer than `bytes` are left; then nothing was taken. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.totalBytes) {
      this.refused++;
      return false;
    }
    this.#usedBytes += bytes;
    return true;
  }

  /** As `take`, but leaves half of the budget to calls that are still to come. */
  takeForGrowth(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.totalBytes / 2) return false;
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    if (this.#usedBytes < 0) throw new Error(`budget: ${-this.#usedBytes} more bytes given back than taken`);
  }
}

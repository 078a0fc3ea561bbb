/**
 * Keeps pieces in order, small ones together: a client that sends single bytes must not make an object of each live on.
 */
export class KeptBytes {
  readonly #pieces: Buffer[] = [];
  /** Its first `#used` bytes are to become a piece; then what follows them is filled. */
  #block: Buffer = Buffer.alloc(0);
  #used = 0;

  push(bytes: Buffer): void {
    if (bytes.length >= smallBytes) {
      this.#close();
      this.#pieces.push(bytes);
      return;
    }
    if (bytes.length > this.#block.length - this.#used) {
      this.#close();
      this.#block = Buffer.allocUnsafe(blockBytes);
    }
    this.#used += bytes.copy(this.#block, this.#used);
  }

  /** All of it, in order, nothing twice: call it once. */
  take(): readonly Buffer[] {
    this.#close();
    return this.#pieces;
  }

  #close(): void {
    if (this.#used > 0) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = this.#block.subarray(this.#used);
    this.#used = 0;
  }
}

const smallBytes = 1024;
const blockBytes = 8 * 1024;

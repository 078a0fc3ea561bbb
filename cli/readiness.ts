/** Of whom everything waits to be ready: says when all are, and when one no longer is. */
export class Readiness {
  readonly #ready = new Set<string>();
  readonly #names: ReadonlySet<string>;
  readonly #onAllReady: () => void;
  readonly #onLost: (name: string) => void;

  /** `onLost` is called when one of `names` said that it is not ready any more, not when it is gone. */
  constructor(names: readonly string[], onAllReady: () => void, onLost: (name: string) => void) {
    this.#names = new Set(names);
    this.#onAllReady = onAllReady;
    this.#onLost = onLost;
  }

  /** Those that are not ready. */
  get missing(): readonly string[] {
    return [...this.#names].filter((name) => !this.#ready.has(name));
  }

  report(name: string, ready: boolean): void {
    if (!ready) {
      if (this.#ready.delete(name)) this.#onLost(name);
      return;
    }
    if (this.#ready.has(name)) return;
    this.#ready.add(name);
    if (this.#ready.size === this.#names.size) this.#onAllReady();
  }

  /** Its process has ended; what is said about that is said elsewhere. */
  gone(name: string): void {
    this.#ready.delete(name);
  }
}

/** Counts the exchanges that run, per origin and in all. There is no queue: who gets no slot is told so at once. */
export class Slots {
  readonly #perOriginMax: number;
  readonly #taken = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];

  constructor(perOriginMax: number) {
    this.#perOriginMax = perOriginMax;
  }

  /** False: the origin has as many exchanges as it may have. */
  take(origin: string): boolean {
    const taken = this.#taken.get(origin) ?? 0;
    if (taken >= this.#perOriginMax) return false;
    this.#taken.set(origin, taken + 1);
    return true;
  }

  give(origin: string): void {
    const taken = this.#taken.get(origin) ?? 0;
    if (taken > 1) this.#taken.set(origin, taken - 1);
    else this.#taken.delete(origin);
    if (this.#taken.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  taken(origin: string): number {
    return this.#taken.get(origin) ?? 0;
  }

  /** Resolves when no exchange runs. */
  async allFree(): Promise<void> {
    if (this.#taken.size === 0) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

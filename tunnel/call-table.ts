/** What a table keeps: a call knows its number. */
export interface Numbered {
  /** Whole number in [1, 2^31 - 1]. */
  readonly number: number;
}

const startSlots = 64;

/**
 * The calls of a link by their number. Open addressing without tombstones, because a Map whose entries come and go is made
 * anew every few dozen calls, and each old table points to the next one: once one of them has been promoted, V8's collector
 * of young garbage keeps all later ones alive, with every call that was in them (docs/adr/0014).
 */
export class CallTable<C extends Numbered> {
  #slots = new Array<C | undefined>(startSlots).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(number: number): C | undefined {
    return this.#slots[this.#find(number)];
  }

  /** Replaces one of the same number. */
  add(call: C): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow();
    const at = this.#find(call.number);
    if (this.#slots[at] === undefined) this.#size++;
    this.#slots[at] = call;
  }

  /** False: it was not there. */
  delete(number: number): boolean {
    let at = this.#find(number);
    if (this.#slots[at] === undefined) return false;
    this.#slots[at] = undefined;
    this.#size--;
    // Those behind it that could have stood here move up, so that no search ends too soon.
    const mask = this.#slots.length - 1;
    for (let next = (at + 1) & mask; ; next = (next + 1) & mask) {
      const call = this.#slots[next];
      if (call === undefined) return true;
      const wayFromHome = (next - call.number) & mask;
      if (wayFromHome < ((next - at) & mask)) continue;
      this.#slots[at] = call;
      this.#slots[next] = undefined;
      at = next;
    }
  }

  /** In no order; those that come or go meanwhile may be left out. */
  *values(): Generator<C, void> {
    for (const call of this.#slots) if (call !== undefined) yield call;
  }

  /** Where the call stands, or would. */
  #find(number: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = number & mask;
    for (let call = slots[at]; call !== undefined && call.number !== number; call = slots[at]) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const calls = [...this.values()];
    this.#slots = new Array<C | undefined>(this.#slots.length * 2).fill(undefined);
    for (const call of calls) this.#slots[this.#find(call.number)] = call;
  }
}

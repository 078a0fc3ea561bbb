/** Values of one metrics label beyond this many are counted as "other": a label must not grow without bound. */
export const labelValuesMax = 500;

/** Which values of a label have a series of their own: those that came first. */
export class LabelValues {
  readonly #values = new Set<string>();

  /** The value, or "other". */
  bounded(value: string): string {
    if (this.#values.has(value)) return value;
    if (this.#values.size >= labelValuesMax) return "other";
    this.#values.add(value);
    return value;
  }
}

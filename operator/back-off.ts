export interface BackOffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** How long to wait before try `failures` + 1: doubled each time up to a limit, of which the upper half is by chance. */
export function backOffMs(failures: number, { firstMs, maxMs, random }: BackOffOptions): number {
  const whole = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(whole * (0.5 + random() / 2));
}

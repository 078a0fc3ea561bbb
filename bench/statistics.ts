/** Of no numbers: throws. Of an even count: the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between two values that stand beside each other it is interpolated. `share` 0: the least, 1: the most. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error("there is nothing to take a quantile of");
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)]!;
  const high = sorted[Math.ceil(place)]!;
  return low + (high - low) * (place - Math.floor(place));
}

/** How far apart the values lie, as a share of their median: 0.1 is ±5 % around the middle of them. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle === 0 ? 0 : (quantile(values, 1) - quantile(values, 0)) / middle;
}

/** Each value over the other's of the same round, then the median: what disturbs a round disturbs both. */
export function pairedRatio(values: readonly number[], others: readonly number[]): number {
  const rounds = Math.min(values.length, others.length);
  return median(values.slice(0, rounds).map((value, round) => value / others[round]!));
}

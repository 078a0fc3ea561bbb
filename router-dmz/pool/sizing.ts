/** What R1 has measured of its links. */
export interface PoolLoad {
  /** Links that take calls. */
  readonly links: number;
  readonly callsInFlight: number;
  readonly callsWaiting: number;
  /** Links that have had more to send than they could, for a while. */
  readonly linksBehind: number;
}

export interface PoolSize {
  readonly min: number;
  readonly max: number;
  /** Calls on a link from which on another one is wanted. */
  readonly callsPerLink: number;
}

/**
 * How many links R1 wants now. One more than it has while some cannot send as fast as they should: links help against loss
 * and round trips, and growing by one shows whether they do. Integer in [min, max].
 */
export function wantedLinks(load: PoolLoad, size: PoolSize): number {
  const forCalls = Math.ceil((load.callsInFlight + load.callsWaiting) / size.callsPerLink);
  const forBytes = load.linksBehind > 0 ? load.links + 1 : 0;
  return Math.min(size.max, Math.max(size.min, forCalls, forBytes));
}

/**
 * The share of each of `owners` R2s in `wanted` links, in their order: as even as can be, and at least one for each,
 * because an R2 without a link serves nobody.
 */
export function shares(wanted: number, owners: number): number[] {
  return Array.from({ length: owners }, (_, i) =>
    Math.max(1, Math.floor(wanted / owners) + (i < wanted % owners ? 1 : 0)),
  );
}

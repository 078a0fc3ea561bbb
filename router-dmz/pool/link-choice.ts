import type { Link } from "@sallyport/tunnel/link";

/** What a choice needs of a link. */
export type Choosable = Pick<Link, "state" | "freeCalls" | "callCount">;

/** An R2 with its links. */
export interface LinkOwner<L extends Choosable = Link> {
  readonly links: ReadonlySet<L>;
}

/**
 * Which link takes the next calls. Among R2s the one with the fewest calls, so that all of them work. Among the links of one R2
 * its favourite, as long as that has fewer than `callsPerLink`: calls on one link share batches, and what a batch costs is
 * shared by its calls, in both directions (docs/adr/0012). `rotate` ends a favourite's time, so that load is even over seconds.
 */
export class LinkChoice<L extends Choosable = Link> {
  readonly #callsPerLink: number;
  readonly #favourites = new Map<LinkOwner<L>, L>();
  #turn = 0;

  constructor(callsPerLink: number) {
    this.#callsPerLink = callsPerLink;
  }

  /** Of active `owners`. Undefined: no link has room. */
  pick(owners: readonly LinkOwner<L>[]): L | undefined {
    this.#turn++;
    let best: L | undefined;
    let bestCalls = Number.POSITIVE_INFINITY;
    for (let i = 0; i < owners.length; i++) {
      const owner = owners[(i + this.#turn) % owners.length]!;
      const calls = callsOf(owner);
      if (calls >= bestCalls) continue;
      const link = this.#ofOwner(owner);
      if (link === undefined) continue;
      best = link;
      bestCalls = calls;
    }
    return best;
  }

  /** The next pick of each R2 goes to its link with the fewest calls. */
  rotate(): void {
    this.#favourites.clear();
  }

  #ofOwner(owner: LinkOwner<L>): L | undefined {
    const favourite = this.#favourites.get(owner);
    if (favourite && favourite.freeCalls > 0 && favourite.callCount < this.#callsPerLink) return favourite;
    let fewest: L | undefined;
    for (const link of owner.links) {
      if (link.freeCalls > 0 && link !== favourite && (!fewest || link.callCount < fewest.callCount)) fewest = link;
    }
    if (favourite && favourite.freeCalls > 0 && (!fewest || favourite.callCount < fewest.callCount)) fewest = favourite;
    if (fewest) this.#favourites.set(owner, fewest);
    else this.#favourites.delete(owner);
    return fewest;
  }
}

function callsOf(owner: LinkOwner<Choosable>): number {
  let calls = 0;
  for (const link of owner.links) calls += link.callCount;
  return calls;
}

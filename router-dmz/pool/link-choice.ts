import type { Link } from "@sallyport/tunnel/link";

/** What a choice needs of a link. */
export type Choosable = Pick<Link, "state" | "freeCalls" | "callCount">;

/** An R2 with its links. */
export interface LinkOwner<L extends Choosable = Link> {
  readonly links: ReadonlySet<L>;
}

/**
 * Which link takes the next calls. Among R2s the one with the fewest calls, so that all of them work. Among the links of one R2
 * its favourite, as long as that has room and is not behind: calls on one link share batches, and what a batch costs is shared by
 * its calls, in both directions (docs/adr/0014). `rotate` ends a favourite's time, so that load is even over seconds.
 */
export class LinkChoice<L extends Choosable = Link> {
  readonly #isBehind: (link: L) => boolean;
  readonly #favourites = new Map<LinkOwner<L>, L>();
  #turn = 0;

  /** `isBehind`: it has more to send than it can. */
  constructor(isBehind: (link: L) => boolean) {
    this.#isBehind = isBehind;
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

  /** The next pick of each R2 goes to its link with the fewest calls. Also forgets R2s that are gone. */
  rotate(): void {
    this.#favourites.clear();
  }

  #ofOwner(owner: LinkOwner<L>): L | undefined {
    const favourite = this.#favourites.get(owner);
    if (favourite && favourite.freeCalls > 0 && !this.#isBehind(favourite)) return favourite;
    let best: L | undefined;
    for (const link of owner.links) {
      if (link.freeCalls > 0 && (!best || this.#isBetter(link, best))) best = link;
    }
    if (best) this.#favourites.set(owner, best);
    return best;
  }

  #isBetter(link: L, other: L): boolean {
    const behind = this.#isBehind(link);
    return behind === this.#isBehind(other) ? link.callCount < other.callCount : !behind;
  }
}

function callsOf(owner: LinkOwner<Choosable>): number {
  let calls = 0;
  for (const link of owner.links) calls += link.callCount;
  return calls;
}

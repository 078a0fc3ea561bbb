import v8 from "node:v8";
import vm from "node:vm";

/**
 * Bytes between two collections of young garbage. Buffers of a bulk transfer lie outside of V8's heap, so it sees a few
 * small objects and collects late. Small calls move so few bytes that this is seldom. Figures, and what was not measured:
 * docs/adr/0007-young-garbage.md.
 */
const collectAfterBytes = 8 * 1024 * 1024;

/**
 * Dead buffers that survived two collections wait for a whole one, which V8 starts late. It is asked for when buffers hold
 * this much more than after the last one.
 */
const wholeAfterBytes = 64 * 1024 * 1024;

type Collect = (options: { type: "minor" | "major" }) => void;

/** Counts the bytes that links move and collects young garbage now and then. One per process. */
export class YoungGarbage {
  collections = 0;
  wholeCollections = 0;
  readonly #collect: Collect;
  readonly #externalBytes: () => number;
  #bytes = 0;
  #keptBytes: number;
  /** To be handed to links. */
  readonly moved = (bytes: number): void => {
    this.#bytes += bytes;
    if (this.#bytes < collectAfterBytes) return;
    this.#bytes = 0;
    this.collections++;
    this.#collect({ type: "minor" });
    const externalBytes = this.#externalBytes();
    if (externalBytes - this.#keptBytes > wholeAfterBytes) this.#collectAll();
    // What was freed meanwhile counts as freed.
    else if (externalBytes < this.#keptBytes) this.#keptBytes = externalBytes;
  };

  constructor(collect: Collect = exposedCollector(), externalBytes = externalBytesOfV8) {
    this.#collect = collect;
    this.#externalBytes = externalBytes;
    this.#keptBytes = externalBytes();
  }

  #collectAll(): void {
    this.wholeCollections++;
    this.#collect({ type: "major" });
    this.#keptBytes = this.#externalBytes();
  }
}

function externalBytesOfV8(): number {
  return v8.getHeapStatistics().external_memory;
}

/** V8 has it, Node hides it. */
function exposedCollector(): Collect {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as Collect;
}

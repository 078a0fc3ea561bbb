import v8 from "node:v8";
import vm from "node:vm";

/**
 * Bytes between two collections of young garbage. Buffers of a bulk transfer lie outside of V8's heap, so it sees a few
 * small objects and waits: until 64 MiB of dead buffers, measured on Node 24.21. Collected every 8 MiB, a bulk transfer
 * keeps to memory that is still in the processor's cache: docs/adr/0007-young-garbage.md has the figures. Small calls move
 * so few bytes that this changes nothing for them.
 */
const collectAfterBytes = 8 * 1024 * 1024;

type CollectYoung = (options: { type: "minor" }) => void;

/** Counts the bytes that links move and collects young garbage now and then. One per process. */
export class YoungGarbage {
  collections = 0;
  readonly #collect: CollectYoung;
  #bytes = 0;
  /** To be handed to links. */
  readonly moved = (bytes: number): void => {
    this.#bytes += bytes;
    if (this.#bytes < collectAfterBytes) return;
    this.#bytes = 0;
    this.collections++;
    this.#collect({ type: "minor" });
  };

  constructor(collect: CollectYoung = exposedCollector()) {
    this.#collect = collect;
  }
}

/** V8 has it, Node hides it. */
function exposedCollector(): CollectYoung {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as CollectYoung;
}

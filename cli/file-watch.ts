import type { Clock } from "@sallyport/tunnel/clock";
import { fileState } from "./file-reader.ts";

/**
 * How often files are looked at; two looks that agree take what has changed: in less than a second, then. Polling notices what notifications miss: swapped links, network file systems.
 */
export const watchIntervalMs = 400;

/** Tells when a file is in another state than it was when it was read. */
export class FileWatch {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #stateOf: (name: string) => Promise<string>;
  #known: ReadonlyMap<string, string> = new Map();
  /** What differed at the last look; a file that is being written is left alone until it rests. */
  #restless = "";
  /** What was told already, and is not again while whoever was told reads the files. */
  #told = "";
  #isStopped = false;
  #dropTimer = (): void => {};

  constructor(clock: Clock, onChange: () => void, stateOf = fileState) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#stateOf = stateOf;
    this.#wait();
  }

  /** State by name, as `FileReader.seen` has it: what to watch from now on, and what is no news. */
  expect(known: ReadonlyMap<string, string>): void {
    this.#known = known;
    this.#restless = "";
    this.#told = "";
  }

  stop(): void {
    this.#isStopped = true;
    this.#dropTimer();
  }

  #wait(): void {
    this.#dropTimer = this.#clock.after(watchIntervalMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const known = this.#known;
    const looks = await Promise.all([...known].map(async ([name, state]) => [name, state, await this.#stateOf(name)]));
    if (this.#isStopped) return;
    this.#wait();
    // Others were read while we looked.
    if (known !== this.#known) return;
    const news = looks.filter(([, before, now]) => before !== now).join("\n");
    const isAtRest = news === this.#restless;
    this.#restless = news;
    if (news === "" || !isAtRest || news === this.#told) return;
    this.#told = news;
    this.#onChange();
  }
}

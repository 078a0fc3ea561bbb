/** Runs one reload at a time. However often it is asked for meanwhile, one more follows. */
export class Reloader {
  readonly #reload: () => Promise<void>;
  /** Requests that are not answered yet. */
  #asked = 0;

  /** `reload` throws nothing. */
  constructor(reload: () => Promise<void>) {
    this.#reload = reload;
  }

  request(): void {
    this.#asked++;
    if (this.#asked === 1) void this.#run();
  }

  async #run(): Promise<void> {
    while (this.#asked > 0) {
      const asked = this.#asked;
      await this.#reload();
      this.#asked = this.#asked === asked ? 0 : 1;
    }
  }
}

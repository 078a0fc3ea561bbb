import { StringDecoder } from "node:string_decoder";

/** The longest line kept, in UTF-16 units; the rest of a longer one is dropped. */
export const lineLengthMax = 16 * 1024;

/** Cuts a stream of bytes into lines, in bounded memory. */
export class Lines {
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (line: string) => void;
  #rest = "";
  #cut = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  write(bytes: Buffer): void {
    const parts = this.#decoder.write(bytes).split("\n");
    for (const [index, part] of parts.entries()) {
      this.#append(part);
      if (index < parts.length - 1) this.#flush();
    }
  }

  /** The stream is over: a line without an end is one too. */
  end(): void {
    this.#append(this.#decoder.end());
    if (this.#rest !== "") this.#flush();
  }

  #append(part: string): void {
    const room = lineLengthMax - this.#rest.length;
    if (part.length > room) this.#cut = true;
    this.#rest += part.slice(0, room);
  }

  #flush(): void {
    const line = this.#rest.replace(/\r$/, "");
    this.#onLine(this.#cut ? `${line} … (cut)` : line);
    this.#rest = "";
    this.#cut = false;
  }
}

import type { Socket } from "node:net";

/** How the other side left: a FIN, or a reset. */
export type Ending = "end" | "reset";

/** The bytes of one socket, in order, each as one char of latin1. */
export class ByteStream {
  /** All that ever came. */
  received = "";
  ending: Ending | undefined;
  #read = 0;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    socket.on("data", (bytes: Buffer) => this.#saw(() => (this.received += bytes.toString("latin1"))));
    socket.on("end", () => this.#saw(() => (this.ending ??= "end")));
    socket.on("error", () => this.#saw(() => (this.ending ??= "reset")));
    socket.on("close", () => this.#saw(() => (this.ending ??= "reset")));
  }

  get unread(): string {
    return this.received.slice(this.#read);
  }

  /** Without its CRLF. A line that ends in a bare LF is one line with what follows. */
  async line(): Promise<string> {
    await this.until(() => this.received.indexOf("\r\n", this.#read) !== -1);
    const end = this.received.indexOf("\r\n", this.#read);
    const line = this.received.slice(this.#read, end);
    this.#read = end + 2;
    return line;
  }

  async take(bytes: number): Promise<string> {
    await this.until(() => this.received.length >= this.#read + bytes);
    this.#read += bytes;
    return this.received.slice(this.#read - bytes, this.#read);
  }

  /** What has come since, at least one byte. */
  async some(bytesMax: number): Promise<string> {
    await this.until(() => this.received.length > this.#read);
    return this.take(Math.min(bytesMax, this.received.length - this.#read));
  }

  async ended(): Promise<Ending> {
    while (this.ending === undefined) await this.#wait();
    return this.ending;
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<string> {
    await this.ended();
    return this.take(this.received.length - this.#read);
  }

  /** Throws `Ended` when the connection ends without it. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.ending !== undefined) throw new Ended(this.ending, this.unread);
      await this.#wait();
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #saw(change: () => void): void {
    change();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** The connection ended in the middle of a message. */
export class Ended extends Error {
  constructor(ending: Ending, unread: string) {
    const how = ending === "end" ? "closed" : "reset";
    super(`the connection was ${how}; not taken: ${JSON.stringify(unread.slice(0, 120))}`);
  }
}

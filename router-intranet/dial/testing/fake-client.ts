import type { TunnelError } from "@sallyport/proto/error";
import { emptyOpen, type Head, type Open } from "@sallyport/proto/frame";
import type { AcceptCall, Call, CallEvents } from "@sallyport/tunnel/call";

/** R1's end of a call without a link. A test plays the client on it and looks at what the relay did. */
export class FakeClient {
  readonly heads: Head[] = [];
  readonly chunks: Buffer[] = [];
  trailers: readonly string[] | undefined;
  reset: TunnelError | undefined;
  consumedBytes = 0;
  /** What was said by `taken`, in order. */
  readonly taken: boolean[] = [];
  /** Hears of each chunk and answers whether more may follow at once. */
  onChunk: (bytes: Buffer) => boolean = () => true;
  readonly #events: CallEvents;
  #waiting: (() => void)[] = [];

  constructor(accept: AcceptCall, open: Partial<Open>) {
    this.#events = accept(this.#call(), { ...emptyOpen, id: "call-1", method: "GET", target: "/", ...open });
  }

  send(bytes: string | Buffer): this {
    this.#events.onData(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this;
  }

  fin(trailers: readonly string[] = []): this {
    this.#events.onFin(trailers);
    return this;
  }

  break(error: TunnelError): void {
    this.#events.onReset(error);
  }

  writable(): void {
    this.#events.onWritable();
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  get over(): boolean {
    return this.trailers !== undefined || this.reset !== undefined;
  }

  async until(holds: (client: this) => boolean): Promise<this> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this;
  }

  /** The response's last frame has come. */
  end(): Promise<this> {
    return this.until(() => this.over);
  }

  #call(): Call {
    const heard = () => {
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    return {
      id: "call-1",
      head: (head) => {
        this.heads.push(head);
        heard();
      },
      data: (bytes) => {
        this.chunks.push(bytes);
        heard();
        return this.onChunk(bytes);
      },
      fin: (trailers = []) => {
        this.trailers = trailers;
        heard();
      },
      reset: (error) => {
        this.reset = error;
        heard();
      },
      taken: (repeatable) => void this.taken.push(repeatable),
      consumed: (bytes) => {
        this.consumedBytes += bytes;
        heard();
      },
    };
  }
}

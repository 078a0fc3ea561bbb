import { TunnelError } from "@sallyport/proto/error";
import type { LinkTransport, TransportEvents } from "./transport.ts";

/** Messages that may wait for a peer that does not read. */
const queueMax = 256;

export interface MessageStreamOptions<Out, In> {
  readonly transport: LinkTransport;
  readonly encode: (message: Out) => Buffer;
  /** Throws a TunnelError for what it cannot read. */
  readonly decode: (bytes: Buffer) => In;
  readonly onReady?: () => void;
  readonly onMessage: (message: In) => void;
  /** Once, the last event. */
  readonly onClosed: (error: TunnelError | undefined) => void;
}

/** One side of the management connection: whole messages, in order, bounded. */
export class MessageStream<Out, In> implements TransportEvents {
  readonly #options: MessageStreamOptions<Out, In>;
  readonly #queue: Buffer[] = [];
  #sending = false;
  #closing = false;
  #closed = false;

  constructor(options: MessageStreamOptions<Out, In>) {
    this.#options = options;
    options.transport.listen(this);
  }

  send(message: Out): void {
    if (this.#closed || this.#closing) return;
    this.#queue.push(this.#options.encode(message));
    if (this.#queue.length > queueMax) {
      return this.close(new TunnelError("OVERLOADED", "the peer does not read its management connection"));
    }
    this.#next();
  }

  /** Without an error: what is queued still goes out first. */
  close(error?: TunnelError): void {
    if (this.#closed) return;
    this.#closing = true;
    if (error !== undefined || (this.#queue.length === 0 && !this.#sending)) this.#options.transport.close(error);
  }

  #next(): void {
    if (this.#sending) return;
    const message = this.#queue.shift();
    if (message === undefined) {
      if (this.#closing) this.#options.transport.close();
      return;
    }
    this.#sending = true;
    this.#options.transport.send(message);
  }

  onReady(): void {
    this.#options.onReady?.();
  }

  onSent(): void {
    this.#sending = false;
    if (!this.#closed) this.#next();
  }

  onBatch(bytes: Buffer): void {
    if (this.#closed) return;
    let message: In;
    try {
      message = this.#options.decode(bytes);
    } catch (error) {
      return this.close(error instanceof TunnelError ? error : new TunnelError("PROTOCOL", String(error), error));
    }
    try {
      this.#options.onMessage(message);
    } catch (error) {
      this.close(new TunnelError("INTERNAL", `management connection: ${String(error)}`, error));
    }
  }

  onClosed(error: TunnelError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.length = 0;
    this.#options.onClosed(error);
  }
}

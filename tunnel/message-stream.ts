import { TunnelError } from "@sallyport/proto/error";
import type { LinkTransport, TransportEvents } from "./transport.ts";

/** Messages that may wait for a peer that does not read. */
const queueMax = 256;
/** From so many on, the peer is slow, and what need not be said is not. */
const offerQueueMax = 8;

interface Queued {
  readonly bytes: Buffer;
  readonly settled: ((sent: boolean) => void) | undefined;
}

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
  readonly #queue: Queued[] = [];
  #sending: Queued | undefined;
  #closing = false;
  #closed = false;

  constructor(options: MessageStreamOptions<Out, In>) {
    this.#options = options;
    options.transport.listen(this);
  }

  send(message: Out): void {
    if (this.#closed || this.#closing) return;
    this.#queue.push({ bytes: this.#options.encode(message), settled: undefined });
    if (this.#queue.length > queueMax) {
      return this.close(new TunnelError("OVERLOADED", "the peer does not read its management connection"));
    }
    this.#next();
  }

  /**
   * Sends what may be lost, unless others wait already. Then, and only then, `settled` is called, once: when the transport
   * has taken the message, or with false when the stream has ended before.
   */
  offer(message: Out, settled: (sent: boolean) => void): boolean {
    if (this.#closed || this.#closing || this.#queue.length >= offerQueueMax) return false;
    this.#queue.push({ bytes: this.#options.encode(message), settled });
    this.#next();
    return true;
  }

  /** Without an error: what is queued still goes out first. */
  close(error?: TunnelError): void {
    if (this.#closed) return;
    this.#closing = true;
    if (error !== undefined || (this.#queue.length === 0 && this.#sending === undefined))
      this.#options.transport.close(error);
  }

  #next(): void {
    if (this.#sending !== undefined) return;
    this.#sending = this.#queue.shift();
    if (this.#sending === undefined) {
      if (this.#closing) this.#options.transport.close();
      return;
    }
    this.#options.transport.send(this.#sending.bytes);
  }

  onReady(): void {
    this.#options.onReady?.();
  }

  onSent(): void {
    const sent = this.#sending;
    this.#sending = undefined;
    if (this.#closed) return;
    sent?.settled?.(true);
    this.#next();
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
    for (const { settled } of [...(this.#sending ? [this.#sending] : []), ...this.#queue.splice(0)]) settled?.(false);
    this.#sending = undefined;
    this.#options.onClosed(error);
  }
}

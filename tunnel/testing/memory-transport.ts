import { TunnelError } from "@sallyport/proto/error";
import type { LinkTransport, TransportEvents } from "../transport.ts";

/**
 * Two transports back to back. A batch is delivered by `deliver`, or at the end of the event loop's turn when the pair is
 * `flowing`; both sides then see exactly what a stream would show them.
 */
export class MemoryTransport implements LinkTransport {
  peer!: MemoryTransport;
  events: TransportEvents | undefined;
  closed = false;
  /** Batches sent and not delivered. */
  readonly sent: Buffer[] = [];
  /** Every batch ever sent. */
  readonly history: Buffer[] = [];
  flowing: boolean;

  constructor(flowing: boolean) {
    this.flowing = flowing;
  }

  static pair(flowing = true): [MemoryTransport, MemoryTransport] {
    const [a, b] = [new MemoryTransport(flowing), new MemoryTransport(flowing)];
    a.peer = b;
    b.peer = a;
    return [a, b];
  }

  listen(events: TransportEvents): void {
    this.events = events;
  }

  send(batch: Buffer): void {
    if (this.sent.length > 0) throw new Error("a batch is outstanding already");
    // A copy: the sender may use its memory again once it was told `onSent`.
    const copy = Buffer.from(batch);
    this.sent.push(copy);
    this.history.push(copy);
    if (this.flowing) setImmediate(() => this.deliver());
  }

  /** Hands the outstanding batch to the peer and says that it was taken. */
  deliver(): boolean {
    const batch = this.sent.shift();
    if (batch === undefined) return false;
    if (!this.peer.closed) this.peer.events?.onBatch(batch);
    if (!this.closed) this.events?.onSent();
    return true;
  }

  close(error?: TunnelError): void {
    if (this.closed) return;
    this.closed = true;
    this.events?.onClosed(error);
    const reason = error && new TunnelError("LINK_LOST", error.message);
    setImmediate(() => this.peer.#peerClosed(reason));
  }

  #peerClosed(error: TunnelError | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.events?.onClosed(error);
  }
}

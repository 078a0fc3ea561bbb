import type { TunnelError } from "@sallyport/proto/error";
import type { Head, Open } from "@sallyport/proto/frame";

/**
 * One logical stream over a link, as the code that feeds and drains it sees it. None of these methods throws for what
 * the peer did; after the call's end each is a no-op. docs/protocol.md, "Frames".
 */
export interface Call {
  /** The id that both routers log. */
  readonly id: string;
  /** R2: sends a response head, interim (100–199 but 101) or final. */
  head(head: Head): void;
  /**
   * Queues bytes for the peer; the buffer is kept until they are sent, so do not write to it again.
   * False: stop until `onWritable`.
   */
  data(bytes: Buffer): boolean;
  /** Ends our direction. Trailer names and values alternate. */
  fin(trailers?: readonly string[]): void;
  /** Ends both directions. `CallEvents` hears nothing more. */
  reset(error: TunnelError): void;
  /**
   * R2: the call goes to its destination now, so it is refused no more; `repeatable`: it may be sent again if the link
   * breaks, whatever its method.
   */
  taken(repeatable: boolean): void;
  /** Says that this many bytes from `onData` have left the process. The peer gets them back as credit. */
  consumed(bytes: number): void;
}

/** What the peer does on a call. `onReset`, or `onFin` with our own `fin` sent, is the last of them. */
export interface CallEvents {
  onHead(head: Head): void;
  /** A view of a larger buffer, the receiver's to keep. Answer each byte with `consumed` once it left the process. */
  onData(bytes: Buffer): void;
  onFin(trailers: readonly string[]): void;
  /** R2 has handed the call on; its route says whether it may be sent again if the link breaks. */
  onTaken?(repeatable: boolean): void;
  /** The peer, the link or a broken rule ended the call. */
  onReset(error: TunnelError): void;
  /** After `data` said false: the queue is empty again. */
  onWritable(): void;
}

/** R2's side of a new call: is told of it and says who listens to it. */
export type AcceptCall = (call: Call, open: Open) => CallEvents;

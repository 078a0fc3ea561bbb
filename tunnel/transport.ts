import type { TunnelError } from "@sallyport/proto/error";

/** What carries a link's batches: a gRPC stream, or memory in tests. */
export interface LinkTransport {
  /** Told to at most once, before anything else. */
  listen(events: TransportEvents): void;
  /** Sends one batch. Not called again before `onSent`; until then the batch's memory stays as it is. */
  send(batch: Buffer): void;
  /** Ends the transport: politely without an error, at once with one. `onClosed` follows, perhaps at once. */
  close(error?: TunnelError): void;
}

export interface TransportEvents {
  /** A dialled stream: the peer has answered. */
  onReady?(): void;
  /** The batch is the receiver's to keep. */
  onBatch(batch: Buffer): void;
  /** The last batch was copied or sent; its memory may be used again, and the next may come. */
  onSent(): void;
  /** Once, the last event. Without an error: the peer or we ended it politely. */
  onClosed(error: TunnelError | undefined): void;
}

import type { Socket } from "node:net";
import type { TunnelError } from "@sallyport/proto/error";
import type { Head } from "@sallyport/proto/frame";

/**
 * Where calls end. What stands above does not know which library carries an exchange. Request bytes are not refused:
 * the call's credit bounds them, and `onRequestBytesSent` says what may be granted again.
 */
export interface Destinations {
  /** Never throws; what goes wrong is told to `events`, perhaps before this returns. */
  exchange(request: ExchangeRequest, events: ResponseEvents): Exchange;
  /** Takes no more exchanges, waits for those that run, closes all connections. */
  close(): Promise<void>;
}

export interface ExchangeRequest {
  /** "http://calc.apps:8080", as `URL.origin` writes it, from the route alone. */
  readonly origin: string;
  /** "namespace/name", for messages. */
  readonly route: string;
  readonly method: string;
  readonly target: string;
  /** Names and values alternate, as the client sent them, `Host` included; nothing hop-by-hop. */
  readonly headers: readonly string[];
  /** The protocol that the client asks to switch to; left out: none. */
  readonly upgrade?: string;
  /** Bytes of the body; 0: none; `unknownLength`: until `end`. */
  readonly bodyBytes: number;
}

/** The length of a body that was sent in chunks. */
export const unknownLength = -1;

/** The request's side of an exchange. After its end, or after `abort`, each of these does nothing. */
export interface Exchange {
  /** Never more in all than `bodyBytes`. */
  write(bytes: Buffer): void;
  /** The request is whole. Trailer names and values alternate. */
  end(trailers: readonly string[]): void;
  /** Closes the connection, so that the destination notices. `events` hears nothing more. */
  abort(error: TunnelError): void;
  /** Stops `onResponseData`, but for what was read already: at most one socket buffer. */
  pause(): void;
  resume(): void;
}

/** What the destination does. `onResponseEnd` or `onResponseFailed` is the last of them. */
export interface ResponseEvents {
  /** Any number of interim heads (status below 200), then the final one. As received: nothing is stripped. */
  onResponseHead(head: Head): void;
  onResponseData(bytes: Buffer): void;
  /** Instead of all that follows: the destination has switched protocols, and its socket is ours, paused. */
  onUpgraded(head: Head, socket: Socket): void;
  /** The response is whole. If the request is not, the rest of it is no longer wanted. */
  onResponseEnd(trailers: readonly string[]): void;
  /** DESTINATION_UNREACHABLE, DESTINATION_FAILED, POLICY, OVERLOADED, DRAINING or BAD_REQUEST. */
  onResponseFailed(error: TunnelError): void;
  /** So many bytes of the request have left the process. */
  onRequestBytesSent(bytes: number): void;
  /** All of the request has left the process. */
  onRequestSent(): void;
}

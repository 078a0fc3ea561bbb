/** What the start of a connection says. */
export type Reading<Value> =
  /** Ask again when there are `bytes` in all, and not before. */
  | { readonly t: "more"; readonly bytes: number }
  /** The first `bytes` of them said it. */
  | { readonly t: "read"; readonly bytes: number; readonly value: Value }
  /** `answer`: what the client is told first, where its protocol has words for it. */
  | { readonly t: "refused"; readonly why: string; readonly answer?: Buffer };

/** Reads the start of a connection from all of its bytes so far. Never throws. */
export interface PreambleReader<Value> {
  /** Never asks for more. */
  readonly bytesMax: number;
  read(bytes: Buffer): Reading<Value>;
}

/**
 * The header of the PROXY protocol, by which a load balancer says whose connection it passes on: version 1, a line of
 * text, and version 2, binary (haproxy.org, proxy-protocol.txt).
 */
export type ProxyHeader =
  | {
      readonly t: "proxied";
      readonly clientAddress: string;
      readonly clientPort: number;
      readonly localAddress: string;
      readonly localPort: number;
    }
  /** The load balancer's own connection, or one whose client it does not know. */
  | { readonly t: "local" };

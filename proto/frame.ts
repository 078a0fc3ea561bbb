/**
 * Frames as the routers see them: tunnel.proto's messages with the defaults filled in. Header names, values, methods and
 * targets are latin1 strings (one char code per byte), so that every byte a peer sent survives. docs/protocol.md, "Frames".
 */

export const protocolVersion: ProtocolVersion = { major: 1, minor: 0 };

/** The most bytes in one DATA frame. docs/protocol.md, "Turns". */
export const dataFrameBytesMax = 64 * 1024;
/** The most bytes in one batch, that is in one gRPC message. */
export const batchBytesMax = 256 * 1024;
/** The most bytes in the header block or preamble of an OPEN, HEAD or FIN: such a frame must fit in a batch. */
export const headBytesMax = 128 * 1024;
/** The most bytes in a message meant for people (RESET, GOAWAY). */
export const messageBytesMax = 1024;

export interface ProtocolVersion {
  readonly major: number;
  readonly minor: number;
}

export interface Limits {
  readonly callsPerLink: number;
  readonly initialWindowBytes: number;
  readonly windowMaxBytes: number;
  readonly memoryBudgetBytes: number;
}

/** CallKind of tunnel.proto, by number. */
export const CallKind = { exchange: 1, upgrade: 2, raw: 3 } as const;
export type CallKind = (typeof CallKind)[keyof typeof CallKind];

export interface Open {
  readonly kind: CallKind;
  readonly id: string;
  readonly listener: string;
  readonly connection: number;
  readonly client: string;
  readonly local: string;
  /** Milliseconds left until the response's head is due; 0: no limit. */
  readonly deadlineMs: number;
  readonly tenant: string;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly secure: boolean;
  readonly serverName: string;
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  /** Names and values alternate, as on the wire, in order. */
  readonly headers: readonly string[];
  readonly preamble: Buffer;
  /** The listener's: "HTTP", "HTTPS", "TLS", "NetTCP" or "TCP". */
  readonly protocol: string;
  /** Agreed with the client where TLS ended at R1: "h2", "http/1.1"; empty: none. */
  readonly alpn: string;
  /** What an UPGRADE asks for: the Upgrade header's value, or RFC 8441's `:protocol`. */
  readonly upgradeProtocol: string;
}

export interface Head {
  readonly status: number;
  readonly reason: string;
  /** Names and values alternate. */
  readonly headers: readonly string[];
  /** Later calls of this client connection belong to this R2. What is read has it only when it is true. */
  readonly pin?: boolean;
}

export interface LinkHello {
  readonly protocol: ProtocolVersion;
  readonly tunnel: string;
  readonly dmzInstanceId: string;
  readonly dmzWorkerId: string;
  readonly intranetInstanceId: string;
  readonly intranetWorkerId: string;
  readonly linkId: string;
  readonly order: number;
  readonly limits: Limits;
}

export interface GoAway {
  readonly lastCall: number;
  readonly code: number;
  readonly message: string;
  /** For the calls above `lastCall`; 0, which is the default: not said. */
  readonly retryAfterMs?: number;
}

/**
 * What a batch's reader is told, frame by frame, in order. Buffers are views of the batch. No object is made for DATA,
 * CREDIT, PING, RESET, HELD, COMMIT, TAKEN and CLIENT_CLOSED.
 */
export interface FrameHandler {
  data(call: number, bytes: Buffer): void;
  open(call: number, open: Open): void;
  head(call: number, head: Head): void;
  fin(call: number, trailers: readonly string[]): void;
  /** `code` as on the wire: `errorName` reads it. `retryAfterMs` 0: not said. */
  reset(call: number, code: number, message: string, retryAfterMs: number): void;
  credit(call: number, bytes: number): void;
  /** `ready`: R2 could dial, and waits for COMMIT alone. */
  held(call: number, maxWaitMs: number, ready: boolean): void;
  commit(call: number): void;
  /** `repeatable`: the call may be sent again if the link breaks. */
  taken(call: number, repeatable: boolean): void;
  /** `connection` as in the OPENs of its calls. */
  clientClosed(connection: number): void;
  linkHello(hello: LinkHello): void;
  linkWelcome(limits: Limits): void;
  ping(nonce: number, ack: boolean): void;
  goAway(goAway: Required<GoAway>): void;
}

/** An OPEN with every field at its default, to be spread over. */
export const emptyOpen: Open = {
  kind: CallKind.exchange,
  id: "",
  listener: "",
  connection: 0,
  client: "",
  local: "",
  deadlineMs: 0,
  tenant: "",
  traceparent: "",
  tracestate: "",
  secure: false,
  serverName: "",
  method: "",
  target: "",
  httpVersion: "",
  headers: [],
  preamble: Buffer.alloc(0),
  protocol: "",
  alpn: "",
  upgradeProtocol: "",
};

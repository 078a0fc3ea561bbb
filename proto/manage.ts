import type { Limits, ProtocolVersion } from "./frame.ts";
import { type MessageRules, messageCodec, type Unknown } from "./message-codec.ts";

/**
 * The messages of the management connection, as tagged unions with the defaults filled in. They are few per second, so
 * proto-loader lays them out. docs/protocol.md, "Registration", "Life", "Links".
 */

export const managePath = "/sallyport.tunnel.v1.Tunnel/Manage";
export const carryPath = "/sallyport.tunnel.v1.Tunnel/Carry";

/** The most bytes in one message, either way. */
export const managementBytesMax = 1024 * 1024;

/** The most bytes of OTLP in one Spans: pings wait behind it. docs/protocol.md, "Spans". */
export const spansBytesMax = 128 * 1024;

/** What either side says of itself. */
interface Greeting {
  readonly protocol: ProtocolVersion;
  /** "namespace/name" of the ReverseTunnel. */
  readonly tunnel: string;
  readonly instanceId: string;
  readonly workerId: string;
  readonly software: string;
  readonly limits: Limits;
}

export interface Hello extends Greeting {
  /** R1 may send its Spans. */
  readonly takesSpans: boolean;
  /** This R2 is registered already, over a connection that it replaces: its links stay as they are. */
  readonly keepLinks: boolean;
}

export interface Welcome extends Greeting {
  /** How many R1s the tunnel has; 0: not told. */
  readonly dmzInstances: number;
  readonly heartbeatMs: number;
}

export interface Ping {
  readonly nonce: number;
  readonly ack: boolean;
}

export interface OpenLinks {
  readonly order: number;
  readonly count: number;
}

export interface LinkOrderResult {
  readonly order: number;
  readonly opened: number;
  readonly failed: number;
  /** Why the last one failed; for people. */
  readonly message: string;
}

export interface CloseLinks {
  readonly linkIds: readonly string[];
}

export interface Drain {
  readonly deadlineMs: number;
}

export interface RouteReport {
  readonly routes: readonly RouteHash[];
  /** The next report goes on with this one. */
  readonly more: boolean;
}

export interface RouteHash {
  readonly namespace: string;
  readonly name: string;
  readonly hash: string;
}

export interface CertificateRequest {
  readonly request: number;
  /** PKCS #10, DER. */
  readonly csr: Buffer;
}

export interface CertificateAnswer {
  /** The request that it answers. 0: none; the intranet side pushes new CAs to trust, or a new chain. */
  readonly request: number;
  /** X.509, DER, leaf first. */
  readonly chain: readonly Buffer[];
  /** The CAs to trust from now on, DER. */
  readonly trusted: readonly Buffer[];
  /** Empty unless a request was refused; for people. */
  readonly error: string;
}

export interface Spans {
  /** An ExportTraceServiceRequest of OTLP, at most `spansBytesMax`. */
  readonly otlp: Buffer;
  /** How many spans it holds; for metrics. */
  readonly count: number;
}

export type IntranetMessage =
  | { readonly t: "hello"; readonly hello: Hello }
  | { readonly t: "ping"; readonly ping: Ping }
  | { readonly t: "linkOrderResult"; readonly linkOrderResult: LinkOrderResult }
  | { readonly t: "drain"; readonly drain: Drain }
  | { readonly t: "routeReport"; readonly routeReport: RouteReport }
  | { readonly t: "certificateAnswer"; readonly certificateAnswer: CertificateAnswer }
  | Unknown;

export type DmzMessage =
  | { readonly t: "welcome"; readonly welcome: Welcome }
  | { readonly t: "ping"; readonly ping: Ping }
  | { readonly t: "openLinks"; readonly openLinks: OpenLinks }
  | { readonly t: "closeLinks"; readonly closeLinks: CloseLinks }
  | { readonly t: "drain"; readonly drain: Drain }
  | { readonly t: "certificateRequest"; readonly certificateRequest: CertificateRequest }
  | { readonly t: "spans"; readonly spans: Spans }
  | Unknown;

const rules: Omit<MessageRules, "type"> = {
  bytesMax: managementBytesMax,
  longFields: new Set(["memoryBudgetBytes", "nonce", "order", "request"]),
  defaults: {
    protocol: { major: 0, minor: 0 },
    limits: { callsPerLink: 0, initialWindowBytes: 0, windowMaxBytes: 0, memoryBudgetBytes: 0 },
  },
};
const intranet = messageCodec({ ...rules, type: "sallyport.tunnel.v1.IntranetMessage" });
const dmz = messageCodec({ ...rules, type: "sallyport.tunnel.v1.DmzMessage" });

/** Throws PROTOCOL for a number out of its range or a message over `managementBytesMax`: the caller's error. */
export function encodeIntranet(message: Exclude<IntranetMessage, Unknown>): Buffer {
  return intranet.encode(message);
}

/** Throws PROTOCOL if the bytes are no IntranetMessage. */
export function decodeIntranet(bytes: Buffer): IntranetMessage {
  // protobuf.js has held the fields against tunnel.proto, whose names and types those of this file repeat.
  return intranet.decode(bytes) as IntranetMessage;
}

/** Throws PROTOCOL for a number out of its range or a message over `managementBytesMax`: the caller's error. */
export function encodeDmz(message: Exclude<DmzMessage, Unknown>): Buffer {
  return dmz.encode(message);
}

/** Throws PROTOCOL if the bytes are no DmzMessage. */
export function decodeDmz(bytes: Buffer): DmzMessage {
  return dmz.decode(bytes) as DmzMessage;
}

import type { ProtocolVersion } from "./frame.ts";
import { type MessageRules, messageCodec, type Unknown } from "./message-codec.ts";

/**
 * The messages of the operator's stream, as tagged unions with the defaults filled in. docs/protocol.md, "The operator's
 * stream".
 */

export const watchPath = "/sallyport.admin.v1.Admin/Watch";

/** The most bytes in one message, either way. */
export const adminBytesMax = 1024 * 1024;

/** A peer of the same major version is accepted. docs/protocol.md, "Versions". */
export const adminVersion: ProtocolVersion = { major: 1, minor: 0 };

export interface Subscribe {
  readonly protocol: ProtocolVersion;
  readonly software: string;
}

export interface AdminHello {
  readonly protocol: ProtocolVersion;
  /** "namespace/name" of the ReverseTunnel. */
  readonly tunnel: string;
  readonly instanceId: string;
  readonly software: string;
}

export interface AdminPing {
  readonly nonce: number;
  readonly ack: boolean;
}

export interface Routes {
  readonly routes: readonly RouteState[];
  /** The next Routes go on with these. */
  readonly more: boolean;
}

export interface RouteState {
  readonly namespace: string;
  readonly name: string;
  /** `routeHash` of the document that R2 serves. Empty: none of it. */
  readonly hash: string;
  /** Why none of it is served; empty otherwise. */
  readonly refused: string;
  /** What of it cannot be used while the rest is served; empty: all is. */
  readonly problem: string;
}

export interface Uplinks {
  readonly uplinks: readonly UplinkStatus[];
}

/** "unknown": of a newer R2. */
export type UplinkStateName = (typeof uplinkStates)[number];

export interface UplinkStatus {
  /** The R1's name in R2's configuration. */
  readonly name: string;
  readonly state: UplinkStateName;
  /** 0: not measured yet. */
  readonly roundTripUs: number;
  readonly links: number;
  /** Why it was disconnected last; for people. */
  readonly lastError: string;
  /** SHA-256 of the certificate that the R1 showed last, in hexadecimal digits. Empty: none was seen. */
  readonly peerCertificate: string;
}

export interface Configuration {
  /** SHA-256 of the configuration file in force, in hexadecimal digits. Empty: it came from no file. */
  readonly config: string;
  /** Why the one read last is not in force. Empty: it is. */
  readonly configRefused: string;
  /** Keys that come into force when R2 is started again. */
  readonly needsRestart: readonly string[];
  /** The generation that the manifest of the routes in force names. Empty: none was taken yet. */
  readonly routes: string;
  /** Why the routes that lie there now are not in force. Empty: they are. */
  readonly routesWaiting: string;
  /** SHA-256 of R2's own certificate, in hexadecimal digits. */
  readonly certificate: string;
  /** In seconds since 1970. */
  readonly certificateExpires: number;
  /** SHA-256 of each CA that R2 trusts, in hexadecimal digits. */
  readonly trustedCas: readonly string[];
}

export type OperatorMessage =
  | { readonly t: "subscribe"; readonly subscribe: Subscribe }
  | { readonly t: "ping"; readonly ping: AdminPing }
  | Unknown;

export type RouterMessage =
  | { readonly t: "hello"; readonly hello: AdminHello }
  | { readonly t: "ping"; readonly ping: AdminPing }
  | { readonly t: "routes"; readonly routes: Routes }
  | { readonly t: "uplinks"; readonly uplinks: Uplinks }
  | { readonly t: "configuration"; readonly configuration: Configuration }
  | Unknown;

const rules: Omit<MessageRules, "type"> = {
  bytesMax: adminBytesMax,
  longFields: new Set(["nonce", "certificateExpires"]),
  defaults: { protocol: { major: 0, minor: 0 } },
};
const operator = messageCodec({ ...rules, type: "sallyport.admin.v1.OperatorMessage" });
const router = messageCodec({ ...rules, type: "sallyport.admin.v1.RouterMessage" });

/** Throws PROTOCOL for a number out of its range or a message over `adminBytesMax`: the caller's error. */
export function encodeOperator(message: Exclude<OperatorMessage, Unknown>): Buffer {
  return operator.encode(message);
}

/** Throws PROTOCOL if the bytes are no OperatorMessage. */
export function decodeOperator(bytes: Buffer): OperatorMessage {
  // protobuf.js has held the fields against admin.proto, whose names and types those of this file repeat.
  return operator.decode(bytes) as OperatorMessage;
}

/** Throws PROTOCOL for a number out of its range or a message over `adminBytesMax`: the caller's error. */
export function encodeRouter(message: Exclude<RouterMessage, Unknown>): Buffer {
  if (message.t !== "uplinks") return router.encode(message);
  const uplinks = message.uplinks.uplinks.map((uplink) => ({ ...uplink, state: uplinkStates.indexOf(uplink.state) }));
  const wired = { t: "uplinks", uplinks: { uplinks } };
  return router.encode(wired);
}

/** Throws PROTOCOL if the bytes are no RouterMessage. */
export function decodeRouter(bytes: Buffer): RouterMessage {
  const message = router.decode(bytes);
  if (message.t !== "uplinks") return message as RouterMessage;
  const wired = (message as WiredUplinks).uplinks.uplinks;
  return {
    t: "uplinks",
    uplinks: { uplinks: wired.map((uplink) => ({ ...uplink, state: uplinkStates[uplink.state] ?? "unknown" })) },
  };
}

/** By the numbers of admin.proto's enum UplinkState. */
const uplinkStates = ["unknown", "disconnected", "connecting", "registering", "active", "draining", "stopped"] as const;

interface WiredUplinks {
  readonly t: "uplinks";
  readonly uplinks: { readonly uplinks: readonly (Omit<UplinkStatus, "state"> & { readonly state: number })[] };
}

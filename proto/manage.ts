import { loadSync, type MessageTypeDefinition, type PackageDefinition } from "@grpc/proto-loader";
import { TunnelError } from "./error.ts";
import type { Limits, ProtocolVersion } from "./frame.ts";
import { tunnelProtoFile } from "./proto-file.ts";

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

/** A message that a newer peer sent and this version does not know: to be skipped and counted. */
export interface Unknown {
  readonly t: "unknown";
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

// Loaded at import: a bundle without its tunnel.proto is noticed at the start and not at the first connection.
const definitions: PackageDefinition = loadSync(tunnelProtoFile, {
  longs: Number,
  defaults: true,
  arrays: true,
  oneofs: true,
});
const intranetType = messageType("IntranetMessage");
const dmzType = messageType("DmzMessage");

/** Throws PROTOCOL for a number out of its range or a message over `managementBytesMax`: the caller's error. */
export function encodeIntranet(message: Exclude<IntranetMessage, Unknown>): Buffer {
  return encode(intranetType, "IntranetMessage", message);
}

/** Throws PROTOCOL if the bytes are no IntranetMessage. */
export function decodeIntranet(bytes: Buffer): IntranetMessage {
  // protobuf.js has held the fields against tunnel.proto, whose names and types those of this file repeat.
  return decode(intranetType, "IntranetMessage", bytes) as IntranetMessage;
}

/** Throws PROTOCOL for a number out of its range or a message over `managementBytesMax`: the caller's error. */
export function encodeDmz(message: Exclude<DmzMessage, Unknown>): Buffer {
  return encode(dmzType, "DmzMessage", message);
}

/** Throws PROTOCOL if the bytes are no DmzMessage. */
export function decodeDmz(bytes: Buffer): DmzMessage {
  return decode(dmzType, "DmzMessage", bytes) as DmzMessage;
}

/** A message as proto-loader has it: the set member under its own name, that name under `message`. */
type LoadedType = MessageTypeDefinition<object, { readonly message?: string; readonly [member: string]: unknown }>;

function messageType(name: string): LoadedType {
  const definition = definitions[`sallyport.tunnel.v1.${name}`];
  if (definition === undefined || !("deserialize" in definition)) {
    throw new Error(`${tunnelProtoFile} has no message ${name}; install the file that belongs to this release`);
  }
  return definition as LoadedType;
}

function encode(type: LoadedType, name: string, message: { readonly t: string }): Buffer {
  checkNumbers(message, (path, value, max) => `${name}: ${path} is a whole number from 0 to ${max}, not ${value}`);
  const bytes = type.serialize(message);
  if (bytes.length > managementBytesMax) throw tooLarge(name, bytes);
  return bytes;
}

function decode(type: LoadedType, name: string, bytes: Buffer): { readonly t: string } {
  if (bytes.length > managementBytesMax) throw tooLarge(name, bytes);
  const loaded = deserialize(type, name, bytes);
  const member = loaded.message;
  if (member === undefined) return { t: "unknown" };
  const value = loaded[member] as object;
  checkNumbers(value, (path, number, max) => `malformed ${name}: ${member}.${path} is ${number}, over ${max}`);
  return { t: member, [member]: withDefaults(value) };
}

/** protobuf.js throws RangeErrors and plain Errors. */
function deserialize(type: LoadedType, name: string, bytes: Buffer): ReturnType<LoadedType["deserialize"]> {
  try {
    return type.deserialize(bytes);
  } catch (cause) {
    throw new TunnelError("PROTOCOL", `malformed ${name} of ${bytes.length} bytes: ${(cause as Error).message}`, cause);
  }
}

/** proto-loader gives null for a message that is not set. */
function withDefaults(value: object): object {
  const filled: Record<string, unknown> = { ...value };
  if (filled.protocol === null) filled.protocol = noProtocol;
  if (filled.limits === null) filled.limits = noLimits;
  return filled;
}

const noProtocol: ProtocolVersion = { major: 0, minor: 0 };
const noLimits: Limits = { callsPerLink: 0, initialWindowBytes: 0, windowMaxBytes: 0, memoryBudgetBytes: 0 };

/** The uint64 fields of tunnel.proto; the other numbers are uint32. */
const longFields: ReadonlySet<string> = new Set(["memoryBudgetBytes", "nonce", "order", "request"]);

type Complaint = (path: string, value: number, max: number) => string;

/** A number over 2^53 - 1 comes rounded from proto-loader; one beyond its field would go out as another. */
function checkNumbers(message: object, complaint: Complaint, path = ""): void {
  for (const [name, value] of Object.entries(message)) {
    if (typeof value === "number") {
      const max = longFields.has(name) ? Number.MAX_SAFE_INTEGER : 0xffff_ffff;
      if (Number.isInteger(value) && value >= 0 && value <= max) continue;
      throw new TunnelError("PROTOCOL", complaint(path + name, value, max));
    }
    if (typeof value === "object" && value !== null && !Buffer.isBuffer(value)) {
      checkNumbers(value, complaint, `${path}${name}.`);
    }
  }
}

function tooLarge(name: string, bytes: Buffer): TunnelError {
  return new TunnelError("PROTOCOL", `${name} of ${bytes.length} bytes is over the limit of ${managementBytesMax}`);
}

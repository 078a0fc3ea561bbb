import type { MessageTypeDefinition } from "@grpc/proto-loader";
import { definitions } from "./definitions.ts";
import { TunnelError } from "./error.ts";

/**
 * Messages that are few per second and that proto-loader lays out: tagged unions `{ t: "ping", ping: … }`, one for each
 * member of the oneof `message`, with the defaults filled in.
 */
export interface MessageCodec {
  /** Throws PROTOCOL for a number out of its range or a message over the limit: the caller's error. */
  encode(message: { readonly t: string }): Buffer;
  /** Throws PROTOCOL if the bytes are no such message. `{ t: "unknown" }`: a member that this version does not know. */
  decode(bytes: Buffer): { readonly t: string };
}

/** A message that a newer peer sent and this version does not know: to be skipped and counted. */
export interface Unknown {
  readonly t: "unknown";
}

export interface MessageRules {
  /** "sallyport.tunnel.v1.IntranetMessage" */
  readonly type: string;
  readonly bytesMax: number;
  /** Its uint64 fields; the other numbers are uint32. */
  readonly longFields: ReadonlySet<string>;
  /** What stands for a message that is not set, by the name of its field. */
  readonly defaults: Readonly<Record<string, object>>;
}

/** Throws when tunnel.proto and admin.proto have no such message. */
export function messageCodec(rules: MessageRules): MessageCodec {
  const type = loadedType(rules.type);
  return { encode: (message) => encode(type, rules, message), decode: (bytes) => decode(type, rules, bytes) };
}

/** A message as proto-loader has it: the set member under its own name, that name under `message`. */
type LoadedType = MessageTypeDefinition<object, { readonly message?: string; readonly [member: string]: unknown }>;

function loadedType(fullName: string): LoadedType {
  const definition = definitions[fullName];
  if (definition === undefined || !("deserialize" in definition)) {
    throw new Error(`the .proto files have no message ${fullName}; install those that belong to this release`);
  }
  return definition as LoadedType;
}

function encode(type: LoadedType, rules: MessageRules, message: { readonly t: string }): Buffer {
  const name = shortName(rules);
  checkNumbers(
    message,
    rules,
    (path, value, max) => `${name}: ${path} is a whole number from 0 to ${max}, not ${value}`,
  );
  const bytes = type.serialize(message);
  if (bytes.length > rules.bytesMax) throw tooLarge(rules, bytes);
  return bytes;
}

function decode(type: LoadedType, rules: MessageRules, bytes: Buffer): { readonly t: string } {
  if (bytes.length > rules.bytesMax) throw tooLarge(rules, bytes);
  const loaded = deserialize(type, rules, bytes);
  const member = loaded.message;
  if (member === undefined) return { t: "unknown" };
  const value = loaded[member] as object;
  const name = shortName(rules);
  checkNumbers(value, rules, (path, number, max) => `malformed ${name}: ${member}.${path} is ${number}, over ${max}`);
  return { t: member, [member]: withDefaults(value, rules) };
}

/** protobuf.js throws RangeErrors and plain Errors. */
function deserialize(type: LoadedType, rules: MessageRules, bytes: Buffer): ReturnType<LoadedType["deserialize"]> {
  try {
    return type.deserialize(bytes);
  } catch (cause) {
    const text = `malformed ${shortName(rules)} of ${bytes.length} bytes: ${(cause as Error).message}`;
    throw new TunnelError("PROTOCOL", text, cause);
  }
}

/** proto-loader gives null for a message that is not set. */
function withDefaults(value: object, { defaults }: MessageRules): object {
  const filled: Record<string, unknown> = { ...value };
  for (const [field, ifUnset] of Object.entries(defaults)) if (filled[field] === null) filled[field] = ifUnset;
  return filled;
}

type Complaint = (path: string, value: number, max: number) => string;

/** A number over 2^53 - 1 comes rounded from proto-loader; one beyond its field would go out as another. */
function checkNumbers(message: object, rules: MessageRules, complaint: Complaint, path = ""): void {
  for (const [name, value] of Object.entries(message)) {
    if (typeof value === "number") {
      const max = rules.longFields.has(name) ? Number.MAX_SAFE_INTEGER : 0xffff_ffff;
      if (Number.isInteger(value) && value >= 0 && value <= max) continue;
      throw new TunnelError("PROTOCOL", complaint(path + name, value, max));
    }
    if (typeof value === "object" && value !== null && !Buffer.isBuffer(value)) {
      checkNumbers(value, rules, complaint, `${path}${name}.`);
    }
  }
}

function tooLarge(rules: MessageRules, bytes: Buffer): TunnelError {
  const text = `${shortName(rules)} of ${bytes.length} bytes is over the limit of ${rules.bytesMax}`;
  return new TunnelError("PROTOCOL", text);
}

/** Without its package. */
function shortName({ type }: MessageRules): string {
  return type.slice(type.lastIndexOf(".") + 1);
}

import type { PreambleReader, Reading } from "../preamble.ts";

/** What a TLS client says in the clear before anything is encrypted. */
export interface ClientHello {
  /** SNI (RFC 6066, 3), in lower case; "": it names no server. */
  readonly serverName: string;
  /** The protocols it offers (ALPN, RFC 7301), most wanted first. */
  readonly protocols: readonly string[];
}

/** A whole ClientHello is read, over as many records as it has. Those of today's clients are under 2 KiB. */
const helloBytesMax = 16 * 1024;

export const clientHelloReader: PreambleReader<ClientHello> = { bytesMax: helloBytesMax, read: readClientHello };

/** All records so far are looked at again with each that comes: more of them would cost more than they are worth. */
export const recordsMax = 256;

const recordHeadBytes = 5;
const handshakeHeadBytes = 4;
const handshakeRecord = 22;
const clientHelloType = 1;
const recordBytesMax = 16 * 1024;

/**
 * Reads a ClientHello (RFC 8446, 4.1.2) without ending TLS: the bytes go on to the destination as they came. Own code,
 * because the libraries for it end TLS, or are no longer kept.
 */
export function readClientHello(bytes: Buffer): Reading<ClientHello> {
  const gathered = gatherHandshake(bytes);
  if (gathered.t !== "whole") return gathered;
  const value = readBody(new Fields(gathered.body));
  return value === undefined ? refused("is a malformed ClientHello") : { t: "read", bytes: gathered.bytes, value };
}

type Gathered = Reading<never> | { readonly t: "whole"; readonly body: Buffer; readonly bytes: number };

/** The handshake message of the first records, which may be cut anywhere. */
function gatherHandshake(bytes: Buffer): Gathered {
  const fragments: Buffer[] = [];
  let head: Buffer = Buffer.alloc(0);
  let length = 0;
  for (let at = 0; ; ) {
    const record = recordAt(bytes, at);
    if (typeof record === "string") return refused(record);
    if (fragments.length === recordsMax) return refused(`is a ClientHello in over ${recordsMax} records`);
    const fragment = bytes.subarray(at + recordHeadBytes, record.end);
    if (head.length < handshakeHeadBytes) head = Buffer.concat([head, fragment.subarray(0, handshakeHeadBytes)]);
    const problem = handshakeProblem(head);
    if (problem !== undefined) return refused(problem);
    if (bytes.length < record.end) return { t: "more", bytes: record.end };
    fragments.push(fragment);
    length += fragment.length;
    at = record.end;
    if (length < handshakeHeadBytes) continue;
    const whole = handshakeHeadBytes + head.readUIntBE(1, 3);
    if (length < whole) continue;
    // What else the record holds is no ClientHello, and no client sends it before an answer.
    if (length > whole) return refused("has more in its records than the ClientHello");
    return { t: "whole", body: Buffer.concat(fragments).subarray(handshakeHeadBytes), bytes: at };
  }
}

/** Where a record ends, as far as is known; or what is wrong with it. */
function recordAt(bytes: Buffer, at: number): { readonly end: number } | string {
  if (at < bytes.length && bytes[at] !== handshakeRecord) return "is not TLS";
  if (at + 1 < bytes.length && bytes[at + 1] !== 3) return "is not TLS 1.0 or later";
  if (at + recordHeadBytes > bytes.length) return { end: at + recordHeadBytes };
  const length = bytes.readUInt16BE(at + 3);
  // RFC 8446, 5.1: a handshake record is never empty.
  if (length === 0 || length > recordBytesMax) return `has a TLS record of ${length} bytes`;
  const end = at + recordHeadBytes + length;
  return end > helloBytesMax ? `is a ClientHello of over ${helloBytesMax} bytes` : { end };
}

/** `head`: the message's first bytes, as far as they are there. */
function handshakeProblem(head: Buffer): string | undefined {
  if (head.length === 0) return undefined;
  if (head[0] !== clientHelloType) return "is TLS and no ClientHello";
  if (head.length < handshakeHeadBytes) return undefined;
  return head.readUIntBE(1, 3) > helloBytesMax ? `is a ClientHello of over ${helloBytesMax} bytes` : undefined;
}

const versionAndRandomBytes = 2 + 32;
const serverNameExtension = 0;
const protocolsExtension = 16;

function readBody(fields: Fields): ClientHello | undefined {
  if (!fields.skip(versionAndRandomBytes)) return undefined;
  // Session id, cipher suites, compression methods.
  if (!fields.vector(1) || !fields.vector(2) || !fields.vector(1)) return undefined;
  if (fields.atEnd) return { serverName: "", protocols: [] };
  const extensions = fields.vector(2);
  return extensions && fields.atEnd ? readExtensions(extensions) : undefined;
}

function readExtensions(fields: Fields): ClientHello | undefined {
  const seen = new Set<number>();
  let serverName: string | undefined = "";
  let protocols: readonly string[] | undefined = [];
  while (!fields.atEnd) {
    const type = fields.number(2);
    const data = fields.vector(2);
    // Twice the same: two readers might take different ones (RFC 8446, 4.2).
    if (type === undefined || data === undefined || seen.has(type)) return undefined;
    seen.add(type);
    if (type === serverNameExtension) serverName = readServerName(data);
    if (type === protocolsExtension) protocols = readProtocols(data);
    if (serverName === undefined || protocols === undefined) return undefined;
  }
  return { serverName, protocols };
}

/** One host name is all that RFC 6066 has. */
function readServerName(data: Fields): string | undefined {
  const names = data.vector(2);
  const type = names?.number(1);
  const name = names?.vector(2);
  if (!names?.atEnd || !data.atEnd || type !== 0 || name === undefined) return undefined;
  const text = name.rest().toString("latin1");
  return hostName.test(text) ? text.toLowerCase() : undefined;
}

/** As DNS has it, underscores included: what is none of these could be shown or routed in two ways. */
const hostName = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i;

function readProtocols(data: Fields): readonly string[] | undefined {
  const list = data.vector(2);
  if (list === undefined || !data.atEnd) return undefined;
  const protocols: string[] = [];
  while (!list.atEnd) {
    const name = list.vector(1)?.rest();
    if (name === undefined || name.length === 0) return undefined;
    protocols.push(name.toString("latin1"));
  }
  return protocols;
}

/** Bytes to be taken from the front; undefined or false where they are not all there. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  skip(length: number): boolean {
    if (this.#at + length > this.#bytes.length) return false;
    this.#at += length;
    return true;
  }

  number(length: 1 | 2): number | undefined {
    const at = this.#at;
    return this.skip(length) ? this.#bytes.readUIntBE(at, length) : undefined;
  }

  /** What follows a length of so many bytes. */
  vector(lengthBytes: 1 | 2): Fields | undefined {
    const length = this.number(lengthBytes);
    const at = this.#at;
    return length !== undefined && this.skip(length) ? new Fields(this.#bytes.subarray(at, at + length)) : undefined;
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

function refused(why: string): Reading<never> {
  return { t: "refused", why };
}

import { Body, callField, framesField, type RawBuffer, uint32Max, wireType } from "./batch-wire.ts";
import { TunnelError } from "./error.ts";
import {
  batchBytesMax,
  CallKind,
  dataFrameBytesMax,
  type FrameHandler,
  type GoAway,
  type Head,
  headBytesMax,
  type Limits,
  type LinkHello,
  messageBytesMax,
  type Open,
} from "./frame.ts";

type FrameWriter = {
  [Kind in keyof FrameHandler]: (...frame: Parameters<FrameHandler[Kind]>) => boolean;
};

/** A new writer's memory; it doubles as needed. */
const startBytes = 4 * 1024;

/** A length takes one byte in frames that stay under 128 bytes, else a varint padded to four. */
const narrow = 1;
const wide = 4;
/** What comes before a body: the frame's tag and length, the call, the body's tag and length. */
const narrowFrameBytes = 1 + narrow + 6 + 1 + narrow;
const wideFrameBytes = 1 + wide + 6 + 1 + wide;
/** The longest narrow body: a PING with a nonce of 53 bits. */
const narrowBodyBytesMax = 11;
const limitsBytesMax = 3 * 6 + 9;
const protocolBytesMax = 2 * 6;

const noBytes = Buffer.alloc(0) as RawBuffer;
const beyondLatin1 = /[\u0100-\uffff]/;

/**
 * Writes one `FrameBatch` after another. A method answers false, and writes nothing, when its frame does not fit in
 * this batch any more: `finish` it and say the frame again. It throws PROTOCOL, and writes nothing, for a frame that no
 * batch can carry, which is the caller's error.
 *
 * Memory: one buffer for the writer's life, as large as its largest batch was. A link has one batch on its way at a time,
 * so it can be written over: that is one large buffer less for each batch.
 */
export class BatchWriter implements FrameWriter {
  readonly #capacity: number;
  #buffer: RawBuffer = noBytes;
  /** Whole frames end here … */
  #end = 0;
  /** … and what was written of the frame at hand, here. */
  #at = 0;

  /** `capacity`: bytes of a whole batch, at most `batchBytesMax`. */
  constructor(capacity: number = batchBytesMax) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > batchBytesMax) {
      throw new TunnelError("PROTOCOL", `a batch has 1 to ${batchBytesMax} bytes, not ${capacity}`);
    }
    this.#capacity = capacity;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#end;
  }

  get empty(): boolean {
    return this.#end === 0;
  }

  /** The most bytes that a DATA frame of any call may have to fit in this batch. Integer in [0, dataFrameBytesMax]. */
  room(): number {
    const room = this.#capacity - this.#end - wideFrameBytes;
    return Math.max(0, Math.min(room, dataFrameBytesMax));
  }

  /** The batch, in the writer's own memory: it holds until the next frame is written. */
  finish(): Buffer {
    const batch = this.#buffer.subarray(0, this.#end);
    this.#end = 0;
    return batch;
  }

  /** Bytes `start` to `end` of `bytes`, copied. */
  data(call: number, bytes: Buffer, start = 0, end = bytes.length): boolean {
    const length = end - start;
    if (length > dataFrameBytesMax) throw tooLarge(`DATA of ${length} bytes`, dataFrameBytesMax);
    if (!(start >= 0 && length >= 0 && end <= bytes.length)) {
      throw new TunnelError("PROTOCOL", `DATA from ${start} to ${end} is not within its ${bytes.length} bytes`);
    }
    const frame = (call === 0 ? 0 : 1 + varintBytes(call)) + 1 + varintBytes(length) + length;
    if (!this.#fits(1 + varintBytes(frame) + frame, "DATA")) return false;
    this.#tag(framesField, wireType.bytes);
    this.#varint(frame);
    this.#uint(callField, call);
    this.#tag(Body.data, wireType.bytes);
    this.#varint(length);
    bytes.copy(this.#buffer, this.#at, start, end);
    this.#end = this.#at + length;
    return true;
  }

  open(call: number, open: Open): boolean {
    checkBlock("OPEN", open.method.length + open.target.length + open.preamble.length, open.headers);
    const body = this.#begin(call, Body.open, wide, openBytesMax(open), "OPEN");
    if (body < 0) return false;
    this.#uint(1, open.kind, CallKind.raw);
    this.#text(2, open.id);
    this.#text(3, open.listener);
    this.#uint(4, open.connection, Number.MAX_SAFE_INTEGER);
    this.#text(5, open.client);
    this.#text(6, open.local);
    this.#uint(7, open.deadlineMs);
    this.#text(8, open.tenant);
    this.#text(9, open.traceparent);
    this.#text(10, open.tracestate);
    this.#uint(11, open.secure ? 1 : 0);
    this.#text(12, open.serverName);
    if (open.method !== "") this.#latin1(13, open.method);
    if (open.target !== "") this.#latin1(14, open.target);
    this.#text(15, open.httpVersion);
    this.#list(16, open.headers);
    this.#bytes(17, open.preamble);
    this.#text(18, open.protocol);
    this.#text(19, open.alpn);
    this.#text(20, open.upgradeProtocol);
    return this.#commit(body, wide);
  }

  head(call: number, head: Head): boolean {
    checkBlock("HEAD", head.reason.length, head.headers);
    const bytesMax = 6 + latin1Bytes(head.reason) + listBytes(head.headers) + 2;
    const body = this.#begin(call, Body.head, wide, bytesMax, "HEAD");
    if (body < 0) return false;
    this.#uint(1, head.status);
    if (head.reason !== "") this.#latin1(2, head.reason);
    this.#list(3, head.headers);
    this.#uint(4, head.pin ? 1 : 0);
    return this.#commit(body, wide);
  }

  fin(call: number, trailers: readonly string[]): boolean {
    checkBlock("FIN", 0, trailers);
    const width = trailers.length === 0 ? narrow : wide;
    const body = this.#begin(call, Body.fin, width, listBytes(trailers), "FIN");
    if (body < 0) return false;
    this.#list(1, trailers);
    return this.#commit(body, width);
  }

  /** `message` is cut to `messageBytesMax` bytes, between characters. */
  reset(call: number, code: number, message: string, retryAfterMs = 0): boolean {
    const body = this.#begin(call, Body.reset, wide, 12 + textBytesMax(message, messageBytesMax), "RESET");
    if (body < 0) return false;
    this.#uint(1, code);
    this.#text(2, message, messageBytesMax);
    this.#uint(3, retryAfterMs);
    return this.#commit(body, wide);
  }

  credit(call: number, bytes: number): boolean {
    return this.#number(call, Body.credit, bytes, "CREDIT");
  }

  held(call: number, maxWaitMs: number, ready = false): boolean {
    const body = this.#begin(call, Body.held, narrow, narrowBodyBytesMax, "HELD");
    if (body < 0) return false;
    this.#uint(1, maxWaitMs);
    this.#uint(2, ready ? 1 : 0);
    return this.#commit(body, narrow);
  }

  commit(call: number): boolean {
    return this.#number(call, Body.commit, 0, "COMMIT");
  }

  taken(call: number, repeatable: boolean): boolean {
    return this.#number(call, Body.taken, repeatable ? 1 : 0, "TAKEN");
  }

  clientClosed(connection: number): boolean {
    return this.#number(0, Body.clientClosed, connection, "CLIENT_CLOSED", Number.MAX_SAFE_INTEGER);
  }

  linkHello(hello: LinkHello): boolean {
    const body = this.#begin(0, Body.linkHello, wide, linkHelloBytesMax(hello), "LINK_HELLO");
    if (body < 0) return false;
    const protocol = this.#enter(1);
    this.#uint(1, hello.protocol.major);
    this.#uint(2, hello.protocol.minor);
    this.#leave(protocol);
    this.#text(2, hello.tunnel);
    this.#text(3, hello.dmzInstanceId);
    this.#text(4, hello.dmzWorkerId);
    this.#text(5, hello.intranetInstanceId);
    this.#text(6, hello.intranetWorkerId);
    this.#text(7, hello.linkId);
    this.#uint(8, hello.order, Number.MAX_SAFE_INTEGER);
    this.#limits(9, hello.limits);
    return this.#commit(body, wide);
  }

  linkWelcome(limits: Limits): boolean {
    const body = this.#begin(0, Body.linkWelcome, wide, 2 + limitsBytesMax, "LINK_WELCOME");
    if (body < 0) return false;
    this.#limits(1, limits);
    return this.#commit(body, wide);
  }

  ping(nonce: number, ack: boolean): boolean {
    const body = this.#begin(0, Body.ping, narrow, narrowBodyBytesMax, "PING");
    if (body < 0) return false;
    this.#uint(1, nonce, Number.MAX_SAFE_INTEGER);
    this.#uint(2, ack ? 1 : 0);
    return this.#commit(body, narrow);
  }

  /** `message` is cut to `messageBytesMax` bytes, between characters. */
  goAway(goAway: GoAway): boolean {
    const bytesMax = 18 + textBytesMax(goAway.message, messageBytesMax);
    const body = this.#begin(0, Body.goAway, wide, bytesMax, "GOAWAY");
    if (body < 0) return false;
    this.#uint(1, goAway.lastCall);
    this.#uint(2, goAway.code);
    this.#text(3, goAway.message, messageBytesMax);
    this.#uint(4, goAway.retryAfterMs ?? 0);
    return this.#commit(body, wide);
  }

  /** Where the body starts, or -1 if the frame does not fit. Nothing counts as written before `#commit`. */
  #begin(call: number, field: number, width: number, bodyBytesMax: number, frame: string): number {
    const before = width === narrow ? narrowFrameBytes : wideFrameBytes;
    if (!this.#fits(before + bodyBytesMax, frame)) return -1;
    this.#tag(framesField, wireType.bytes);
    this.#at += width;
    this.#uint(callField, call);
    this.#tag(field, wireType.bytes);
    this.#at += width;
    return this.#at;
  }

  #commit(body: number, width: number): true {
    const frame = this.#end + 1 + width;
    this.#length(body, width);
    this.#length(frame, width);
    this.#end = this.#at;
    return true;
  }

  #fits(bytesMax: number, frame: string): boolean {
    if (bytesMax > this.#capacity) throw tooLarge(`${frame} of up to ${bytesMax} bytes`, this.#capacity);
    const needed = this.#end + bytesMax;
    if (needed > this.#capacity) return false;
    if (needed > this.#buffer.length) this.#grow(needed);
    this.#at = this.#end;
    return true;
  }

  #grow(neededBytes: number): void {
    let size = Math.max(Math.min(startBytes, this.#capacity), this.#buffer.length);
    while (size < neededBytes) size *= 2;
    const grown = Buffer.allocUnsafeSlow(Math.min(size, this.#capacity)) as RawBuffer;
    this.#buffer.copy(grown, 0, 0, this.#end);
    this.#buffer = grown;
  }

  /** A frame whose body is at most one number, in field 1. */
  #number(call: number, field: number, value: number, frame: string, max = uint32Max): boolean {
    const body = this.#begin(call, field, narrow, narrowBodyBytesMax, frame);
    if (body < 0) return false;
    this.#uint(1, value, max);
    return this.#commit(body, narrow);
  }

  #limits(field: number, limits: Limits): void {
    const body = this.#enter(field);
    this.#uint(1, limits.callsPerLink);
    this.#uint(2, limits.initialWindowBytes);
    this.#uint(3, limits.windowMaxBytes);
    this.#uint(4, limits.memoryBudgetBytes, Number.MAX_SAFE_INTEGER);
    this.#leave(body);
  }

  /** A message of under 128 bytes within the body. */
  #enter(field: number): number {
    this.#tag(field, wireType.bytes);
    this.#at += narrow;
    return this.#at;
  }

  #leave(start: number): void {
    this.#length(start, narrow);
  }

  #list(field: number, list: readonly string[]): void {
    for (let i = 0; i < list.length; i++) this.#latin1(field, list[i]!);
  }

  #latin1(field: number, text: string): void {
    // `latin1Write` would cut U+010A to a line feed: a header could smuggle in another.
    if (beyondLatin1.test(text)) {
      throw new TunnelError("PROTOCOL", `field ${field} has a character above U+00FF; give it as latin1, byte by byte`);
    }
    this.#tag(field, wireType.bytes);
    this.#varint(text.length);
    this.#at += this.#buffer.latin1Write(text, this.#at, text.length);
  }

  #text(field: number, text: string, bytesMax = uint32Max): void {
    if (text === "") return;
    this.#tag(field, wireType.bytes);
    // A UTF-16 unit is at most three bytes of UTF-8.
    const most = Math.min(text.length * 3, bytesMax);
    const width = most < 128 ? narrow : wide;
    const start = this.#at + width;
    this.#at = start + this.#buffer.utf8Write(text, start, most);
    this.#length(start, width);
  }

  #bytes(field: number, bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#tag(field, wireType.bytes);
    this.#varint(bytes.length);
    this.#at += bytes.copy(this.#buffer, this.#at);
  }

  #uint(field: number, value: number, max = uint32Max): void {
    if (value === 0) return;
    if (!(Number.isInteger(value) && value > 0 && value <= max)) {
      throw new TunnelError("PROTOCOL", `field ${field} is a whole number from 0 to ${max}, not ${value}`);
    }
    this.#tag(field, wireType.varint);
    this.#varint(value);
  }

  #tag(field: number, type: number): void {
    this.#varint((field << 3) | type);
  }

  #varint(value: number): void {
    const buffer = this.#buffer;
    let at = this.#at;
    let rest = value;
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 128)) buffer[at++] = (rest % 128) | 0x80;
    for (; rest > 0x7f; rest >>>= 7) buffer[at++] = rest | 0x80;
    buffer[at++] = rest;
    this.#at = at;
  }

  /** Fills in the length that was left open before `start`. */
  #length(start: number, width: number): void {
    const buffer = this.#buffer;
    const length = this.#at - start;
    if (width === narrow) {
      buffer[start - 1] = length;
      return;
    }
    buffer[start - 4] = length | 0x80;
    buffer[start - 3] = (length >>> 7) | 0x80;
    buffer[start - 2] = (length >>> 14) | 0x80;
    buffer[start - 1] = length >>> 21;
  }
}

function checkBlock(frame: string, otherBytes: number, list: readonly string[]): void {
  let bytes = otherBytes;
  for (let i = 0; i < list.length; i++) bytes += list[i]!.length;
  if (bytes > headBytesMax) throw tooLarge(`${frame} with a head of ${bytes} bytes`, headBytesMax);
  if (list.length % 2 === 1) throw new TunnelError("PROTOCOL", `${frame} has a header name without a value`);
}

function tooLarge(what: string, bytesMax: number): TunnelError {
  return new TunnelError("PROTOCOL", `${what} is over the limit of ${bytesMax}; check it before it is sent`);
}

function openBytesMax(open: Open): number {
  const numbers = 2 + 9 + 6 + 2;
  const names = textBytesMax(open.id) + textBytesMax(open.listener) + textBytesMax(open.tenant);
  const addresses = textBytesMax(open.client) + textBytesMax(open.local) + textBytesMax(open.serverName);
  const trace = textBytesMax(open.traceparent) + textBytesMax(open.tracestate);
  const line = latin1Bytes(open.method) + latin1Bytes(open.target) + textBytesMax(open.httpVersion);
  // Three tags of two bytes.
  const protocols = 3 + textBytesMax(open.protocol) + textBytesMax(open.alpn) + textBytesMax(open.upgradeProtocol);
  return numbers + names + addresses + trace + line + protocols + listBytes(open.headers) + 5 + open.preamble.length;
}

function linkHelloBytesMax(hello: LinkHello): number {
  const dmz = textBytesMax(hello.dmzInstanceId) + textBytesMax(hello.dmzWorkerId);
  const intranet = textBytesMax(hello.intranetInstanceId) + textBytesMax(hello.intranetWorkerId);
  const link = textBytesMax(hello.tunnel) + textBytesMax(hello.linkId) + 9;
  return 2 + protocolBytesMax + dmz + intranet + link + 2 + limitsBytesMax;
}

function textBytesMax(text: string, bytesMax = uint32Max): number {
  return 1 + wide + Math.min(text.length * 3, bytesMax);
}

/** With a tag of at most two bytes. */
function latin1Bytes(text: string): number {
  return 2 + varintBytes(text.length) + text.length;
}

function listBytes(list: readonly string[]): number {
  let bytes = 0;
  for (let i = 0; i < list.length; i++) bytes += latin1Bytes(list[i]!);
  return bytes;
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

import { framingFaults } from "./framing-fault.ts";
import { KnownEncoding, Mode, type RecordEvent, RecordType, recordLimits, type Side } from "./record.ts";

/**
 * - `version` … `encoding`: which record of the preamble is next;
 * - `upgrade`: an upgrade request or the preamble's end;
 * - `answer`: what the receiver says to that;
 * - `session`: envelopes, end, fault;
 * - `sized`, `chunkSize`, `chunk`, `envelopeEnd`: within an envelope;
 * - `stopped`: after an end, an upgrade, a fault, or what is no record; never left.
 */
type State =
  | ("version" | "mode" | "via" | "encoding" | "upgrade" | "answer" | "session")
  | ("sized" | "chunkSize" | "chunk" | "envelopeEnd" | "stopped");

/** Of a step: an event, or that there is none (yet). */
type Step = RecordEvent | "silent" | "more";

/**
 * Reads one direction of a net.tcp connection, in whatever pieces it comes: give it one with `push`, then ask `next` until it
 * says `undefined`. Between pieces it keeps at most one record that is no envelope, so at most `recordLimits.viaBytes` and
 * a few; envelopes go by as they come.
 *
 * After `end`, an upgrade, a fault and `malformed` it reads no further: what follows is another session's, not in records,
 * or in none that can be told. `readBytes` then says where it stopped.
 */
export class RecordReader {
  readonly #side: Side;
  #state: State;
  #piece: Buffer = noBytes;
  #at = 0;
  /** How many bytes of `#piece` had come with pieces before: the start of a record that broke off. */
  #keptBytes = 0;
  /** Of the envelope or its chunk: still to come. */
  #left = 0;
  /** Where the last size that was read ends. */
  #sizeEnd = 0;

  constructor(side: Side) {
    this.#side = side;
    this.#state = firstState(side);
  }

  push(piece: Buffer): void {
    const kept = this.#state === "stopped" ? noBytes : this.#piece.subarray(this.#at);
    this.#piece = kept.length === 0 ? piece : Buffer.concat([kept, piece]);
    this.#keptBytes = kept.length;
    this.#at = 0;
  }

  /** How many bytes of the last piece belong to what was told so far. */
  get readBytes(): number {
    return Math.max(0, this.#at - this.#keptBytes);
  }

  next(): RecordEvent | undefined {
    for (;;) {
      const step = this.#step();
      if (step === "more") return undefined;
      if (step !== "silent") return step;
    }
  }

  #step(): Step {
    if (this.#state === "envelopeEnd") return this.#enter("session", { t: "envelopeEnd" });
    if (this.#at >= this.#piece.length || this.#state === "stopped") return "more";
    switch (this.#state) {
      case "sized":
      case "chunk":
        return this.#payload();
      case "chunkSize":
        return this.#chunkSize();
      default:
        return this.#record(this.#piece[this.#at]!);
    }
  }

  #payload(): Step {
    const bytes = this.#piece.subarray(this.#at, Math.min(this.#at + this.#left, this.#piece.length));
    this.#at += bytes.length;
    this.#left -= bytes.length;
    if (this.#left === 0) this.#state = this.#state === "chunk" ? "chunkSize" : "envelopeEnd";
    return { t: "payload", bytes };
  }

  #chunkSize(): Step {
    const size = this.#size(this.#at);
    if (typeof size !== "number") return size;
    this.#at = this.#sizeEnd;
    this.#left = size;
    this.#state = size === 0 ? "envelopeEnd" : "chunk";
    return "silent";
  }

  #record(type: number): Step {
    switch (this.#state) {
      case "version":
        return type === RecordType.version ? this.#version() : this.#unexpected(type, "a version");
      case "mode":
        return type === RecordType.mode ? this.#mode() : this.#unexpected(type, "a mode");
      case "via":
        return type === RecordType.via ? this.#via() : this.#unexpected(type, "a via");
      case "encoding":
        return this.#encoding(type);
      case "upgrade":
        if (type === RecordType.upgradeRequest) return this.#upgradeRequest();
        if (type === RecordType.preambleEnd) return this.#flag("session", { t: "preambleEnd" });
        return this.#unexpected(type, "the preamble's end");
      case "answer":
        if (type === RecordType.preambleAck) return this.#flag("session", { t: "preambleAck" });
        if (type === RecordType.upgradeResponse) return this.#flag("stopped", { t: "upgradeResponse" });
        return type === RecordType.fault ? this.#fault() : this.#unexpected(type, "an answer to the preamble");
      default:
        return this.#ofSession(type);
    }
  }

  #ofSession(type: number): Step {
    switch (type) {
      case RecordType.sizedEnvelope:
        return this.#sizedEnvelope();
      case RecordType.unsizedEnvelope:
        return this.#flag("chunkSize", { t: "envelope", bytes: undefined });
      case RecordType.end:
        return this.#flag("stopped", { t: "end" });
      case RecordType.fault:
        return this.#fault();
      default:
        return this.#unexpected(type, "an envelope or an end");
    }
  }

  #version(): Step {
    if (this.#piece.length - this.#at < 3) return "more";
    const major = this.#piece[this.#at + 1]!;
    if (major !== 1) return this.#malformed(`has version ${major}, not 1`, framingFaults.unsupportedVersion);
    this.#at += 3;
    this.#state = "mode";
    return "silent";
  }

  #mode(): Step {
    if (this.#piece.length - this.#at < 2) return "more";
    const mode = this.#piece[this.#at + 1]!;
    // What a singleton of known size is made of ([MC-NMF], 2.2.3.2) does not go over connections.
    const isKnown = mode === Mode.singletonUnsized || mode === Mode.duplex || mode === Mode.simplex;
    if (!isKnown) return this.#malformed(`has the mode ${mode}`, framingFaults.unsupportedMode);
    this.#at += 2;
    return this.#enter("via", { t: "mode", mode });
  }

  #via(): Step {
    const text = this.#text("a via", recordLimits.viaBytes, framingFaults.viaTooLong);
    return typeof text === "string" ? this.#enter("encoding", { t: "via", via: text }) : text.step;
  }

  #encoding(type: number): Step {
    if (type === RecordType.extensibleEncoding) {
      const text = this.#text("a content type", recordLimits.contentTypeBytes, framingFaults.contentTypeTooLong);
      if (typeof text !== "string") return text.step;
      return this.#enter("upgrade", { t: "encoding", known: undefined, type: text });
    }
    if (type !== RecordType.knownEncoding) return this.#unexpected(type, "an encoding");
    if (this.#piece.length - this.#at < 2) return "more";
    const known = this.#piece[this.#at + 1]!;
    if (known > KnownEncoding.binarySession) {
      return this.#malformed(`has the encoding ${known}`, framingFaults.contentTypeInvalid);
    }
    this.#at += 2;
    return this.#enter("upgrade", { t: "encoding", known, type: "" });
  }

  #upgradeRequest(): Step {
    const text = this.#text("an upgrade", recordLimits.upgradeBytes, framingFaults.upgradeInvalid);
    return typeof text === "string" ? this.#enter("stopped", { t: "upgradeRequest", protocol: text }) : text.step;
  }

  #fault(): Step {
    const text = this.#text("a fault", recordLimits.faultBytes, undefined);
    return typeof text === "string" ? this.#enter("stopped", { t: "fault", fault: text }) : text.step;
  }

  #sizedEnvelope(): Step {
    const bytes = this.#size(this.#at + 1);
    if (typeof bytes !== "number") return bytes;
    this.#at = this.#sizeEnd;
    this.#left = bytes;
    return this.#enter(bytes === 0 ? "envelopeEnd" : "sized", { t: "envelope", bytes });
  }

  /** A record that is its type alone. */
  #flag(state: State, event: RecordEvent): Step {
    this.#at += 1;
    return this.#enter(state, event);
  }

  #enter(state: State, event: RecordEvent): Step {
    this.#state = state;
    return event;
  }

  /** A record that is a size and as many bytes of UTF-8. */
  #text(what: string, bytesMax: number, fault: string | undefined): string | { readonly step: Step } {
    const bytes = this.#size(this.#at + 1);
    if (typeof bytes !== "number") return { step: bytes };
    if (bytes > bytesMax) return { step: this.#malformed(`has ${what} of ${bytes} bytes, over ${bytesMax}`, fault) };
    const end = this.#sizeEnd + bytes;
    if (this.#piece.length < end) return { step: "more" };
    const text = decode(this.#piece.subarray(this.#sizeEnd, end));
    if (text === undefined) return { step: this.#malformed(`has ${what} that is not UTF-8`, undefined) };
    this.#at = end;
    return text;
  }

  /** The size at `start`, in as many bytes as WCF reads; `#sizeEnd` is then where it ends. */
  #size(start: number): number | "more" | RecordEvent {
    let size = 0;
    for (let index = 0; index < recordLimits.sizeBytes; index += 1) {
      const byte = this.#piece[start + index];
      if (byte === undefined) return "more";
      if (index === recordLimits.sizeBytes - 1 && byte > 0x07) break;
      size |= (byte & 0x7f) << (7 * index);
      if (byte >= 0x80) continue;
      this.#sizeEnd = start + index + 1;
      return size;
    }
    return this.#malformed("has a size of over 31 bits", undefined);
  }

  #unexpected(type: number, wanted: string): RecordEvent {
    return this.#malformed(`has a record of type ${type} where ${wanted} belongs`, undefined);
  }

  #malformed(what: string, fault: string | undefined): RecordEvent {
    this.#state = "stopped";
    return { t: "malformed", why: `the net.tcp ${this.#side} ${what}`, fault };
  }
}

function firstState(side: Side): State {
  return side === "initiator" ? "version" : "answer";
}

function decode(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const noBytes = Buffer.alloc(0);

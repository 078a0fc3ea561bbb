import { sizeBytes } from "./framing-fault.ts";
import { KnownEncoding, Mode, type RecordEvent, RecordType, recordLimits } from "./record.ts";
import { RecordReader } from "./record-reader.ts";

/** What a net.tcp client says before its first envelope: [MC-NMF], 2.2.3. */
export interface Preamble {
  /** One of `Mode`. */
  readonly mode: number;
  /** As sent: the URI of the endpoint that it wants to reach, which need not be what its messages' To says. */
  readonly via: string;
  /** One of `KnownEncoding`; `undefined`: `contentType` says it. */
  readonly encoding: number | undefined;
  readonly contentType: string;
  /** "application/ssl-tls", "application/negotiate" …: what it ends with instead of the preamble's end; "": none. */
  readonly upgrade: string;
}

export type PreambleReading =
  | { readonly t: "more" }
  /** It is the first `bytes` of them, with the preamble's end or the upgrade request. */
  | { readonly t: "read"; readonly preamble: Preamble; readonly bytes: number }
  | Extract<RecordEvent, { t: "malformed" }>;

const textBytesMax = recordLimits.viaBytes + recordLimits.contentTypeBytes + recordLimits.upgradeBytes;
/** The longest that is read: a version, a mode, and three records of a size and text. */
export const preambleBytesMax = 3 + 2 + 3 * (1 + recordLimits.sizeBytes) + textBytesMax;

/** Reads the preamble that these bytes begin with, all of them that have come so far. */
export function readPreamble(bytes: Buffer): PreambleReading {
  const reader = new RecordReader("initiator");
  let preamble: Preamble = { mode: 0, via: "", encoding: undefined, contentType: "", upgrade: "" };
  reader.push(bytes);
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (event.t === "malformed") return event;
    preamble = withRecord(preamble, event);
    const isWhole = event.t === "preambleEnd" || event.t === "upgradeRequest";
    if (isWhole) return { t: "read", preamble, bytes: reader.readBytes };
  }
  return { t: "more" };
}

function withRecord(preamble: Preamble, event: RecordEvent): Preamble {
  switch (event.t) {
    case "mode":
      return { ...preamble, mode: event.mode };
    case "via":
      return { ...preamble, via: event.via };
    case "encoding":
      return { ...preamble, encoding: event.known, contentType: event.type };
    case "upgradeRequest":
      return { ...preamble, upgrade: event.protocol };
    default:
      return preamble;
  }
}

/** As WCF's NetTcpBinding writes it: duplex, binary, without an upgrade. */
export function preambleOf(via: string): Buffer {
  const bytes = Buffer.from(via);
  return Buffer.concat([
    Buffer.from([RecordType.version, 1, 0, RecordType.mode, Mode.duplex, RecordType.via, ...sizeBytes(bytes.length)]),
    bytes,
    Buffer.from([RecordType.knownEncoding, KnownEncoding.binarySession, RecordType.preambleEnd]),
  ]);
}

/** Of bytes that are one preamble and nothing else; `undefined`: they are not. */
export function parsePreamble(bytes: Buffer): Preamble | undefined {
  const reading = readPreamble(bytes);
  return reading.t === "read" && reading.bytes === bytes.length ? reading.preamble : undefined;
}

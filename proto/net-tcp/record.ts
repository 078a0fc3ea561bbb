/** The records of [MC-NMF], .NET Message Framing, 2.2: what a net.tcp connection consists of. */

/** [MC-NMF], 2.2.2: the first byte of each record. */
export const RecordType = {
  version: 0x00,
  mode: 0x01,
  via: 0x02,
  knownEncoding: 0x03,
  extensibleEncoding: 0x04,
  unsizedEnvelope: 0x05,
  sizedEnvelope: 0x06,
  end: 0x07,
  fault: 0x08,
  upgradeRequest: 0x09,
  upgradeResponse: 0x0a,
  preambleAck: 0x0b,
  preambleEnd: 0x0c,
} as const;

/** [MC-NMF], 2.2.3.2. */
export const Mode = { singletonUnsized: 1, duplex: 2, simplex: 3, singletonSized: 4 } as const;

/** [MC-NMF], 2.2.3.4.1. */
export const KnownEncoding = {
  soap11Utf8: 0,
  soap11Utf16: 1,
  soap11Utf16Le: 2,
  soap12Utf8: 3,
  soap12Utf16: 4,
  soap12Utf16Le: 5,
  mtom: 6,
  /** [MC-NBFS] */
  binary: 7,
  /** [MC-NBFSE] */
  binarySession: 8,
} as const;

/** What is read at most; WCF's own, [MC-NMF] has none. */
export const recordLimits = {
  viaBytes: 2_048,
  contentTypeBytes: 256,
  upgradeBytes: 256,
  faultBytes: 256,
  /** Of a number: seven bits a byte, 31 in all. */
  sizeBytes: 5,
} as const;

/** Who sends the records: the initiator (client), or the receiver (service). */
export type Side = "initiator" | "receiver";

/** What a reader tells of a connection's one direction. Buffers are views of what came. */
export type RecordEvent =
  | { readonly t: "mode"; readonly mode: number }
  | { readonly t: "via"; readonly via: string }
  /** `type` of an extensible encoding; a known one has its number. */
  | { readonly t: "encoding"; readonly known: number | undefined; readonly type: string }
  | { readonly t: "upgradeRequest"; readonly protocol: string }
  | { readonly t: "upgradeResponse" }
  | { readonly t: "preambleEnd" }
  | { readonly t: "preambleAck" }
  /** `bytes` of a sized one. */
  | { readonly t: "envelope"; readonly bytes: number | undefined }
  /** A piece of the envelope; of an unsized one without what is between its chunks. */
  | { readonly t: "payload"; readonly bytes: Buffer }
  | { readonly t: "envelopeEnd" }
  | { readonly t: "fault"; readonly fault: string }
  | { readonly t: "end" }
  /** Nothing can be read any more. `fault`: what the other side may be told, where there is something. */
  | { readonly t: "malformed"; readonly why: string; readonly fault: string | undefined };

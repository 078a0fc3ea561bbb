import { sizeBytes } from "../framing-fault.ts";

/** Records by hand, for tests. */

export interface PreambleWanted {
  readonly via?: string;
  readonly mode?: number;
  readonly encoding?: number;
  /** Instead of the preamble's end. */
  readonly upgrade?: string;
}

/** As WCF's NetTcpBinding writes it. */
export function preamble({ via = "net.tcp://calc.example:808/calc", ...wanted }: PreambleWanted = {}): Buffer {
  const { mode = 2, encoding = 8, upgrade } = wanted;
  const end = upgrade === undefined ? Buffer.from([0x0c]) : text(0x09, upgrade);
  return Buffer.concat([Buffer.from([0, 1, 0, 1, mode]), text(0x02, via), Buffer.from([0x03, encoding]), end]);
}

/** A record that is a size and text. */
export function text(type: number, content: string): Buffer {
  return sized(type, Buffer.from(content));
}

export function envelope(bytes: Buffer | string): Buffer {
  return sized(0x06, Buffer.from(bytes as string));
}

/** An unsized envelope in these chunks, of one byte for each character. */
export function chunked(...chunks: string[]): Buffer {
  const written = chunks.map((chunk) => sized(undefined, Buffer.from(chunk, "latin1")));
  return Buffer.concat([Buffer.from([0x05]), ...written, Buffer.from([0])]);
}

export const end = Buffer.from([0x07]);
export const ack = Buffer.from([0x0b]);

function sized(type: number | undefined, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...(type === undefined ? [] : [type]), ...sizeBytes(bytes.length)]), bytes]);
}

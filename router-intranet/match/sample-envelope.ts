/** For tests: envelopes as clients send them. */

export const soap11 = "http://schemas.xmlsoap.org/soap/envelope/";
export const soap12 = "http://www.w3.org/2003/05/soap-envelope";
export const wsa = "http://www.w3.org/2005/08/addressing";
export const wsa2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing";

/** An envelope with these header blocks. */
export function sampleEnvelope(blocks: string, namespace = soap11, body = "<Add><a>2</a></Add>"): string {
  const header = `<s:Header>${blocks}</s:Header>`;
  return `<s:Envelope xmlns:s="${namespace}" xmlns:a="${wsa}">${header}<s:Body>${body}</s:Body></s:Envelope>`;
}

/** UTF-16, big-endian if asked for, with a byte order mark if asked for. */
export function utf16(text: string, { bigEndian = false, mark = false } = {}): Buffer {
  const bytes = Buffer.from(mark ? `\ufeff${text}` : text, "utf16le");
  return bigEndian ? bytes.swap16() : bytes;
}

export const boundary = "uuid:0ca0e16e-feb1-426c-97d8-c4508ada5e82+id=1";

/** A part of a multipart body: a head and its content. */
export interface SamplePart {
  readonly head: readonly string[];
  readonly content: string | Buffer;
}

export const xopHead = [
  "Content-ID: <root@tempuri.org>",
  "Content-Transfer-Encoding: 8bit",
  'Content-Type: application/xop+xml;charset=utf-8;type="application/soap+xml"',
];

export function multipart(parts: readonly SamplePart[], { preamble = "", lineEnd = "\r\n" } = {}): Buffer {
  const pieces = parts.flatMap(({ head, content }) => [
    Buffer.from(`${lineEnd}--${boundary}${lineEnd}${head.map((line) => line + lineEnd).join("")}${lineEnd}`),
    Buffer.from(content),
  ]);
  return Buffer.concat([Buffer.from(preamble), ...pieces, Buffer.from(`${lineEnd}--${boundary}--${lineEnd}`)]);
}

import type { ByteStream } from "./byte-stream.ts";

/** The reference: RFC 9112 read as strictly as it can be. Both the suite's client and its destination read with it. */

export type Header = readonly [name: string, value: string];

export interface Body {
  readonly body: string;
  readonly trailers: readonly Header[];
  readonly framing: "none" | "length" | "chunked" | "close";
}

/** Bytes that are no HTTP message. */
export class Malformed extends Error {}

/** Lines up to the empty one. */
export async function readHeaders(bytes: ByteStream): Promise<Header[]> {
  const headers: Header[] = [];
  for (;;) {
    const line = await bytes.line();
    if (line === "") return headers;
    const [, name, value] = headerLine.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Malformed(`no header: ${JSON.stringify(line)}`);
    headers.push([name, value]);
  }
}

const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;

export async function readChunks(bytes: ByteStream, onChunk: (data: string) => void): Promise<Header[]> {
  for (;;) {
    const line = await bytes.line();
    const [, hex] = chunkLine.exec(line) ?? [];
    if (hex === undefined) throw new Malformed(`no chunk size: ${JSON.stringify(line)}`);
    let left = Number.parseInt(hex, 16);
    if (!Number.isSafeInteger(left)) throw new Malformed(`a chunk of ${hex} bytes`);
    if (left === 0) return readHeaders(bytes);
    while (left > 0) {
      const data = await bytes.some(left);
      left -= data.length;
      onChunk(data);
    }
    if ((await bytes.take(2)) !== "\r\n") throw new Malformed("a chunk that is longer than its size");
  }
}

const chunkLine = /^([0-9A-Fa-f]+)(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/;

export function valuesOf(headers: readonly Header[], name: string): string[] {
  return headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

/** How many bytes follow the head; "chunked"; or undefined when nothing says so. */
export function framingOf(headers: readonly Header[]): number | "chunked" | undefined {
  const lengths = valuesOf(headers, "content-length");
  const codings = valuesOf(headers, "transfer-encoding");
  if (lengths.length + codings.length > 1) throw new Malformed("more than one length");
  const [length] = lengths;
  const [coding] = codings;
  if (coding !== undefined) {
    if (coding.toLowerCase() !== "chunked") throw new Malformed(`Transfer-Encoding ${coding}`);
    return "chunked";
  }
  if (length === undefined) return undefined;
  if (!/^\d+$/.test(length) || !Number.isSafeInteger(Number(length))) throw new Malformed(`Content-Length ${length}`);
  return Number(length);
}

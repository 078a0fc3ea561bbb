import type { Socket } from "node:net";

/** Stands for 100 where undici reads: no server sends it, and undici passes on every interim status but 100. */
const standIn = "199";

/**
 * Puts right what undici would read wrong in the first line of a response, before it reads it: it takes a 100 (Continue)
 * that nobody asked for as an error, though a client must be able to parse one (RFC 9110, 15.2), and it decodes the
 * reason phrase as UTF-8. For sockets on which a request is written at once, before any byte of its response can come.
 */
export function mendStatusLines(socket: Socket): void {
  new StatusLines(socket);
}

/** The status as the destination sent it. */
export function statusOf(status: number): number {
  return status === Number(standIn) ? 100 : status;
}

/** The bytes of a reason phrase, one char each; "?" for those that cannot be known, of a line that came in pieces. */
export function reasonOf(reason: string): string {
  return reason.replace(/[^\0-\xff]/g, "?");
}

class StatusLines {
  /** A request was written, and no final head has come since. */
  #expecting = false;

  constructor(socket: Socket) {
    const { read, write } = socket;
    socket.read = (size?: number): unknown => {
      const bytes: unknown = read.call(socket, size);
      return this.#expecting && Buffer.isBuffer(bytes) ? this.#mend(bytes) : bytes;
    };
    socket.write = ((...given: Parameters<Socket["write"]>) => {
      this.#expecting = true;
      return write.apply(socket, given);
    }) as Socket["write"];
  }

  /** Interim heads and the final one, as far as they came at once. A head that came in pieces is left as it is. */
  #mend(bytes: Buffer): Buffer {
    let mended = bytes;
    let start = 0;
    while (start < mended.length) {
      const lineEnd = mended.indexOf("\r\n", start);
      if (lineEnd === -1) break;
      const statusAt = start + versionBytes;
      const isInterim = mended[statusAt] === one;
      if (isInterim && mended[statusAt + 1] === zero && mended[statusAt + 2] === zero) mended.write(standIn, statusAt);
      if (hasHighByte(mended, start, lineEnd)) mended = asUtf8(mended, start, lineEnd);
      if (!isInterim) break;
      const headEnd = mended.indexOf("\r\n\r\n", start);
      if (headEnd === -1) break;
      start = headEnd + 4;
    }
    this.#expecting = start === mended.length;
    return mended;
  }
}

const versionBytes = "HTTP/1.1 ".length;
const zero = 0x30;
const one = 0x31;

function hasHighByte(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at]! > 0x7f) return true;
  return false;
}

/** Each byte of the line as the char that UTF-8 decodes to it. */
function asUtf8(bytes: Buffer, start: number, end: number): Buffer {
  const line = Buffer.from(bytes.toString("latin1", start, end), "utf8");
  return Buffer.concat([bytes.subarray(0, start), line, bytes.subarray(end)]);
}

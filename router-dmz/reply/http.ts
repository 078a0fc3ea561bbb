import type { IncomingMessage, ServerResponse } from "node:http";
import { TunnelError } from "@sallyport/proto/error";
import type { Head } from "@sallyport/proto/frame";
import type { FaultReply } from "./fault.ts";
import { interimHeaders, type ReplyBody, replyHead, replyTrailers } from "./head.ts";

/**
 * The response that one client gets. Parts are given in the order of docs/protocol.md, "Frames": interim heads, the head,
 * data, the end; or a fault instead of a head. What a client cannot take for whole is never ended: the methods throw
 * DESTINATION_FAILED, and the caller breaks the connection off.
 */
export class HttpReply {
  readonly #response: ServerResponse;
  readonly #method: string;
  readonly #http11: boolean;
  #body: ReplyBody | undefined;
  #status = 0;
  #bytes = 0;
  #flushed = false;
  #continued = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#response = response;
    this.#method = request.method ?? "";
    this.#http11 = request.httpVersion === "1.1";
    // Node would send chunks to an HTTP/1.0 client that has `TE: chunked`.
    if (!this.#http11) response.useChunkedEncodingByDefault = false;
  }

  /** 0 until the head was given. */
  get status(): number {
    return this.#status;
  }

  /** Of the body, as given so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Passes an interim head on, unless the client cannot take it: HTTP/1.0, or one that does not read. */
  interim(head: Head): void {
    if (!this.#http11 || this.#status !== 0) return;
    const isContinue = head.status === 100;
    // Interim heads have no credit: to a client that does not read only the first 100 goes, for which it may wait.
    if (isContinue ? this.#continued : this.#response.socket?.writableNeedDrain !== false) return;
    this.#continued ||= isContinue;
    const headers = interimHeaders(head.headers);
    try {
      // Node keeps the connection only when the 100 went by its own method.
      if (isContinue && headers.length === 0) this.#response.writeContinue();
      else this.#response.writeInformation(head.status, headers);
    } catch {
      // A name or value that HTTP does not allow. The final head will say more.
    }
  }

  head(head: Head): void {
    if (this.#status !== 0) throw failed("it has two final heads");
    const { headers, body } = replyHead(head, this.#method, this.#http11);
    this.#response.writeHead(head.status, head.reason, headers);
    this.#status = head.status;
    this.#body = body;
  }

  /** Sends a head that has had no data to go with. */
  flush(): void {
    if (this.#flushed || this.#response.writableEnded) return;
    this.#flushed = true;
    // `flushHeaders` would write the head as UTF-8 and so change its bytes over 127 (node 24); an empty write does not.
    this.#response.write(empty);
  }

  /** True: the bytes are out, or as good as out. False: they will be at the response's "drain". */
  data(bytes: Buffer): boolean {
    const body = this.#body;
    if (body === undefined) throw failed("its body comes before its head");
    if (body.t === "none") return true;
    this.#bytes += bytes.length;
    if (body.t === "length" && this.#bytes > body.bytes) throw failed("its body is longer than its Content-Length");
    this.#flushed = true;
    return this.#response.write(bytes);
  }

  end(trailers: readonly string[]): void {
    const body = this.#body;
    if (body === undefined) throw failed("it ends before its head");
    if (body.t === "length" && this.#bytes < body.bytes) throw failed("its body is shorter than its Content-Length");
    if (body.t === "chunked" && trailers.length > 0) this.#addTrailers(trailers);
    this.#response.end();
  }

  /** A whole response of our own. With `hold` it is complete for the client, but the connection waits for `release`. */
  fault(fault: FaultReply, options: { readonly close: boolean; readonly hold: boolean }): void {
    const response = this.#response;
    this.#status = fault.status;
    this.#bytes = fault.body.length;
    this.#flushed = true;
    response.sendDate = true;
    if (options.close) response.shouldKeepAlive = false;
    response.writeHead(fault.status, fault.headers);
    if (options.hold) response.write(fault.body);
    else response.end(fault.body);
  }

  release(): void {
    this.#response.end();
  }

  #addTrailers(trailers: readonly string[]): void {
    try {
      this.#response.addTrailers(replyTrailers(trailers));
    } catch (error) {
      throw failed("its trailers have bytes that HTTP does not allow", error);
    }
  }
}

const empty = Buffer.alloc(0);

function failed(why: string, cause?: unknown): TunnelError {
  return new TunnelError("DESTINATION_FAILED", `the destination's response cannot be passed on: ${why}`, cause);
}

import { connect, type Socket } from "node:net";

/** For tests: TCP clients that send and see every byte. */

/** Long enough for what was sent on loopback to be read: the event loop polls between two of these. */
export async function turns(count = 3): Promise<void> {
  for (let nth = 0; nth < count; nth++) await new Promise(setImmediate);
}

/** Waits for what a test can see to become true, without sleeping. */
export class Signal {
  #waiters: { until: () => boolean; resolve: () => void }[] = [];

  notify(): void {
    const ready = this.#waiters.filter(({ until }) => until());
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }

  until(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ until, resolve }));
  }
}

export interface RawResponse {
  readonly status: number;
  readonly reason: string;
  /** Names and values alternate. */
  readonly headers: string[];
  readonly body: string;
  readonly trailers: string;
}

/** A TCP client that sees every byte, as latin1. */
export class RawClient {
  readonly socket: Socket;
  readonly signal = new Signal();
  received = "";
  ended = false;
  closed = false;
  errorCode = "";

  static connect(port: number, options: { allowHalfOpen?: boolean } = {}): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", ...options }, () => resolve(new RawClient(socket)));
      socket.once("error", reject);
    });
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#saw(() => (this.received += bytes.toString("latin1"))));
    socket.on("end", () => this.#saw(() => (this.ended = true)));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#saw(() => (this.errorCode = error.code ?? "")));
    socket.on("close", () => this.#saw(() => (this.closed = true)));
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  until(until: () => boolean): Promise<void> {
    return this.signal.until(until);
  }

  /** The next response, taken from `received`. HEAD answers have no body whatever their headers say. */
  async response(method = "GET"): Promise<RawResponse> {
    let found: { response: RawResponse; length: number } | undefined;
    await this.until(() => {
      found = parseResponse(this.received, method, this.ended || this.closed);
      return found !== undefined || this.closed;
    });
    if (found === undefined) throw new Error(`no whole response: ${JSON.stringify(this.received)} ${this.errorCode}`);
    this.received = this.received.slice(found.length);
    return found.response;
  }

  #saw(change: () => void): void {
    change();
    this.signal.notify();
  }
}

function parseResponse(text: string, method: string, ended: boolean) {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [statusLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const headers = lines.flatMap((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]);
  const [, status = "", reason = ""] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(statusLine) ?? [];
  const head = { status: Number(status), reason, headers };
  const start = headEnd + 4;
  const value = (name: string) => headers.find((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === name);
  if (head.status < 200 || head.status === 204 || head.status === 304 || method === "HEAD") {
    return { response: { ...head, body: "", trailers: "" }, length: start };
  }
  const length = value("content-length");
  if (length !== undefined) {
    if (text.length < start + Number(length)) return undefined;
    const body = text.slice(start, start + Number(length));
    return { response: { ...head, body, trailers: "" }, length: start + Number(length) };
  }
  if (value("transfer-encoding") === "chunked") {
    const chunked = parseChunks(text, start);
    return chunked && { response: { ...head, body: chunked.body, trailers: chunked.trailers }, length: chunked.end };
  }
  return ended ? { response: { ...head, body: text.slice(start), trailers: "" }, length: text.length } : undefined;
}

function parseChunks(text: string, start: number) {
  let body = "";
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) {
      const end = text.indexOf("\r\n\r\n", lineEnd);
      return end === -1 ? undefined : { body, trailers: text.slice(lineEnd + 2, end), end: end + 4 };
    }
    if (text.length < lineEnd + 2 + size + 2) return undefined;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

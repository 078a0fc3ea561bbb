import { connect, type Socket } from "node:net";
import { ByteStream } from "./byte-stream.ts";
import { type Body, framingOf, type Header, Malformed, readChunks, readHeaders } from "./message.ts";

export interface Head {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
}

export interface Response extends Head, Body {
  /** Heads with a status of 1xx that came before. */
  readonly interim: readonly Head[];
}

/** A client that sends what it is told, byte for byte, and reads answers by the letter. */
export class Client {
  readonly socket: Socket;
  readonly bytes: ByteStream;

  static connect(port: number): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new Client(socket)));
    });
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    this.bytes = new ByteStream(socket);
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Resolves when the kernel has it. */
  sent(text: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(text, "latin1", () => resolve()));
  }

  /** Closes its sending side. */
  end(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  async head(): Promise<Head> {
    const line = await this.bytes.line();
    const [, version, status, reason] = statusLine.exec(line) ?? [];
    if (version === undefined) throw new Malformed(`no status line: ${JSON.stringify(line)}`);
    return { version, status: Number(status), reason: reason ?? "", headers: await readHeaders(this.bytes) };
  }

  /** The next one that is final, read to its end. */
  async response(method = "GET"): Promise<Response> {
    const interim: Head[] = [];
    for (;;) {
      const head = await this.head();
      if (head.status >= 200) return { ...head, ...(await this.#body(head, method)), interim };
      interim.push(head);
    }
  }

  async #body(head: Head, method: string): Promise<Body> {
    const nothing = { body: "", trailers: [] };
    if (method === "HEAD" || head.status === 204 || head.status === 304) return { ...nothing, framing: "none" };
    const framing = framingOf(head.headers);
    if (framing === "chunked") {
      let body = "";
      const trailers = await readChunks(this.bytes, (data) => (body += data));
      return { body, trailers, framing: "chunked" };
    }
    if (framing !== undefined) return { ...nothing, body: await this.bytes.take(framing), framing: "length" };
    const body = await this.bytes.rest();
    if (this.bytes.ending === "reset") throw new Malformed("the connection was reset in a body that its close ends");
    return { ...nothing, body, framing: "close" };
  }
}

const statusLine = /^HTTP\/(1\.[01]) (\d{3}) ([\t\x20-\x7e\x80-\xff]*)$/;

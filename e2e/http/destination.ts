import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ByteStream, Ended, type Ending } from "./byte-stream.ts";
import { framingOf, type Header, Malformed, readChunks, readHeaders, valuesOf } from "./message.ts";

/** What a check lets the destination do with a request whose head has arrived. */
export type Behaviour = (arrival: Arrival) => Promise<void> | void;

/** One request as it arrived. Its body grows while it is read. */
export class Arrival {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly Header[];
  /** Counts the connections of a destination. */
  readonly connection: number;
  body = "";
  trailers: readonly Header[] = [];
  complete = false;
  readonly #socket: Socket;
  readonly #bytes: ByteStream;
  #broken: Error | undefined;
  #waiting: (() => void)[] = [];

  constructor([method = "", target = "", version = ""]: readonly string[], headers: readonly Header[], from: From) {
    this.method = method;
    this.target = target;
    this.version = version;
    this.headers = headers;
    this.connection = from.connection;
    this.#socket = from.socket;
    this.#bytes = from.bytes;
  }

  /** Resolves when the request is whole; throws when it breaks off before. */
  whole(): Promise<void> {
    return this.until(() => this.complete);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#broken !== undefined) throw this.#broken;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Resolves when the other side has closed or reset the connection. */
  gone(): Promise<Ending> {
    return this.#bytes.ended();
  }

  send(text: string): void {
    this.#socket.write(text, "latin1");
  }

  close(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async read(length: number | "chunked"): Promise<void> {
    try {
      if (length === "chunked")
        this.trailers = checkTrailers(await readChunks(this.#bytes, (data) => this.#grow(data)));
      else while (this.body.length < length) this.#grow(await this.#bytes.some(length - this.body.length));
      this.complete = true;
    } catch (error) {
      this.#broken = error as Error;
      throw error;
    } finally {
      this.#grow("");
    }
  }

  #grow(data: string): void {
    this.body += data;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

interface From {
  readonly connection: number;
  readonly socket: Socket;
  readonly bytes: ByteStream;
}

export const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Takes the whole request and answers 200. */
export const answerOk: Behaviour = async (arrival) => {
  await arrival.whole();
  arrival.send(arrival.method === "HEAD" ? ok.slice(0, -2) : ok);
};

/** Where calls end: a server that reads by the letter, records what arrived and does what the check at hand says. */
export class Destination {
  /** Requests whose head has arrived since `begin`. */
  arrivals: Arrival[] = [];
  /** What arrived since `begin` and was no HTTP request. */
  malformed: string[] = [];
  /** Bytes that arrived since `begin`. */
  bytes = 0;
  #behaviour: Behaviour = answerOk;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;
  #waiting: (() => void)[] = [];

  constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.#serve(socket));
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  begin(behaviour: Behaviour = answerOk): void {
    this.arrivals = [];
    this.malformed = [];
    this.bytes = 0;
    this.#behaviour = behaviour;
  }

  /** The `nth` request since `begin`. */
  async arrival(nth = 0): Promise<Arrival> {
    while (this.arrivals[nth] === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.arrivals[nth];
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    const from = { connection: ++this.#connections, socket, bytes: new ByteStream(socket) };
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("data", (bytes) => (this.bytes += bytes.length));
    try {
      while (await this.#exchange(from));
      socket.end();
    } catch (error) {
      this.#onBroken(error, from);
    }
  }

  /** False: the connection is not to be used again. */
  async #exchange(from: From): Promise<boolean> {
    const { bytes } = from;
    await bytes.until(() => bytes.unread.length > 0);
    const [line, headers] = await readHead(bytes);
    const arrival = new Arrival(line, headers, from);
    const length = checkRequest(arrival);
    this.arrivals.push(arrival);
    for (const resolve of this.#waiting.splice(0)) resolve();
    // A behaviour that waits for a request which breaks off has nothing more to do.
    const behaving = Promise.resolve(this.#behaviour(arrival)).catch((error: unknown) => {
      if (!(error instanceof Ended || error instanceof Malformed)) this.malformed.push(String(error));
    });
    await arrival.read(length);
    await behaving;
    const options = valuesOf(headers, "connection").join(",").toLowerCase();
    return !options.includes("close") && (arrival.version === "HTTP/1.1" || options.includes("keep-alive"));
  }

  #onBroken(error: unknown, { bytes, socket }: From): void {
    if (error instanceof Ended && bytes.unread === "") {
      socket.end();
    } else if (error instanceof Malformed || error instanceof Ended) {
      this.malformed.push(error.message);
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    } else {
      socket.destroy(error as Error);
    }
  }
}

async function readHead(bytes: ByteStream): Promise<[string[], Header[]]> {
  const line = await bytes.line();
  // RFC 9112, 2.2: an empty line before a request is to be ignored.
  if (line === "") return readHead(bytes);
  const parts = requestLine.exec(line);
  if (parts === null) throw new Malformed(`no request line: ${JSON.stringify(line)}`);
  return [parts.slice(1), await readHeaders(bytes)];
}

const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21\x22\x24-\x7e]+) (HTTP\/1\.[01])$/;

function checkRequest({ method, headers, version, target }: Arrival): number | "chunked" {
  const hosts = valuesOf(headers, "host");
  const [host = ""] = hosts;
  if (hosts.length > 1 || (hosts.length === 0 && version === "HTTP/1.1")) throw new Malformed("not one Host");
  if (!/^(\[[\da-fA-F:]+\]|[\w.-]*)(:\d*)?$/.test(host)) throw new Malformed(`Host ${JSON.stringify(host)}`);
  const [, authority = host] = /^https?:\/\/([^/?]*)/.exec(target) ?? [];
  if (hosts.length === 1 && authority !== host) throw new Malformed("target and Host name different hosts");
  if (!/^(\/|https?:\/\/)/.test(target) && `${method} ${target}` !== "OPTIONS *")
    throw new Malformed(`target ${JSON.stringify(target)}`);
  const framing = framingOf(headers) ?? 0;
  if (framing === "chunked" && version === "HTTP/1.0") throw new Malformed("chunks in HTTP/1.0");
  return framing;
}

function checkTrailers(trailers: readonly Header[]): readonly Header[] {
  if (framingOf(trailers) !== undefined) throw new Malformed("trailers that frame");
  return trailers;
}

import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type InformationEvent,
} from "node:http";
import type { Socket } from "node:net";
import type { TunnelError } from "@sallyport/proto/error";
import type { Connect } from "./connect.ts";
import { type Exchange, type ExchangeRequest, type ResponseEvents, unknownLength } from "./destination.ts";
import { stopKeepingOn } from "./early-answer.ts";
import { type Phase, toTunnelError } from "./failure.ts";
import type { Slots } from "./slots.ts";
import { responseHeadBytesMax } from "./undici.ts";

export interface NodeHttpOptions {
  readonly connect: Connect;
  readonly connectionsMax: number;
  readonly keepAliveTimeoutMs: number;
  readonly slots: Slots;
}

/**
 * Carries what undici.ts does not. The head leaves at once, byte for byte as it came (but for the method, which Node
 * writes in capitals); body bytes count as sent once the kernel took them.
 */
export class NodeHttpDialler {
  readonly #agent: Agent;
  readonly #slots: Slots;

  constructor(options: NodeHttpOptions) {
    this.#slots = options.slots;
    this.#agent = createAgent(options);
  }

  /** The slot is taken; it is given back when the request is closed. */
  exchange(request: ExchangeRequest, events: ResponseEvents): Exchange {
    try {
      return new NodeHttpExchange(request, events, this.#agent, this.#slots);
    } catch (error) {
      this.#slots.give(request.origin);
      events.onResponseFailed(toTunnelError(request.route, "connecting", error));
      return nothing;
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** One agent for all origins, plain and TLS: the connections come from `connect`. */
function createAgent(options: NodeHttpOptions): Agent {
  const keepAlive = options.keepAliveTimeoutMs > 0;
  const agent = new Agent({
    keepAlive,
    maxFreeSockets: options.connectionsMax,
    ...(keepAlive ? { timeout: options.keepAliveTimeoutMs } : {}),
  });
  agent.getName = (request) => (request as OriginOptions).origin;
  agent.createConnection = (request, callback) => {
    const { protocol, hostname, port, host } = new URL((request as OriginOptions).origin);
    const bare = hostname.replace(/^\[|\]$/g, "");
    options.connect({ protocol, hostname: bare, port, host }, (error, socket) => {
      if (error) callback?.(error, undefined as never);
      else callback?.(null, socket);
    });
    return undefined;
  };
  return agent;
}

interface OriginOptions {
  readonly origin: string;
}

class NodeHttpExchange implements Exchange {
  readonly #exchange: ExchangeRequest;
  readonly #request: ClientRequest;
  readonly #slots: Slots;
  /** Sizes of the writes the kernel has not taken yet, in order. */
  readonly #unsent: number[] = [];
  /** Unset once nothing more may be told. */
  #events: ResponseEvents | undefined;
  #response: IncomingMessage | undefined;
  #phase: Phase = "connecting";
  #paused = false;
  #isUpgraded = false;

  constructor(exchange: ExchangeRequest, events: ResponseEvents, agent: Agent, slots: Slots) {
    this.#exchange = exchange;
    this.#events = events;
    this.#slots = slots;
    this.#request = httpRequest({ ...requestOptions(exchange), agent });
    // Node would drop every header after the thousandth; their bytes are bounded already.
    this.#request.maxHeadersCount = 0;
    this.#request
      .on("socket", this.#onConnected)
      .on("information", this.#onInterim)
      .on("response", this.#onResponse)
      .on("upgrade", this.#onUpgrade)
      .on("finish", this.#onFinish)
      .on("error", this.#onError)
      .on("close", this.#onClose)
      .flushHeaders();
  }

  write(bytes: Buffer): void {
    if (this.#events === undefined || bytes.length === 0) return;
    this.#unsent.push(bytes.length);
    this.#request.write(bytes, this.#onWritten);
  }

  end(trailers: readonly string[]): void {
    if (this.#events === undefined) return;
    try {
      if (trailers.length > 0 && this.#exchange.bodyBytes === unknownLength) this.#request.addTrailers(pairs(trailers));
      this.#request.end();
    } catch (error) {
      this.#onError(error);
    }
  }

  abort(error: TunnelError): void {
    this.#events = undefined;
    // While it connects, Node closes the request only once the attempt has ended: until then it counts.
    this.#request.destroy(error);
  }

  pause(): void {
    this.#paused = true;
    this.#response?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#response?.resume();
  }

  #onConnected = (): void => {
    this.#phase = "waiting";
  };

  #onWritten = (error?: Error | null): void => {
    const bytes = this.#unsent.shift() ?? 0;
    if (!error) this.#events?.onRequestBytesSent(bytes);
  };

  #onFinish = (): void => {
    this.#events?.onRequestSent();
  };

  #onInterim = (info: InformationEvent): void => {
    this.#events?.onResponseHead({
      status: info.statusCode,
      reason: info.statusMessage,
      headers: info.rawHeaders,
    });
  };

  #onResponse = (response: IncomingMessage): void => {
    this.#phase = "answering";
    this.#response = response;
    response.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onError);
    if (this.#paused) response.pause();
    const { statusCode, statusMessage, rawHeaders } = response;
    this.#events?.onResponseHead({ status: statusCode ?? 0, reason: statusMessage ?? "", headers: rawHeaders });
  };

  /** Its slot is given back when its socket closes. */
  #onUpgrade = (response: IncomingMessage, socket: Socket, early: Buffer): void => {
    const events = this.#events;
    if (events === undefined || this.#exchange.upgrade === undefined) {
      socket.destroy();
      return;
    }
    this.#events = undefined;
    this.#isUpgraded = true;
    socket.once("close", () => this.#slots.give(this.#exchange.origin));
    socket.pause();
    socket.allowHalfOpen = true;
    stopKeepingOn(socket);
    if (early.length > 0) socket.unshift(early);
    const { statusCode, statusMessage, rawHeaders } = response;
    events.onUpgraded({ status: statusCode ?? 0, reason: statusMessage ?? "", headers: rawHeaders }, socket);
  };

  #onData = (chunk: Buffer): void => {
    this.#events?.onResponseData(chunk);
  };

  #onEnd = (): void => {
    const events = this.#events;
    this.#events = undefined;
    events?.onResponseEnd(this.#response?.rawTrailers ?? []);
    // The answer came before the request was whole: nobody wants the rest, and nothing else may follow it.
    if (!this.#request.writableFinished) this.#request.destroy();
  };

  #onError = (error: unknown): void => {
    // The response is whole: bytes behind it, or the connection's end, do not take it back. Its end is still read.
    if (this.#response?.complete) return;
    const events = this.#events;
    this.#events = undefined;
    events?.onResponseFailed(toTunnelError(this.#exchange.route, this.#phase, error));
    this.#request.destroy();
  };

  #onClose = (): void => {
    if (this.#isUpgraded) return;
    this.#slots.give(this.#exchange.origin);
    // Node closes without an error when the destination switches protocols unasked.
    if (this.#events) this.#onError(Object.assign(new Error("closed"), { code: "CLOSED" }));
  };
}

function requestOptions(exchange: ExchangeRequest) {
  return {
    origin: exchange.origin,
    method: exchange.method,
    path: exchange.target,
    headers: framedHeaders(exchange),
    setHost: false,
    maxHeaderSize: responseHeadBytesMax,
    insecureHTTPParser: false,
  };
}

/**
 * Node writes a flat list as it is. But it would take a POST without a length for one in chunks, and it refuses
 * `Trailer` where no trailers can follow.
 */
function framedHeaders({ method, headers, bodyBytes, upgrade }: ExchangeRequest): string[] {
  if (upgrade !== undefined) return [...headers, "Connection", "Upgrade", "Upgrade", upgrade];
  if (bodyBytes === unknownLength) return [...headers, "Transfer-Encoding", "chunked"];
  const framed = headers.filter((_, i) => headers[i - (i % 2)]!.toLowerCase() !== "trailer");
  const hasLength = framed.some((name, i) => i % 2 === 0 && name.toLowerCase() === "content-length");
  if (!hasLength && !bodiless.has(method)) framed.push("Content-Length", "0");
  return framed;
}

/** The methods to which Node adds no framing by itself. */
const bodiless = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"]);

function pairs(trailers: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < trailers.length; i += 2) list.push([trailers[i]!, trailers[i + 1]!]);
  return list;
}

/** An exchange that failed before it began. */
const nothing: Exchange = { write() {}, end() {}, abort() {}, pause() {}, resume() {} };

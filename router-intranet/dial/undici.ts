import type { TunnelError } from "@sallyport/proto/error";
import { Agent, type Dispatcher } from "undici";
import type { Connect } from "./connect.ts";
import type { Exchange, ExchangeRequest, ResponseEvents } from "./destination.ts";
import { type Phase, toTunnelError } from "./failure.ts";
import type { Slots } from "./slots.ts";
import { mendStatusLines, reasonOf, statusOf } from "./status-line.ts";

export interface UndiciOptions {
  readonly connect: Connect;
  readonly connectionsMax: number;
  readonly keepAliveTimeoutMs: number;
  readonly slots: Slots;
}

/** Bytes of names and values in a response's head. Kerberos tokens and cookies are large; a HEAD frame bounds it too. */
export const responseHeadBytesMax = 112 * 1024;

/**
 * Carries requests whose body is whole or absent: the cheap way, and most calls. All others are node-http.ts's, because
 * undici
 * - sends no byte of the head before the first byte of a streamed body, so a destination could not answer early;
 * - knows neither `Expect` nor request trailers nor targets such as `*`;
 * - leaves `Content-Length: 0` out where the method expects no body;
 * - closes the connection after each HEAD.
 *
 * What the destination sees otherwise than the client sent it: `host` comes first and `content-length` last, both in
 * lower case; chunks become a Content-Length; a POST, PUT or PATCH without a body gets `content-length: 0`.
 *
 * No request is sent twice: with pipelining off undici repeats only what it has not written. A body counts as sent once
 * the socket has it, so up to `gatherBytesMax` of it may still wait in the socket's buffer.
 */
export class UndiciDialler {
  readonly #agent: Agent;
  readonly #slots: Slots;

  constructor(options: UndiciOptions) {
    this.#slots = options.slots;
    const { keepAliveTimeoutMs } = options;
    this.#agent = new Agent({
      connect: (target, callback) => {
        options.connect(target, (...result) => {
          if (result[1]) mendStatusLines(result[1]);
          callback(...result);
        });
      },
      connections: options.connectionsMax,
      allowH2: false,
      // 0: a connection for each request.
      pipelining: keepAliveTimeoutMs > 0 ? 1 : 0,
      keepAliveTimeout: Math.max(1, keepAliveTimeoutMs),
      // A destination may ask for less, never for more.
      keepAliveMaxTimeout: Math.max(1, keepAliveTimeoutMs),
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: responseHeadBytesMax,
      strictContentLength: true,
    });
  }

  carries(request: ExchangeRequest): boolean {
    if (request.method === "HEAD") return false;
    if (!request.target.startsWith("/") && !/^https?:\/\//.test(request.target)) return false;
    const expectsBody = request.method === "POST" || request.method === "PUT" || request.method === "PATCH";
    for (let i = 0; i < request.headers.length; i += 2) {
      const name = request.headers[i]!;
      if (name.length === 6 && name.toLowerCase() === "expect") return false;
      if (expectsBody || request.bodyBytes !== 0) continue;
      if (name.length === 14 && name.toLowerCase() === "content-length") return false;
    }
    return true;
  }

  /** The slot is taken; it is given back when undici has let go of the request. */
  exchange(request: ExchangeRequest, body: Buffer | null, events: ResponseEvents): Exchange {
    const exchange = new UndiciExchange(request, events, this.#settle);
    const dispatch = {
      origin: request.origin,
      path: request.target,
      method: request.method,
      headers: request.headers as string[],
      body,
      // undici would open another connection for each Host that clients send; connect.ts knows the name to use.
      servername: "destination",
    };
    this.#agent.dispatch(dispatch, exchange);
    return exchange;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  #settle = (origin: string): void => {
    this.#slots.give(origin);
  };
}

class UndiciExchange implements Exchange, Dispatcher.DispatchHandler {
  readonly #request: ExchangeRequest;
  readonly #settle: (origin: string) => void;
  /** Unset once nothing more may be told. */
  #events: ResponseEvents | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted: TunnelError | undefined;
  #phase: Phase | "settled" = "connecting";
  #paused = false;

  constructor(request: ExchangeRequest, events: ResponseEvents, settle: (origin: string) => void) {
    this.#request = request;
    this.#events = events;
    this.#settle = settle;
  }

  // The body was given whole.
  write(): void {}
  end(): void {}

  abort(error: TunnelError): void {
    this.#events = undefined;
    this.#aborted = error;
    if (this.#phase !== "settled") this.#controller?.abort(error);
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  /** undici's parser must not be entered from within itself, whosever connection it is at: hence the microtask. */
  resume(): void {
    this.#paused = false;
    queueMicrotask(this.#resumeNow);
  }

  #resumeNow = (): void => {
    if (!this.#paused && this.#phase === "answering") this.#controller?.resume();
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(this.#aborted);
    else this.#phase = "waiting";
  }

  onBodySent(chunk: Buffer): void {
    this.#events?.onRequestBytesSent(chunk.length);
  }

  onRequestSent(): void {
    this.#events?.onRequestSent();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _: unknown, reason = ""): void {
    if (status >= 200) this.#phase = "answering";
    const head = { status: statusOf(status), reason: reasonOf(reason), headers: textOf(controller.rawHeaders) };
    // They are views of what the socket read, 64 KiB that would be kept until the response is whole.
    controller.rawHeaders = null;
    this.#events?.onResponseHead(head);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#events?.onResponseData(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const events = this.#letGo();
    events?.onResponseEnd(textOf(controller.rawTrailers));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#phase === "settled") return;
    const phase = this.#phase;
    const events = this.#letGo();
    events?.onResponseFailed(toTunnelError(this.#request.route, phase, error));
  }

  #letGo(): ResponseEvents | undefined {
    const events = this.#events;
    this.#events = undefined;
    this.#phase = "settled";
    this.#settle(this.#request.origin);
    return events;
  }
}

type RawHeaders = Dispatcher.DispatchController["rawHeaders"];

function textOf(raw: RawHeaders): string[] {
  if (!Array.isArray(raw)) return [];
  const texts = new Array<string>(raw.length);
  for (let i = 0; i < raw.length; i++) {
    const item = raw[i]!;
    texts[i] = typeof item === "string" ? item : item.toString("latin1");
  }
  return texts;
}

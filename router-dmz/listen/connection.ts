import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "@sallyport/tunnel/clock";
import { endpoint, plainAddress } from "../endpoint.ts";
import { Exchange } from "./exchange.ts";
import { faultOf, type Refusal, refusalBytes, refusalOf } from "./refusal.ts";

/** Requests that may wait behind an unanswered one. More are a flood: the connection is broken off. */
export const pipelinedMax = 64;

/** How long a refused client may take to read why, before the connection is closed under it. RFC 9112, 9.6. */
export const lingerMs = 2_000;

export interface ConnectionOwner {
  readonly listener: string;
  readonly clock: Clock;
  /** Whether responses announce that the connection closes. */
  readonly draining: boolean;
  onExchange(exchange: Exchange): void;
  onRefused(connection: ClientConnection, refusal: Refusal): void;
}

/**
 * One client's TCP connection. Its requests are handed on one at a time, each when the response before it is out: what
 * follows a request that is not safe may not be acted upon sooner (RFC 9112, 9.3.2), and nothing waits in memory.
 */
export class ClientConnection {
  /** Unique in this process, and growing. */
  readonly id: number;
  readonly socket: Socket;
  readonly listener: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly local: string;
  readonly #owner: ConnectionOwner;
  /** Unanswered exchanges; it is the first one's turn. */
  #owed: Exchange[] = [];
  /** The last one to arrive, until it is out both ways: then an idle connection keeps nothing of it in memory. */
  #newest: Exchange | undefined;
  #served = false;
  #refusal: Refusal | undefined;

  constructor(id: number, socket: Socket, owner: ConnectionOwner) {
    this.id = id;
    this.socket = socket;
    this.listener = owner.listener;
    this.clientAddress = plainAddress(socket.remoteAddress);
    this.clientPort = socket.remotePort ?? 0;
    this.local = endpoint(plainAddress(socket.localAddress), socket.localPort ?? 0);
    this.#owner = owner;
    socket.on("end", this.#onEnd);
  }

  /** Owes nothing, and has served before: a new connection's first request may be on its way. */
  get idle(): boolean {
    return this.#served && this.#owed.length === 0 && this.#refusal === undefined && !this.#unread;
  }

  /** The newest request is not whole. */
  get #unread(): boolean {
    return this.#newest?.request.complete === false;
  }

  /** Requests wait behind the one whose turn it is. */
  get owesMore(): boolean {
    return this.#owed.length > 1;
  }

  arrived(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    // Behind an answer that closes the connection nothing is taken up.
    if (this.#refusal !== undefined || !this.socket.writable) return;
    if (this.#owed.length > pipelinedMax) {
      this.#breakOff({ status: 0, detail: `more than ${pipelinedMax} requests waited on the connection` });
      return;
    }
    const exchange = new Exchange(request, response, this, expectsContinue);
    response.sendDate = false;
    if (this.#owner.draining) response.shouldKeepAlive = false;
    response.on("close", this.#onResponseClose);
    this.#newest = exchange;
    this.#owed.push(exchange);
    if (this.#owed.length === 1) this.#owner.onExchange(exchange);
  }

  /**
   * A request to switch protocols, after which node serves this connection no more: its answer is the last, or bytes
   * follow it.
   */
  asksToUpgrade(request: IncomingMessage, early: Buffer): void {
    if (this.#refusal !== undefined || !this.socket.writable) return;
    if (this.#owed.length > 0) {
      this.#breakOff({ status: 0, detail: "it asked to switch protocols before its earlier requests were answered" });
      return;
    }
    const { socket } = this;
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    response.sendDate = false;
    response.shouldKeepAlive = false;
    response.once("finish", () => socket.destroySoon());
    if (early.length > 0) socket.unshift(early);
    const exchange = new Exchange(request, response, this, false, true);
    this.#owed.push(exchange);
    this.#owner.onExchange(exchange);
  }

  /** The parser's or the socket's error. */
  broken(error: NodeJS.ErrnoException): void {
    // What follows a request with `Connection: close` is to be ignored: RFC 9112, 9.6.
    if (error.code === "HPE_CLOSED_CONNECTION" || this.#refusal !== undefined) return;
    const refusal = refusalOf(error);
    const newest = this.#newest;
    if (refusal === undefined) this.socket.destroy();
    else if (newest === undefined || !this.#unread) this.#refuse(refusal);
    else if (this.#owed.includes(newest)) newest.fail(faultOf(error));
    else this.socket.destroy();
  }

  /** CONNECT: node no longer serves this connection, so what it still owes cannot be finished. */
  asksToConnect(): void {
    const detail = "this listener is no proxy: it does not CONNECT";
    if (this.#owed.length === 0) this.#refuse({ status: 501, detail });
    else this.#breakOff({ status: 0, detail });
  }

  /** Responses whose head is not out yet say `Connection: close`; a connection that owes nothing is closed. */
  announceDrain(): void {
    for (const { response } of this.#owed) if (!response.headersSent) response.shouldKeepAlive = false;
  }

  drain(): void {
    this.announceDrain();
    if (this.idle) this.socket.destroySoon();
  }

  /** At once. A response that is not out yet is seen to be broken (RST), never taken for whole. */
  close(): void {
    if (this.#owed.length > 0) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  readonly #onResponseClose = (): void => {
    // The relay gives its place back before the next one asks for one.
    this.#owed[0]?.onResponseClose();
    this.#answered();
  };

  /** One listener for all exchanges: to add and to remove one costs each call as much as its routing. */
  readonly #onEnd = (): void => {
    for (const exchange of [...this.#owed]) exchange.onClientEnd();
    if (this.#newest && !this.#owed.includes(this.#newest)) this.#newest.onClientEnd();
  };

  #answered(): void {
    this.#owed.shift();
    this.#served = true;
    if (this.#owed.length === 0 && !this.#unread) this.#newest = undefined;
    if (!this.socket.writable) return;
    const next = this.#owed[0];
    if (next !== undefined) this.#owner.onExchange(next);
    else if (this.#refusal !== undefined) this.#sendRefusal(this.#refusal);
    else if (this.#owner.draining && this.idle) this.socket.destroySoon();
  }

  /** Answers what cannot be an exchange, once all that is owed before it is out; then closes. */
  #refuse(refusal: Refusal): void {
    this.#refusal = refusal;
    this.#owner.onRefused(this, refusal);
    if (this.#owed.length === 0) this.#sendRefusal(refusal);
  }

  #breakOff(refusal: Refusal): void {
    this.#refusal = refusal;
    this.#owner.onRefused(this, refusal);
    this.socket.resetAndDestroy();
  }

  #sendRefusal(refusal: Refusal): void {
    const { socket } = this;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(refusalBytes(refusal, new Date()));
    // Closing over unread bytes is a reset, which may overtake the answer: read on until the client has closed.
    socket.resume();
    const cancel = this.#owner.clock.after(lingerMs, () => socket.destroy());
    socket.once("end", () => socket.destroy());
    socket.once("close", cancel);
  }
}

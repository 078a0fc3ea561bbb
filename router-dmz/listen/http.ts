import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { DmzConfig } from "@sallyport/proto/router-config";
import type { Clock } from "@sallyport/tunnel/clock";
import { ClientConnection, type ConnectionOwner } from "./connection.ts";
import type { Exchange } from "./exchange.ts";
import { backlog, bindError, type ClientListener, type ListenerStats } from "./listener.ts";
import type { Refusal } from "./refusal.ts";

export interface HttpListenerOptions {
  readonly listener: Pick<DmzConfig["listeners"][number], "name" | "address" | "port">;
  readonly http: DmzConfig["http"];
  readonly clock: Clock;
  /** The next number of a client connection; one sequence for all listeners of the process. */
  readonly nextConnection: () => number;
  /** Each request, when its response's turn has come. */
  readonly onExchange: (exchange: Exchange) => void;
  /** Bytes that were no request and were answered so. */
  readonly onRefused?: (connection: ClientConnection, refusal: Refusal) => void;
}

/** A listener for HTTP/1.1 and HTTP/1.0. Parsing is node's; the manners are ours. */
export class HttpListener implements ClientListener, ConnectionOwner {
  readonly listener: string;
  readonly clock: Clock;
  readonly #options: HttpListenerOptions;
  readonly #server: Server;
  readonly #connections = new Map<Socket, ClientConnection>();
  #draining = false;
  #finished: Promise<void> | undefined;
  #exchanges = 0;
  #refused = 0;
  #dropped = 0;

  constructor(options: HttpListenerOptions) {
    this.listener = options.listener.name;
    this.clock = options.clock;
    this.#options = options;
    this.#server = createServer(serverOptions(options.http));
    this.#server.maxConnections = options.http.connectionsMax;
    // 0: all of them. Node would drop what is beyond its limit unseen, a Content-Length perhaps.
    this.#server.maxHeadersCount = 0;
    keepHalfClosedRequests(this.#server);
    this.#subscribe(this.#server);
  }

  /** Resolves with the address and port bound. Throws INTERNAL that names listener, address, port and the mend. */
  listen(): Promise<{ readonly address: string; readonly port: number }> {
    const { address, port } = this.#options.listener;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => reject(bindError(this.#options.listener, error));
      this.#server.once("error", onError);
      this.#server.listen({ host: address, port, backlog }, () => {
        this.#server.off("error", onError);
        const bound = this.#server.address() as AddressInfo;
        resolve({ address: bound.address, port: bound.port });
      });
    });
  }

  get draining(): boolean {
    return this.#draining;
  }

  get stats(): ListenerStats {
    const { size: connections } = this.#connections;
    return { connections, exchanges: this.#exchanges, refused: this.#refused, dropped: this.#dropped };
  }

  /** From here on responses say `Connection: close`; connections that wait for a next request are closed. */
  drain(): void {
    this.announceDrain();
    for (const connection of this.#connections.values()) connection.drain();
  }

  /**
   * Responses say `Connection: close`, but connections that wait are left: a load balancer that has not noticed yet may be
   * sending on one of them.
   */
  announceDrain(): void {
    this.#draining = true;
    for (const connection of this.#connections.values()) connection.announceDrain();
  }

  /** Drains and stops to accept. Resolves when the last connection has ended. */
  finish(): Promise<void> {
    this.drain();
    this.#finished ??= this.#stopAccepting();
    return this.#finished;
  }

  /** Stops to accept and breaks off what still runs. */
  async close(): Promise<void> {
    const finished = this.finish();
    for (const connection of this.#connections.values()) connection.close();
    await finished;
  }

  onExchange(exchange: Exchange): void {
    this.#exchanges++;
    this.#options.onExchange(exchange);
  }

  onRefused(connection: ClientConnection, refusal: Refusal): void {
    this.#refused++;
    this.#options.onRefused?.(connection, refusal);
  }

  #subscribe(server: Server): void {
    server.on("connection", (socket: Socket) => this.#onConnection(socket));
    server.on("request", (request, response) => this.#onRequest(request, response, false));
    // Expect goes from end to end: the interim answers are the destination's.
    server.on("checkContinue", (request, response) => this.#onRequest(request, response, true));
    server.on("checkExpectation", (request, response) => this.#onRequest(request, response, false));
    server.on("clientError", (error, socket) => this.#connections.get(socket as Socket)?.broken(error));
    server.on("connect", (_request, socket) => this.#connections.get(socket as Socket)?.asksToConnect());
    server.on("upgrade", (request, socket, early) =>
      this.#connections.get(socket as Socket)?.asksToUpgrade(request, early),
    );
    server.on("drop", () => this.#dropped++);
    // Out of file descriptors: the next accept may succeed. Unheard it would end the process.
    server.on("error", () => this.#dropped++);
  }

  #onConnection(socket: Socket): void {
    // After CONNECT node no longer listens to errors.
    socket.on("error", ignore);
    socket.once("close", () => this.#connections.delete(socket));
    this.#connections.set(socket, new ClientConnection(this.#options.nextConnection(), socket, this));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    this.#connections.get(request.socket)?.arrived(request, response, expectsContinue);
  }

  async #stopAccepting(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.once("close", () => resolve()));
    // Server.close of node:http would destroy connections whose last response is still on its way to a slow reader, and
    // stop to watch headersTimeout.
    NetServer.prototype.close.call(this.#server);
    await closed;
    this.#server.close();
  }
}

function ignore(): void {}

function serverOptions(http: DmzConfig["http"]): Parameters<typeof createServer>[0] {
  return {
    maxHeaderSize: http.headerBytesMax,
    headersTimeout: http.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, Math.ceil(http.headersTimeoutMs / 4)),
    // Streams may be long; the relay watches how long a body is idle.
    requestTimeout: 0,
    keepAliveTimeout: http.keepAliveTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    noDelay: true,
    insecureHTTPParser: false,
    // Missing and doubled ones are refused in key/, with a call id and in the access log.
    requireHostHeader: false,
    // A request without a body has no stream of it to be read.
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: isUpgrade,
  };
}

/**
 * An offer may be ignored (RFC 9110, 7.8), and these are: HTTP/2, which Java's clients offer on POSTs, and whatever comes
 * with a body, which node would take for bytes of the new protocol.
 */
function isUpgrade({ headers, httpVersion }: IncomingMessage): boolean {
  const isOfHttp = /(?:^|,)\s*(?:h2c|http\/|tls\/)/i.test(headers.upgrade ?? "");
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
  return httpVersion === "1.1" && !isOfHttp && !hasBody;
}

/** Without this node drops the request of a client that closes its sending side. It has no option of createServer. */
function keepHalfClosedRequests(server: Server & { httpAllowHalfOpen?: boolean }): void {
  server.httpAllowHalfOpen = true;
}

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { networkTest } from "@sallyport/proto/proxy-protocol";
import type { Clock } from "@sallyport/tunnel/clock";
import { endpoint, plainAddress } from "../endpoint.ts";
import type { PreambleReader, ProxyHeader } from "../preamble.ts";
import { farewell } from "./farewell.ts";
import { backlog, bindError, type ClientListener, type ListenerConfig, type ListenerStats } from "./listener.ts";
import { awaitPreamble, type PreambleOutcome } from "./preamble-wait.ts";

export interface StreamListenerOptions<Value> {
  readonly listener: ListenerConfig;
  readonly connectionsMax: number;
  readonly preambleTimeoutMs: number;
  readonly clock: Clock;
  /** The next number of a client connection; one sequence for all listeners of the process. */
  readonly nextConnection: () => number;
  /** What stands before all else on connections from the listener's `proxyProtocol.trustedAddresses`. */
  readonly proxyHeader: PreambleReader<ProxyHeader>;
  /** What stands before a call's bytes; undefined: nothing, the call begins at once. */
  readonly preamble?: PreambleReader<Value> | undefined;
  /** Each connection that has said where it belongs. Its socket is paused. */
  readonly onStream: (stream: ClientStream<Value>) => void;
  /** Connections that began with something else, and were broken off. */
  readonly onRefused?: (refusal: StreamRefusal) => void;
}

/** One client's connection on a listener for byte streams. */
export interface ClientStream<Value> {
  readonly id: number;
  readonly listener: string;
  readonly protocol: string;
  readonly socket: Socket;
  /** Of the client that is meant: what a load balancer's PROXY header says goes before the connection's own. */
  readonly clientAddress: string;
  readonly clientPort: number;
  /** "address:port" that the client connected to. */
  readonly local: string;
  readonly preamble: PreambleRead<Value> | undefined;
}

export interface PreambleRead<Value> {
  readonly bytes: Buffer;
  readonly value: Value;
}

export interface StreamRefusal {
  readonly connection: number;
  readonly client: string;
  readonly detail: string;
}

type Origin = Pick<ClientStream<unknown>, "clientAddress" | "clientPort" | "local">;

/** Between two probes of a silent connection's other end. */
const keepAliveMs = 30_000;

/** A listener for TCP connections that carry anything. Reads only what tells where a connection belongs. */
export class StreamListener<Value> implements ClientListener {
  readonly listener: string;
  readonly #options: StreamListenerOptions<Value>;
  readonly #server: Server;
  readonly #isTrusted: (address: string) => boolean;
  readonly #connections = new Set<Socket>();
  /** Of `#connections`: their last call is over, and of another one nothing has come. */
  readonly #betweenCalls = new Set<Socket>();
  #draining = false;
  #finished: Promise<void> | undefined;
  #exchanges = 0;
  #refused = 0;
  #dropped = 0;

  constructor(options: StreamListenerOptions<Value>) {
    this.listener = options.listener.name;
    this.#options = options;
    this.#isTrusted = networkTest(options.listener.proxyProtocol?.trustedAddresses ?? []);
    this.#server = createServer({
      ...{ allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      ...{ keepAlive: true, keepAliveInitialDelay: keepAliveMs },
    });
    this.#server.maxConnections = options.connectionsMax;
    this.#server.on("connection", (socket: Socket) => this.#onConnection(socket));
    this.#server.on("drop", () => this.#dropped++);
  }

  listen(): Promise<{ readonly address: string; readonly port: number }> {
    const { address, port } = this.#options.listener;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => reject(bindError(this.#options.listener, error));
      this.#server.once("error", onError);
      this.#server.listen({ host: address, port, backlog }, () => {
        this.#server.off("error", onError);
        // Out of file descriptors: the next accept may succeed. Unheard it would end the process.
        this.#server.on("error", () => this.#dropped++);
        const bound = this.#server.address() as AddressInfo;
        resolve({ address: bound.address, port: bound.port });
      });
    });
  }

  get stats(): ListenerStats {
    const { size: connections } = this.#connections;
    return { connections, exchanges: this.#exchanges, refused: this.#refused, dropped: this.#dropped };
  }

  /** Bytes have no words for it; a connection between two calls can be closed without any. */
  announceDrain(): void {
    this.#draining = true;
    for (const socket of this.#betweenCalls) socket.destroy();
  }

  /**
   * Takes another call on a connection whose last one is over, for protocols where that can be told. Its preamble may be
   * `idleMs` in coming, 0: for ever.
   */
  next({ socket, id, ...stream }: ClientStream<Value>, idleMs: number): void {
    const { preamble, clock, preambleTimeoutMs: limitMs } = this.#options;
    if (preamble === undefined || this.#draining || socket.readableEnded) return socket.destroySoon();
    this.#betweenCalls.add(socket);
    const stopWaiting = () => this.#betweenCalls.delete(socket);
    socket.once("data", stopWaiting).once("close", stopWaiting);
    awaitPreamble(socket, preamble, { clock, limitMs, idleMs }, (outcome) => {
      socket.off("data", stopWaiting).off("close", stopWaiting);
      stopWaiting();
      if (outcome.t === "read") this.#handOn(socket, id, stream, outcome);
      else this.#refuse(socket, id, stream, outcome);
    });
  }

  finish(): Promise<void> {
    this.#finished ??= new Promise((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
    return this.#finished;
  }

  async close(): Promise<void> {
    const finished = this.finish();
    for (const socket of this.#connections) socket.resetAndDestroy();
    await finished;
  }

  #onConnection(socket: Socket): void {
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
    socket.on("error", ignore);
    const id = this.#options.nextConnection();
    const peer = plainAddress(socket.remoteAddress);
    const own: Origin = {
      ...{ clientAddress: peer, clientPort: socket.remotePort ?? 0 },
      local: endpoint(plainAddress(socket.localAddress), socket.localPort ?? 0),
    };
    if (this.#isTrusted(peer)) {
      this.#await(socket, this.#options.proxyHeader, id, own, ({ value }) =>
        this.#readPreamble(socket, id, originOf(value, own)),
      );
    } else this.#readPreamble(socket, id, own);
  }

  #readPreamble(socket: Socket, id: number, origin: Origin): void {
    const { preamble } = this.#options;
    if (preamble === undefined) this.#handOn(socket, id, origin, undefined);
    else this.#await(socket, preamble, id, origin, (read) => this.#handOn(socket, id, origin, read));
  }

  #await<Read>(
    socket: Socket,
    reader: PreambleReader<Read>,
    id: number,
    origin: Origin,
    onRead: (read: PreambleRead<Read>) => void,
  ): void {
    const { clock, preambleTimeoutMs: limitMs } = this.#options;
    awaitPreamble(socket, reader, { clock, limitMs }, (outcome: PreambleOutcome<Read>) => {
      if (outcome.t === "read") onRead(outcome);
      else this.#refuse(socket, id, origin, outcome);
    });
  }

  #refuse(
    socket: Socket,
    id: number,
    { clientAddress }: Origin,
    { why, answer }: { readonly why: string | undefined; readonly answer?: Buffer },
  ): void {
    if (why === undefined) {
      socket.destroy();
      return;
    }
    this.#refused++;
    this.#options.onRefused?.({ connection: id, client: clientAddress, detail: `the connection's start ${why}` });
    if (answer === undefined) socket.resetAndDestroy();
    else farewell(socket, answer, this.#options.clock);
  }

  #handOn(socket: Socket, id: number, origin: Origin, preamble: PreambleRead<Value> | undefined): void {
    this.#exchanges++;
    const { protocol } = this.#options.listener;
    this.#options.onStream({ id, listener: this.listener, protocol, socket, ...origin, preamble });
  }
}

/** A load balancer that asks on its own behalf says LOCAL. */
function originOf(header: ProxyHeader, own: Origin): Origin {
  if (header.t === "local") return own;
  return {
    ...{ clientAddress: header.clientAddress, clientPort: header.clientPort },
    local: endpoint(header.localAddress, header.localPort),
  };
}

function ignore(): void {}

import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import { TunnelError } from "@sallyport/proto/error";
import { type AllowAddress, addressRefused, guardedLookup } from "./address.ts";
import { toTunnelError } from "./failure.ts";
import { Slots } from "./slots.ts";

export interface StreamOptions {
  readonly connectTimeoutMs: number;
  /** Connections at once to one destination. */
  readonly connectionsMax: number;
  readonly allowAddress: AllowAddress;
  /** PEM of the CAs that destinations' certificates are checked against; left out: those of Node. */
  readonly trustedCas?: string;
}

export interface StreamTarget {
  /** "tcp://db.apps:5432" or "tls://db.apps:5432", from the route alone. */
  readonly origin: string;
  /** "namespace/name", for messages. */
  readonly route: string;
}

/** What the destination does. `onStreamClose` or `onStreamFailed` is the last of them. */
export interface StreamEvents {
  /** Bytes may be written from now on. */
  onStreamOpen(): void;
  onStreamData(bytes: Buffer): void;
  /** The destination has ended its direction. */
  onStreamEnd(): void;
  /** All that was written is out, as good as. */
  onStreamDrain(): void;
  /** Both directions have ended. */
  onStreamClose(): void;
  /** DESTINATION_UNREACHABLE, DESTINATION_FAILED, POLICY, OVERLOADED or DRAINING. */
  onStreamFailed(error: TunnelError): void;
}

/** A connection to a destination, for bytes of any protocol. */
export interface Stream {
  /** Once it is open. False: wait for `onStreamDrain`. */
  write(bytes: Buffer): boolean;
  /** Ends our direction, after all that was written. */
  end(): void;
  /** Breaks it off, so that the destination notices. The events hear nothing more. */
  abort(): void;
  pause(): void;
  resume(): void;
}

/** Dials a connection for each call that carries bytes. */
export class Streams {
  readonly #options: StreamOptions;
  readonly #slots: Slots;
  #draining = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#slots = new Slots(options.connectionsMax);
  }

  /** Never throws; what goes wrong is told to `events`, perhaps before this returns. */
  dial(target: StreamTarget, events: StreamEvents): Stream | undefined {
    const refusal = this.#refusal(target);
    if (refusal === undefined) {
      return dialStream(target, events, this.#options, () => this.#slots.give(target.origin));
    }
    events.onStreamFailed(refusal);
    return undefined;
  }

  /** Takes no more and waits for those that run. */
  close(): Promise<void> {
    this.#draining = true;
    return this.#slots.allFree();
  }

  #refusal({ origin, route }: StreamTarget): TunnelError | undefined {
    if (this.#draining) return new TunnelError("DRAINING", "the intranet router stops");
    const { hostname } = new URL(origin);
    const address = hostname.replace(/^\[|\]$/g, "");
    if (isIP(address) !== 0 && !this.#options.allowAddress(address)) return addressRefused(address);
    if (this.#slots.take(origin)) return undefined;
    return new TunnelError(
      "OVERLOADED",
      `route ${route}: the destination has ${this.#options.connectionsMax} connections already; ` +
        "raise destinations.connectionsMax or add instances",
    );
  }
}

/** Between two probes of a silent connection's other end. */
const keepAliveMs = 30_000;

function dialStream(
  { origin, route }: StreamTarget,
  events: StreamEvents,
  { allowAddress, connectTimeoutMs, trustedCas }: StreamOptions,
  onOver: () => void,
): Stream {
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, "");
  const tcp = connect({
    ...{ host, port: Number(port), lookup: guardedLookup(allowAddress), allowHalfOpen: true, noDelay: true },
    ...{ keepAlive: true, keepAliveInitialDelay: keepAliveMs },
  });
  const isTls = protocol === "tls:";
  const socket = isTls ? overTls(tcp, host, trustedCas) : tcp;
  const stream = new SocketStream(route, events, tcp, socket, onOver);
  stream.connect(isTls ? "secureConnect" : "connect", connectTimeoutMs);
  return stream;
}

/** A connection that is there, paused, as a stream: `onStreamOpen` comes before this returns. */
export function takeOver(
  socket: Socket,
  route: string,
  events: StreamEvents,
  onStream: (stream: Stream) => void,
): void {
  const stream = new SocketStream(route, events, socket, socket, () => {});
  onStream(stream);
  stream.open();
}

class SocketStream implements Stream {
  readonly #route: string;
  readonly #events: StreamEvents;
  /** The TCP connection, whose reset is one. */
  readonly #tcp: Socket;
  /** What bytes go through: the same, or TLS on it. */
  readonly #socket: Socket | TLSSocket;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
  #state: "connecting" | "open" | "over" = "connecting";
  #endedByPeer = false;

  constructor(route: string, events: StreamEvents, tcp: Socket, socket: Socket, onOver: () => void) {
    this.#route = route;
    this.#events = events;
    this.#tcp = tcp;
    this.#socket = socket;
    this.#onOver = onOver;
    this.#socket.pause();
    this.#listen();
  }

  connect(event: "connect" | "secureConnect", timeoutMs: number): void {
    this.#timer = setTimeout(this.#onTimeout, timeoutMs);
    this.#socket.once(event, () => this.open());
  }

  open(): void {
    if (this.#state !== "connecting") return;
    clearTimeout(this.#timer);
    this.#state = "open";
    this.#events.onStreamOpen();
    this.resume();
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  abort(): void {
    if (this.#state === "over") return;
    this.#over();
    this.#break();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#state === "open") this.#socket.resume();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", (bytes: Buffer) => this.#state === "open" && this.#events.onStreamData(bytes));
    socket.on("end", this.#onEnd);
    socket.on("drain", () => this.#state === "open" && this.#events.onStreamDrain());
    socket.on("error", this.#fail);
    if (socket !== this.#tcp) this.#tcp.on("error", this.#fail);
    socket.once("close", this.#onClose);
  }

  readonly #onTimeout = (): void => {
    this.#fail(Object.assign(new Error("no connection in time"), { code: "ETIMEDOUT" }));
  };

  readonly #onEnd = (): void => {
    this.#endedByPeer = true;
    if (this.#state === "open") this.#events.onStreamEnd();
  };

  readonly #onClose = (): void => {
    if (this.#state === "over") return;
    const isWhole = this.#state === "open" && this.#endedByPeer && this.#socket.writableFinished;
    if (!isWhole) return this.#fail(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
    this.#over();
    this.#events.onStreamClose();
  };

  readonly #fail = (error: Error): void => {
    if (this.#state === "over") return;
    const route = this.#route;
    const converted =
      this.#state === "connecting"
        ? toTunnelError(route, "connecting", error)
        : new TunnelError("DESTINATION_FAILED", `route ${route}: the destination broke the connection off`, error);
    this.#over();
    this.#break();
    this.#events.onStreamFailed(converted);
  };

  #over(): void {
    this.#state = "over";
    clearTimeout(this.#timer);
    this.#onOver();
  }

  /** RST, which TLS has none of its own; a connection that is not there yet is given up. */
  #break(): void {
    // A TLS connection that an upgrade left behind cannot be reset either: Node throws.
    if (this.#tcp.connecting || this.#tcp instanceof TLSSocket) this.#tcp.destroy();
    else this.#tcp.resetAndDestroy();
    if (this.#socket !== this.#tcp) this.#socket.destroy();
  }
}

/** The route names the destination, so the certificate must name it too. SNI carries no address. */
function overTls(socket: Socket, host: string, ca: string | undefined): TLSSocket {
  const servername = isIP(host) === 0 ? host : "";
  return connectTls({ socket, host, servername, ...(ca === undefined ? {} : { ca }) });
}

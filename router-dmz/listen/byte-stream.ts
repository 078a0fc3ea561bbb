import type { Socket } from "node:net";
import type { TunnelError } from "@sallyport/proto/error";

/** The client's side of one raw call: a TCP connection, or whatever is carried on one. */
export interface ByteStream {
  /** Nothing is told before `resume`. */
  listen(events: ByteStreamEvents): void;
  /** True: the bytes are out, or as good as out. False: they will be at `onDrain`. */
  write(bytes: Buffer): boolean;
  /** Ends our direction, after all that was written. */
  end(): void;
  /** Breaks both off, so that the client takes no part for the whole. `onClose` follows. */
  reset(error: TunnelError): void;
  pause(): void;
  resume(): void;
}

export interface ByteStreamEvents {
  onBytes(bytes: Buffer): void;
  /** The client has ended its direction. */
  onEnd(): void;
  onDrain(): void;
  /** The last of them: both directions have ended, or the stream broke. */
  onClose(): void;
}

/** A whole TCP connection. Its socket is paused, and does not end our direction when the client ends its own. */
export class SocketStream implements ByteStream {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  listen(events: ByteStreamEvents): void {
    const socket = this.#socket;
    // A listener to "data" would start the socket, unless it was paused by hand.
    socket.pause();
    socket.on("data", (bytes) => events.onBytes(bytes));
    socket.on("end", () => events.onEnd());
    socket.on("drain", () => events.onDrain());
    socket.once("close", () => events.onClose());
    // What breaks a connection ends it.
    socket.on("error", ignore);
    if (socket.closed) queueMicrotask(() => events.onClose());
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

function ignore(): void {}

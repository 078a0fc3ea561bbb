import type { Socket } from "node:net";
import type { TunnelError } from "@sallyport/proto/error";
import { faultRecord, framingFault } from "@sallyport/proto/net-tcp/framing-fault";
import type { Preamble } from "@sallyport/proto/net-tcp/preamble";
import { SessionTrack } from "@sallyport/proto/net-tcp/session-track";
import type { Clock } from "@sallyport/tunnel/clock";
import type { ByteStream, ByteStreamEvents } from "./byte-stream.ts";
import { farewell } from "./farewell.ts";
import type { PreambleRead } from "./stream.ts";

/** How long the destination may take to close its connection when a session on it is over. */
export const partingMs = 5_000;

export interface SessionOptions {
  readonly socket: Socket;
  readonly preamble: PreambleRead<Preamble>;
  readonly clock: Clock;
  /** The session is over and the connection is not: its socket is paused, and may have bytes of another session. */
  readonly onOver: () => void;
}

/**
 * One net.tcp session on a client's connection, on which WCF may put another when both sides have said End. Until then, and
 * for good where that cannot be told, it is the whole connection.
 */
export class NetTcpSession implements ByteStream {
  readonly #options: SessionOptions;
  readonly #socket: Socket;
  readonly #track: SessionTrack;
  #events: ByteStreamEvents | undefined;
  #isOver = false;
  /** The client has sent more than this session's bytes; they are in the socket. */
  #hasMore = false;
  #cancelParting = () => {};

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#track = new SessionTrack(options.preamble.value, options.preamble.bytes);
  }

  listen(events: ByteStreamEvents): void {
    const socket = this.#socket;
    this.#events = events;
    // A listener to "data" would start the socket, unless it was paused by hand.
    socket.pause();
    socket.on("data", this.#onData).on("end", this.#onEnd).on("drain", this.#onDrain).once("close", this.#onClose);
    if (socket.closed) queueMicrotask(this.#onClose);
  }

  write(bytes: Buffer): boolean {
    if (this.#isOver) return true;
    const own = this.#track.fromReceiver(bytes);
    const isOut = this.#socket.write(bytes.subarray(0, own));
    this.#part();
    return isOut || this.#isOver;
  }

  end(): void {
    if (this.#isOver) this.#onClose();
    // Bytes that came early are not read any more, so the client's own end is not seen.
    else if (this.#hasMore) this.#socket.destroySoon();
    else this.#socket.end();
  }

  /** With a fault, where the client waits for its first answer. */
  reset(error: TunnelError): void {
    if (this.#isOver) return this.#onClose();
    this.#socket.off("data", this.#onData);
    if (this.#track.answered || !this.#socket.writable) this.#socket.resetAndDestroy();
    else farewell(this.#socket, faultRecord(framingFault(error)), this.#options.clock);
  }

  pause(): void {
    if (!this.#isOver) this.#socket.pause();
  }

  resume(): void {
    if (!this.#isOver && !this.#hasMore) this.#socket.resume();
  }

  readonly #onData = (bytes: Buffer): void => {
    const own = this.#track.fromInitiator(bytes);
    if (own > 0) this.#events?.onBytes(bytes.subarray(0, own));
    if (own < bytes.length) {
      this.#hasMore = true;
      this.#socket.pause();
      this.#socket.unshift(bytes.subarray(own));
    }
    this.#part();
  };

  readonly #onEnd = (): void => this.#events?.onEnd();
  readonly #onDrain = (): void => this.#events?.onDrain();

  readonly #onClose = (): void => {
    this.#cancelParting();
    const events = this.#events;
    this.#events = undefined;
    events?.onClose();
  };

  /** When the session is over: the call gets its end, and its own time to come to it; the connection goes on. */
  #part(): void {
    if (this.#isOver || this.#track.state !== "over") return;
    this.#isOver = true;
    const socket = this.#socket;
    socket.pause();
    socket.off("data", this.#onData).off("end", this.#onEnd).off("drain", this.#onDrain).off("close", this.#onClose);
    this.#cancelParting = this.#options.clock.after(partingMs, this.#onClose);
    this.#events?.onEnd();
    this.#options.onOver();
  }
}

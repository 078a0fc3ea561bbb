import type { Socket } from "node:net";
import type { Clock } from "@sallyport/tunnel/clock";

/**
 * For a client that has closed its sending side, or is gone: TCP does not tell the two apart. It is waited for as long as
 * it takes bytes, and `timeoutMs` more. docs/protocol.md, "A client that goes away".
 */
export class Patience {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onOver: () => void;
  #takenBytes = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(socket: Socket, clock: Clock, timeoutMs: number, onOver: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onOver = onOver;
  }

  start(): void {
    this.#takenBytes = this.#taken();
    this.#cancelTimer = this.#clock.after(this.#timeoutMs, this.#onTimer);
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  readonly #onTimer = (): void => {
    if (this.#taken() > this.#takenBytes) this.start();
    else this.#onOver();
  };

  /** Bytes that the kernel has; what it keeps for a client that is gone ends in a reset. */
  #taken(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }
}

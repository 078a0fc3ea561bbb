import type { IncomingMessage } from "node:http";
import type { Clock } from "@sallyport/tunnel/clock";

/** A response may be whole before its request is: this much of the rest is still read, for this long. RFC 9112, 9.3. */
export const uploadRestBytesMax = 1024 * 1024;
export const uploadRestMs = 5_000;

export interface UploadOptions {
  readonly clock: Clock;
  /** The longest time between two reads. */
  readonly idleMs: number;
  /** The client sends nothing before it has seen a 100, so its time starts with that. */
  readonly expectsContinue: boolean;
}

export interface UploadEvents {
  /** False: read no more until `resume`. The buffer is the receiver's to keep. */
  onBody(bytes: Buffer): boolean;
  onBodyEnd(rawTrailers: readonly string[]): void;
  /** Nothing came for `idleMs`. */
  onBodyIdle(): void;
  /** The rest went on beyond its bounds; the upload was left. */
  onBodyLeft(): void;
}

/**
 * `none`: the request has no body. `waiting`: not read yet. `rest`: read within bounds, for the connection's sake alone.
 * `whole`: read to its end. `left`: not read any more, so the connection is of no further use.
 */
type State = "none" | "waiting" | "reading" | "rest" | "whole" | "left";

/** Reads the body of one request. Bytes of a body that is not read stay in the kernel, but for one socket buffer. */
export class Upload {
  readonly #request: IncomingMessage;
  readonly #options: UploadOptions;
  readonly #events: UploadEvents;
  #state: State;
  #bytes = 0;
  #restBytes = 0;
  #readMs = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(request: IncomingMessage, options: UploadOptions, events: UploadEvents) {
    this.#request = request;
    this.#options = options;
    this.#events = events;
    this.#state = announcesBody(request) ? "waiting" : "none";
  }

  get none(): boolean {
    return this.#state === "none";
  }

  /** More of the request may come, and is wanted. */
  get pending(): boolean {
    return this.#state === "waiting" || this.#state === "reading" || this.#state === "rest";
  }

  get left(): boolean {
    return this.#state === "left";
  }

  /** Read so far. */
  get bytes(): number {
    return this.#bytes;
  }

  start(): void {
    if (this.#state !== "waiting") return;
    this.#state = "reading";
    this.#read();
    // Most bodies come whole with their head, and need no timer.
    if (!this.#options.expectsContinue) process.nextTick(watchUnlessWhole, this);
  }

  /** The client was told to go on. */
  continued(): void {
    if (this.#state === "reading") this.#watch();
  }

  /** A body that has come whole, and is not read yet, waits for us and not for its client. */
  watchUnlessWhole(): void {
    if (this.#state === "reading" && this.#cancelTimer === undefined && !this.#request.complete) this.#watch();
  }

  resume(): void {
    if (this.#state !== "reading" && this.#state !== "rest") return;
    this.#readMs = this.#options.clock.now();
    this.#request.resume();
  }

  /** The response is whole: from here on the bounds of a rest hold. */
  rest(): void {
    if (!this.pending) return;
    const unread = this.#state === "waiting";
    this.#state = "rest";
    this.stop();
    this.#cancelTimer = this.#options.clock.after(uploadRestMs, this.#onRestOver);
    if (unread) this.#read();
  }

  leave(): void {
    if (!this.pending) return;
    this.#state = "left";
    this.stop();
    this.#request.off("data", this.#onData).off("end", this.#onEnd);
    this.#request.pause();
  }

  /** Ends the timer. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #read(): void {
    this.#request.on("data", this.#onData).on("end", this.#onEnd);
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#bytes += bytes.length;
    if (this.#state === "rest") this.#restBytes += bytes.length;
    else if (this.#cancelTimer === undefined && !this.#request.complete) this.#watch();
    this.#readMs = this.#options.clock.now();
    if (!this.#events.onBody(bytes)) this.#request.pause();
    if (this.#restBytes > uploadRestBytesMax) this.#onRestOver();
  };

  readonly #onEnd = (): void => {
    this.#state = "whole";
    this.stop();
    this.#events.onBodyEnd(this.#request.rawTrailers);
  };

  readonly #onRestOver = (): void => {
    this.leave();
    this.#events.onBodyLeft();
  };

  /** One timer for a whole body: it looks how long ago the last read was, and sets itself again. */
  #watch(): void {
    this.stop();
    this.#readMs = this.#options.clock.now();
    this.#cancelTimer = this.#options.clock.after(this.#options.idleMs, this.#onIdleTimer);
  }

  readonly #onIdleTimer = (): void => {
    const { clock, idleMs } = this.#options;
    // While nobody takes the bytes it is not the client who is slow.
    const forMs = this.#request.isPaused() ? 0 : clock.now() - this.#readMs;
    if (forMs >= idleMs) this.#events.onBodyIdle();
    else this.#cancelTimer = clock.after(idleMs - forMs, this.#onIdleTimer);
  };
}

function watchUnlessWhole(upload: Upload): void {
  upload.watchUnlessWhole();
}

/** RFC 9112, 6.3: a request without either header has no body. */
function announcesBody(request: IncomingMessage): boolean {
  const { headers } = request;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

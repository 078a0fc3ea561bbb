import type { TunnelError } from "@sallyport/proto/error";
import type { Call } from "@sallyport/tunnel/call";
import type { Stream, StreamEvents } from "./dial/stream.ts";

/** `over`: nothing goes on, and its owner was told. */
type State = "connecting" | "open" | "over";

/** Bytes of a call to a destination's connection and back, each direction with its own end. */
export class StreamPump implements StreamEvents {
  requestBytes = 0;
  responseBytes = 0;
  /** Set at once by whoever makes the pump, unless the dial failed before. */
  stream: Stream | undefined;
  readonly #call: Call;
  /** What the destination gets before the call's own bytes. */
  readonly #first: readonly Buffer[];
  /** Once; undefined: both ways are whole. */
  readonly #onOver: (error: TunnelError | undefined) => void;
  #state: State = "connecting";
  /** Until the destination is there; the call's credit bounds them. */
  #waiting: Buffer[] = [];
  #clientEnded = false;
  #destinationEnded = false;
  /** Written and not out yet; we owe their credit. */
  #owedBytes = 0;

  constructor(call: Call, first: readonly Buffer[], onOver: (error: TunnelError | undefined) => void) {
    this.#call = call;
    this.#first = first;
    this.#onOver = onOver;
  }

  // ------------------------------------------------------------------------------------------------ from the client

  data(bytes: Buffer): void {
    this.requestBytes += bytes.length;
    if (this.#state === "connecting") this.#waiting.push(bytes);
    else if (this.#state === "open") this.#forward(bytes);
  }

  fin(): void {
    this.#clientEnded = true;
    if (this.#state === "open") this.stream?.end();
  }

  reset(error: TunnelError): void {
    this.stream?.abort();
    this.#finish(error);
  }

  writable(): void {
    this.stream?.resume();
  }

  #forward(bytes: Buffer): void {
    if (this.stream?.write(bytes)) this.#call.consumed(bytes.length);
    else this.#owedBytes += bytes.length;
  }

  // ------------------------------------------------------------------------------------------- from the destination

  onStreamOpen(): void {
    this.#state = "open";
    for (const bytes of this.#first) if (bytes.length > 0) this.stream?.write(bytes);
    for (const bytes of this.#waiting.splice(0)) this.#forward(bytes);
    if (this.#clientEnded) this.stream?.end();
  }

  onStreamData(bytes: Buffer): void {
    this.responseBytes += bytes.length;
    if (!this.#call.data(bytes)) this.stream?.pause();
  }

  onStreamEnd(): void {
    this.#destinationEnded = true;
    this.#call.fin();
  }

  onStreamDrain(): void {
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (bytes > 0) this.#call.consumed(bytes);
  }

  onStreamClose(): void {
    this.#finish(undefined);
  }

  onStreamFailed(error: TunnelError): void {
    if (this.#state === "over") return;
    // Both ways are whole; how the destination closes then is its own affair.
    const isWhole = this.#clientEnded && this.#destinationEnded && this.#owedBytes === 0;
    if (!isWhole) this.#call.reset(error);
    this.#finish(isWhole ? undefined : error);
  }

  #finish(error: TunnelError | undefined): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#waiting = [];
    this.#onOver(error);
  }
}

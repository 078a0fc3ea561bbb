import type { TunnelError } from "@sallyport/proto/error";
import type { Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import type { CallDone } from "./call-done.ts";
import { proxyHeader } from "./dial/proxy-header.ts";
import type { Stream, StreamEvents, Streams } from "./dial/stream.ts";
import type { Admission } from "./route-quota.ts";

/** Where a raw call goes, or why nowhere. */
export type FoundStream =
  | {
      readonly t: "destination";
      /** "tcp://db.apps:5432" */
      readonly origin: string;
      /** "namespace/name" */
      readonly route: string;
      /** The destination is told the client's address first. */
      readonly proxyProtocol: boolean;
      readonly admission: Admission;
    }
  /** `route`: the one that takes the call and cannot carry it. */
  | { readonly t: "fail"; readonly error: TunnelError; readonly route?: string };

export interface RawRelayDeps {
  readonly find: (open: Open) => FoundStream;
  readonly streams: Pick<Streams, "dial">;
  readonly clock: Clock;
  /** Told once of each call, when it is over. */
  readonly onDone: (done: CallDone) => void;
}

/** Carries a call's bytes to a destination and back, each direction with its own end. */
export function acceptRaw(call: Call, open: Open, deps: RawRelayDeps): CallEvents {
  const relayed = new RelayedStream(call, open, deps);
  relayed.start();
  return relayed;
}

type State = "connecting" | "open" | "over";

class RelayedStream implements CallEvents, StreamEvents {
  readonly #call: Call;
  readonly #open: Open;
  readonly #deps: RawRelayDeps;
  readonly #startedMs: number;
  #state: State = "connecting";
  #stream: Stream | undefined;
  /** Until the destination is there; the call's credit bounds them. */
  #waiting: Buffer[] = [];
  #clientEnded = false;
  #destinationEnded = false;
  /** Written and not out yet; we owe their credit. */
  #owedBytes = 0;
  #requestBytes: number;
  #responseBytes = 0;
  #route = "";
  #destination = "";
  #proxyProtocol = false;
  #admission: Admission | undefined;

  constructor(call: Call, open: Open, deps: RawRelayDeps) {
    this.#call = call;
    this.#open = open;
    this.#deps = deps;
    this.#startedMs = deps.clock.now();
    this.#requestBytes = open.preamble.length;
  }

  start(): void {
    const found = this.#deps.find(this.#open);
    this.#route = found.route ?? "";
    if (found.t === "fail") return this.#fail(found.error);
    this.#destination = found.origin;
    this.#proxyProtocol = found.proxyProtocol;
    this.#admission = found.admission;
    // R1's copy of what it has sent is of no use from here on: bytes may be answered, so they are never sent again.
    this.#call.taken(false);
    this.#stream = this.#deps.streams.dial({ origin: found.origin, route: found.route }, this);
  }

  // ------------------------------------------------------------------------------------------------ from the client

  /** R2 is sent no heads: the link refuses them. */
  onHead(): void {}

  onData(bytes: Buffer): void {
    this.#requestBytes += bytes.length;
    if (this.#state === "connecting") this.#waiting.push(bytes);
    else if (this.#state === "open") this.#forward(bytes);
  }

  onFin(): void {
    this.#clientEnded = true;
    if (this.#state === "open") this.#stream?.end();
  }

  onReset(error: TunnelError): void {
    this.#stream?.abort();
    this.#finish(error);
  }

  onWritable(): void {
    this.#stream?.resume();
  }

  #forward(bytes: Buffer): void {
    if (this.#stream?.write(bytes)) this.#call.consumed(bytes.length);
    else this.#owedBytes += bytes.length;
  }

  // ------------------------------------------------------------------------------------------- from the destination

  onStreamOpen(): void {
    this.#state = "open";
    const { preamble } = this.#open;
    if (this.#proxyProtocol) this.#stream?.write(proxyHeader(this.#open));
    if (preamble.length > 0) this.#stream?.write(preamble);
    for (const bytes of this.#waiting.splice(0)) this.#forward(bytes);
    if (this.#clientEnded) this.#stream?.end();
  }

  onStreamData(bytes: Buffer): void {
    this.#responseBytes += bytes.length;
    if (!this.#call.data(bytes)) this.#stream?.pause();
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
    // Both ways are whole; how the destination closes then is its own affair.
    const isWhole = this.#clientEnded && this.#destinationEnded && this.#owedBytes === 0;
    if (isWhole) this.#finish(undefined);
    else this.#fail(error);
  }

  // ----------------------------------------------------------------------------------------------------------- ends

  #fail(error: TunnelError): void {
    if (this.#state === "over") return;
    this.#call.reset(error);
    this.#finish(error);
  }

  #finish(error: TunnelError | undefined): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#waiting = [];
    this.#admission?.release();
    this.#deps.onDone({
      id: this.#open.id,
      route: this.#route,
      destination: this.#destination,
      method: "",
      status: 0,
      error,
      envelope: "",
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      durationMs: this.#deps.clock.now() - this.#startedMs,
    });
  }
}

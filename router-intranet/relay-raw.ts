import type { TunnelError } from "@sallyport/proto/error";
import type { Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import type { CallDone } from "./call-done.ts";
import { proxyHeader } from "./dial/proxy-header.ts";
import type { Streams } from "./dial/stream.ts";
import type { EnvelopeSource } from "./envelope-wait.ts";
import type { KnownEnvelope } from "./match/call-facts.ts";
import { readSession } from "./relay-session.ts";
import type { Admission } from "./route-quota.ts";
import { StreamPump } from "./stream-pump.ts";

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

/** A net.tcp session whose first envelope says where it goes. */
export interface NeedsFirstEnvelope {
  readonly t: "needEnvelope";
  readonly scanner: EnvelopeSource;
  /** Asked once, when the scanner has decided; by the routes of the first question. */
  readonly decide: (envelope: KnownEnvelope) => FoundStream;
}

export interface RawRelayDeps {
  readonly find: (open: Open) => FoundStream | NeedsFirstEnvelope;
  readonly streams: Pick<Streams, "dial">;
  readonly clock: Clock;
  /** Told once of each call, when it is over. */
  readonly onDone: (done: CallDone) => void;
}

/** Carries a call's bytes to a destination and back, each direction with its own end. */
export function acceptRaw(call: Call, open: Open, deps: RawRelayDeps): CallEvents {
  const found = deps.find(open);
  return found.t === "needEnvelope"
    ? readSession(call, open, found, {
        ...deps,
        accept: (client, decided, onDone) => relay(client, open, decided, { ...deps, onDone }),
      })
    : relay(call, open, found, deps);
}

function relay(call: Call, open: Open, found: FoundStream, deps: Omit<RawRelayDeps, "find">): CallEvents {
  const relayed = new RelayedStream(call, open, deps);
  relayed.start(found);
  return relayed;
}

class RelayedStream implements CallEvents {
  readonly #call: Call;
  readonly #open: Open;
  readonly #deps: Omit<RawRelayDeps, "find">;
  readonly #startedMs: number;
  #pump: StreamPump | undefined;
  #route = "";
  #destination = "";
  #admission: Admission | undefined;

  constructor(call: Call, open: Open, deps: Omit<RawRelayDeps, "find">) {
    this.#call = call;
    this.#open = open;
    this.#deps = deps;
    this.#startedMs = deps.clock.now();
  }

  start(found: FoundStream): void {
    this.#route = found.route ?? "";
    if (found.t === "fail") {
      this.#call.reset(found.error);
      this.#finish(found.error);
      return;
    }
    this.#destination = found.origin;
    this.#admission = found.admission;
    // R1's copy of what it has sent is of no use from here on: bytes may be answered, so they are never sent again.
    this.#call.taken(false);
    const { preamble } = this.#open;
    const first = found.proxyProtocol ? [proxyHeader(this.#open), preamble] : [preamble];
    const pump = new StreamPump(this.#call, first, this.#finish);
    this.#pump = pump;
    pump.stream = this.#deps.streams.dial({ origin: found.origin, route: found.route }, pump);
  }

  /** R2 is sent no heads: the link refuses them. */
  onHead(): void {}

  onData(bytes: Buffer): void {
    this.#pump?.data(bytes);
  }

  onFin(): void {
    this.#pump?.fin();
  }

  onReset(error: TunnelError): void {
    this.#pump?.reset(error);
  }

  onWritable(): void {
    this.#pump?.writable();
  }

  readonly #finish = (error: TunnelError | undefined): void => {
    this.#admission?.release();
    this.#deps.onDone({
      id: this.#open.id,
      route: this.#route,
      destination: this.#destination,
      method: "",
      status: 0,
      error,
      envelope: "",
      requestBytes: this.#open.preamble.length + (this.#pump?.requestBytes ?? 0),
      responseBytes: this.#pump?.responseBytes ?? 0,
      durationMs: this.#deps.clock.now() - this.#startedMs,
    });
  };
}

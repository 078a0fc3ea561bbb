import type { Socket } from "node:net";
import { TunnelError } from "@sallyport/proto/error";
import type { Head, Open } from "@sallyport/proto/frame";
import type { AcceptCall, Call, CallEvents } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import { isIdempotent } from "@sallyport/tunnel/idempotent-method";
import type { CallDone } from "./call-done.ts";
import { type Destinations, type Exchange, type ResponseEvents, unknownLength } from "./dial/destination.ts";
import { forwardRequestTrailers, forwardResponse, forwardResponseTrailers } from "./dial/headers.ts";
import { Patience } from "./dial/patience.ts";
import { takeOver } from "./dial/stream.ts";
import { type EnvelopeVerdict, EnvelopeWait, envelopeTimeoutMs } from "./envelope-wait.ts";
import type { KnownEnvelope } from "./match/call-facts.ts";
import type { EnvelopeScanner } from "./match/envelope.ts";
import { expectsContinue, planRequest, refuse, wrongLength } from "./request.ts";
import type { Admission } from "./route-quota.ts";
import { StreamPump } from "./stream-pump.ts";

/** Where a call goes, or why nowhere; or what must be read before that can be said. */
export type FindDestination = (open: Open) => Found | NeedsEnvelope;

export type Found =
  /** `origin` as `URL.origin` writes it, `route` is "namespace/name". */
  | {
      readonly t: "destination";
      readonly origin: string;
      readonly route: string;
      /** The route's calls may be sent again if the link breaks, whatever their method. */
      readonly repeatable?: boolean;
      readonly admission?: Admission;
    }
  /** `route`: the one that takes the call and cannot carry it. */
  | { readonly t: "fail"; readonly error: TunnelError; readonly route?: string };

export interface NeedsEnvelope {
  readonly t: "needEnvelope";
  readonly scanner: EnvelopeScanner;
  /** Asked once, when the scanner has decided; by the routes of the first question. */
  readonly decide: (envelope: KnownEnvelope) => Found;
}

export interface RelayDeps {
  readonly find: FindDestination;
  readonly destinations: Destinations;
  readonly clock: Clock;
  /** Until the response's head, as long as the destination owes the next step; 0: as long as the caller waits. */
  readonly responseTimeoutMs: number;
  /** Told once of each call, when it is over. */
  readonly onDone: (done: CallDone) => void;
  /** Undefined: calls are not traced, and trace context goes through as it came. */
  readonly tracer?: CallTracer | undefined;
}

export interface CallTracer {
  start(open: Open): CallSpan;
}

export interface CallSpan {
  /** The OPEN whose destination is to see this span as its parent. */
  carry(open: Open): Open;
  end(done: CallDone): void;
}

/** How long a destination whose client is gone may take to begin its answer. docs/protocol.md, "A client that goes away". */
export const leavingMs = 1_000;
/** How long it may take, before that, to accept the rest of the request. */
export const deliveryMs = 30_000;

/** From here on R1's copy of a body's start is worth a frame that frees it. */
export const largeBodyBytes = 8 * 1024;

/**
 * The one place of R2 that knows matching, destinations and the link's calls: match, perhaps with a look at the envelope,
 * then dial, then pump.
 */
export function createRelay(deps: RelayDeps): AcceptCall {
  return (call, open) => {
    const relayed = new RelayedCall(deps, call, open);
    relayed.start();
    return relayed;
  };
}

/**
 * - `reading`: its envelope decides where it goes and is not read yet; nothing is dialled;
 * - `waiting`: no final response head yet;
 * - `answering`: the head has gone, the body follows;
 * - `upgraded`: 101 has gone, bytes go both ways;
 * - `answered`: the response is whole, the request is not; the rest of it is dropped;
 * - `leaving`: the client is gone; the destination still gets the request;
 * - `over`.
 */
type State = "reading" | "waiting" | "answering" | "upgraded" | "answered" | "leaving" | "over";

class RelayedCall implements CallEvents, ResponseEvents {
  readonly #deps: RelayDeps;
  readonly #call: Call;
  readonly #open: Open;
  readonly #startedMs: number;
  readonly #span: CallSpan | undefined;
  #state: State = "waiting";
  #exchange: Exchange | undefined;
  #envelope: EnvelopeWait | undefined;
  #verdict: EnvelopeVerdict["outcome"] | "" = "";
  #bodyBytes = 0;
  /** R1 has said FIN. */
  #requestEnded = false;
  /** The destination has it all. */
  #requestSent = false;
  #requestBytes = 0;
  /** Received and not yet granted again. */
  #heldBytes = 0;
  #responseBytes = 0;
  #status = 0;
  #route = "";
  #destination = "";
  #admission: Admission | undefined;
  #patience: Patience | undefined;
  /** Once the destination has switched protocols. */
  #pump: StreamPump | undefined;
  #cancelLeaving: (() => void) | undefined;

  constructor(deps: RelayDeps, call: Call, open: Open) {
    this.#deps = deps;
    this.#call = call;
    this.#span = deps.tracer?.start(open);
    this.#open = this.#span ? this.#span.carry(open) : open;
    this.#startedMs = deps.clock.now();
  }

  start(): void {
    const refusal = refuse(this.#open);
    const found = refusal ?? this.#deps.find(this.#open);
    if (found instanceof TunnelError) this.#fail(found);
    else if (found.t === "needEnvelope") this.#read(found);
    else this.#dial(found);
  }

  /** The body's start is kept, unchanged and on the call's credit, until its envelope has told where it goes. */
  #read({ scanner, decide }: NeedsEnvelope): void {
    this.#state = "reading";
    const { deadlineMs } = this.#open;
    const limitMs = deadlineMs > 0 ? Math.min(deadlineMs, envelopeTimeoutMs) : envelopeTimeoutMs;
    this.#envelope = new EnvelopeWait(scanner, this.#deps.clock, limitMs, (verdict, kept) => {
      this.#state = "waiting";
      this.#verdict = verdict.outcome;
      if (verdict.t === "refused") this.#fail(verdict.error);
      else this.#dial(decide(verdict.envelope));
      for (const bytes of kept) this.#forward(bytes);
    });
    // There is no destination yet that could say so. R1 passes only one on.
    if (expectsContinue(this.#open)) this.#call.head({ status: 100, reason: "Continue", headers: [] });
  }

  #dial(found: Found): void {
    this.#route = found.route ?? "";
    if (found.t === "fail") return this.#fail(found.error);
    this.#destination = found.origin;
    this.#admission = found.admission;
    const planned = planRequest(this.#open, found, { bytes: this.#requestBytes, ended: this.#requestEnded });
    if (planned instanceof TunnelError) return this.#fail(planned);
    this.#bodyBytes = planned.bodyBytes;
    this.#startPatience();
    this.#sayTaken(found.repeatable ?? false);
    this.#exchange = this.#deps.destinations.exchange(planned, this);
    // Bytes of what it switches to follow the answer, so the request itself is whole.
    if (planned.upgrade !== undefined) this.#exchange.end([]);
  }

  /** Where it changes what R1 does: docs/protocol.md, "Repeating". */
  #sayTaken(repeatable: boolean): void {
    if (isIdempotent(this.#open.method)) return;
    const isLarge = this.#bodyBytes === unknownLength || this.#bodyBytes >= largeBodyBytes;
    if (repeatable || isLarge) this.#call.taken(repeatable);
  }

  #startPatience(): void {
    const { clock, responseTimeoutMs } = this.#deps;
    const { deadlineMs } = this.#open;
    if (deadlineMs === 0 && responseTimeoutMs === 0) return;
    const spentMs = clock.now() - this.#startedMs;
    const leftMs = deadlineMs === 0 ? 0 : Math.max(1, deadlineMs - spentMs);
    this.#patience = new Patience(clock, { deadlineMs: leftMs, responseTimeoutMs }, this.#onImpatience);
  }

  // ----------------------------------------------------------------------------------------------- from the client

  /** R2 is sent no heads: the link refuses them. */
  onHead(): void {}

  onData(bytes: Buffer): void {
    if (this.#pump) return this.#pump.data(bytes);
    this.#requestBytes += bytes.length;
    if (this.#state === "reading") this.#envelope?.push(bytes);
    else this.#forward(bytes);
  }

  #forward(bytes: Buffer): void {
    if (this.#state === "answered" || this.#state === "over") {
      this.#call.consumed(bytes.length);
    } else if (this.#bodyBytes !== unknownLength && this.#requestBytes > this.#bodyBytes) {
      this.#fail(wrongLength(this.#requestBytes, this.#bodyBytes));
    } else {
      if (this.#heldBytes === 0) this.#patience?.step(true);
      this.#heldBytes += bytes.length;
      this.#exchange?.write(bytes);
    }
  }

  onFin(trailers: readonly string[]): void {
    if (this.#pump) return this.#pump.fin();
    this.#requestEnded = true;
    if (this.#state === "reading") this.#envelope?.end();
    if (this.#state === "answered") {
      this.#finish(undefined);
    } else if (this.#bodyBytes !== unknownLength && this.#requestBytes < this.#bodyBytes) {
      this.#fail(wrongLength(this.#requestBytes, this.#bodyBytes));
    } else {
      this.#exchange?.end(forwardRequestTrailers(trailers));
    }
  }

  onReset(error: TunnelError): void {
    if (this.#state === "over") return;
    if (this.#pump) return this.#pump.reset(error);
    if (this.#state === "waiting" && this.#requestEnded && error.code === "CANCELLED") {
      this.#leave();
      return;
    }
    this.#exchange?.abort(error);
    this.#finish(error);
  }

  onWritable(): void {
    if (this.#pump) this.#pump.writable();
    else this.#exchange?.resume();
  }

  // ------------------------------------------------------------------------------------------ from the destination

  onResponseHead(head: Head): void {
    const final = head.status >= 200;
    if (final) this.#status = head.status;
    if (this.#state !== "waiting") return;
    const forwarded = forwardResponse(head.headers, head.reason);
    if (forwarded.t === "malformed") {
      this.#fail(this.#ofRoute(forwarded.error));
      return;
    }
    if (final) {
      this.#state = "answering";
      this.#patience?.stop();
    }
    this.#call.head({ status: head.status, reason: head.reason, headers: forwarded.headers });
  }

  /** From here on the call is bytes both ways. */
  onUpgraded(head: Head, socket: Socket): void {
    const forwarded = forwardResponse(head.headers, head.reason);
    if (this.#state !== "waiting" || forwarded.t === "malformed") {
      socket.destroy();
      if (forwarded.t === "malformed") this.#fail(this.#ofRoute(forwarded.error));
      return;
    }
    this.#state = "upgraded";
    this.#status = head.status;
    this.#patience?.stop();
    const upgrade = ["Upgrade", headerOf(head.headers, "upgrade") ?? this.#open.upgradeProtocol];
    this.#call.head({ status: head.status, reason: head.reason, headers: [...upgrade, ...forwarded.headers] });
    const pump = new StreamPump(this.#call, [], (error) => this.#finish(error));
    this.#pump = pump;
    takeOver(socket, this.#route, pump, (stream) => (pump.stream = stream));
  }

  onResponseData(bytes: Buffer): void {
    if (this.#state !== "answering") return;
    this.#responseBytes += bytes.length;
    if (!this.#call.data(bytes)) this.#exchange?.pause();
  }

  onResponseEnd(trailers: readonly string[]): void {
    if (this.#state === "leaving") this.#finish(clientGone());
    if (this.#state !== "answering") return;
    const forwarded = forwardResponseTrailers(trailers);
    if (forwarded.t === "malformed") {
      this.#fail(this.#ofRoute(forwarded.error));
      return;
    }
    this.#call.fin(forwarded.headers);
    if (this.#requestEnded) this.#finish(undefined);
    else this.#dropRest();
  }

  /** The answer came early. What is still on its way is taken and dropped, so that R1 can finish its side. */
  #dropRest(): void {
    this.#state = "answered";
    if (this.#heldBytes > 0) this.#call.consumed(this.#heldBytes);
    this.#heldBytes = 0;
  }

  onResponseFailed(error: TunnelError): void {
    if (this.#state === "over") return;
    if (this.#state !== "leaving") this.#call.reset(error);
    this.#finish(error);
  }

  onRequestBytesSent(bytes: number): void {
    if (this.#state === "over" || this.#state === "answered") return;
    this.#heldBytes -= bytes;
    this.#patience?.step(this.#heldBytes > 0);
    this.#call.consumed(bytes);
  }

  onRequestSent(): void {
    this.#requestSent = true;
    this.#patience?.step(true);
    if (this.#state === "leaving") this.#giveLeavingTime();
  }

  // --------------------------------------------------------------------------------------------------------- ends

  /** The client is gone and its request is whole: it is delivered, and the answer, which has no reader, dropped. */
  #leave(): void {
    this.#state = "leaving";
    this.#patience?.stop();
    this.#exchange?.resume();
    this.#giveLeavingTime();
  }

  #giveLeavingTime(): void {
    this.#cancelLeaving?.();
    this.#cancelLeaving = this.#deps.clock.after(this.#requestSent ? leavingMs : deliveryMs, () => {
      const error = clientGone();
      this.#exchange?.abort(error);
      this.#finish(error);
    });
  }

  /** Ends both sides because of something seen here. */
  #fail(error: TunnelError): void {
    if (this.#state === "over") return;
    this.#exchange?.abort(error);
    if (this.#state !== "leaving") this.#call.reset(error);
    this.#finish(error);
  }

  #finish(error: TunnelError | undefined): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#envelope?.stop();
    this.#patience?.stop();
    this.#cancelLeaving?.();
    this.#admission?.release();
    const done: CallDone = {
      id: this.#open.id,
      route: this.#route,
      destination: this.#destination,
      method: this.#open.method,
      status: this.#status,
      error,
      envelope: this.#verdict,
      requestBytes: this.#requestBytes + (this.#pump?.requestBytes ?? 0),
      responseBytes: this.#responseBytes + (this.#pump?.responseBytes ?? 0),
      durationMs: this.#deps.clock.now() - this.#startedMs,
    };
    this.#span?.end(done);
    this.#deps.onDone(done);
  }

  #ofRoute(error: TunnelError): TunnelError {
    return new TunnelError(error.code, `route ${this.#route}: ${error.message}`);
  }

  #onImpatience = (limit: string): void => {
    this.#fail(new TunnelError("DESTINATION_TIMEOUT", `route ${this.#route}: the destination did not answer ${limit}`));
  };
}

function headerOf(headers: readonly string[], lowerName: string): string | undefined {
  return headers.find((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === lowerName);
}

function clientGone(): TunnelError {
  return new TunnelError("CANCELLED", "the client is gone; its request was delivered");
}

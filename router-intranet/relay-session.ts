import type { TunnelError } from "@sallyport/proto/error";
import type { Head, Open } from "@sallyport/proto/frame";
import { faultRecord, framingFault, preambleAck } from "@sallyport/proto/net-tcp/framing-fault";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import type { CallDone } from "./call-done.ts";
import { type EnvelopeVerdict, EnvelopeWait, envelopeTimeoutMs } from "./envelope-wait.ts";
import type { FoundStream, NeedsFirstEnvelope } from "./relay-raw.ts";

/** How long a client that was told a fault may take to close the connection. */
export const faultedMs = 2_000;

export interface SessionDeps {
  readonly clock: Clock;
  /** Told once of each call, when it is over. */
  readonly onDone: (done: CallDone) => void;
  /** Carries the session on, once it is known where to. */
  readonly accept: (client: Call, found: FoundStream, onDone: (done: CallDone) => void) => CallEvents;
}

/**
 * A net.tcp session whose first envelope decides where it goes. A client sends none before its preamble is acknowledged, so
 * that is done here in the destination's stead; what comes is kept, unchanged and on the call's credit.
 */
export function readSession(call: Call, open: Open, needs: NeedsFirstEnvelope, deps: SessionDeps): CallEvents {
  const session = new ReadSession(call, open, deps);
  session.start(needs);
  return session;
}

class ReadSession implements CallEvents {
  readonly #client: AcknowledgedCall;
  readonly #open: Open;
  readonly #deps: SessionDeps;
  readonly #startedMs: number;
  #envelope: EnvelopeWait | undefined;
  /** Undefined: the envelope is not read yet. */
  #carried: CallEvents | undefined;
  #clientEnded = false;
  #bytes = 0;

  constructor(call: Call, open: Open, deps: SessionDeps) {
    this.#client = new AcknowledgedCall(call, deps.clock);
    this.#open = open;
    this.#deps = deps;
    this.#startedMs = deps.clock.now();
  }

  start({ scanner, decide }: NeedsFirstEnvelope): void {
    this.#envelope = new EnvelopeWait(scanner, this.#deps.clock, envelopeTimeoutMs, (verdict, kept) => {
      const found: FoundStream =
        verdict.t === "refused" ? { t: "fail", error: verdict.error } : decide(verdict.envelope);
      this.#carry(found, verdict.outcome, kept);
    });
    this.#client.acknowledge();
  }

  #carry(found: FoundStream, envelope: EnvelopeVerdict["outcome"], kept: readonly Buffer[]): void {
    const spentMs = this.#deps.clock.now() - this.#startedMs;
    const carried = this.#deps.accept(this.#client, found, (done) =>
      this.#deps.onDone({ ...done, envelope, durationMs: done.durationMs + spentMs }),
    );
    this.#carried = carried;
    for (const bytes of kept) this.onData(bytes);
    if (this.#clientEnded) this.onFin();
  }

  /** R2 is sent no heads: the link refuses them. */
  onHead(): void {}

  onData(bytes: Buffer): void {
    if (this.#client.isFaulted) return this.#client.consumed(bytes.length);
    if (this.#carried !== undefined) return this.#carried.onData(bytes);
    this.#bytes += bytes.length;
    this.#envelope?.push(bytes);
  }

  onFin(): void {
    if (this.#client.isFaulted) return this.#client.close();
    if (this.#carried !== undefined) return this.#carried.onFin([]);
    this.#clientEnded = true;
    this.#envelope?.end();
  }

  onReset(error: TunnelError): void {
    this.#client.close();
    if (this.#carried !== undefined) {
      if (!this.#client.isFaulted) this.#carried.onReset(error);
      return;
    }
    this.#envelope?.stop();
    this.#deps.onDone({
      ...{ id: this.#open.id, route: "", destination: "", method: "", status: 0, error, envelope: "" },
      ...{ requestBytes: this.#open.preamble.length + this.#bytes, responseBytes: preambleAck.length },
      durationMs: this.#deps.clock.now() - this.#startedMs,
    });
  }

  onWritable(): void {
    this.#carried?.onWritable();
  }
}

/** A call whose client was told that the destination is there. */
class AcknowledgedCall implements Call {
  readonly #call: Call;
  readonly #clock: Clock;
  #answered = false;
  #cancelFaulted: (() => void) | undefined;

  constructor(call: Call, clock: Clock) {
    this.#call = call;
    this.#clock = clock;
  }

  get id(): string {
    return this.#call.id;
  }

  /** The client was told why not, in the session's own words; what it still sends is dropped. */
  get isFaulted(): boolean {
    return this.#cancelFaulted !== undefined;
  }

  acknowledge(): void {
    this.#call.data(preambleAck);
  }

  /** The client has closed, and needs no more time for it. */
  close(): void {
    this.#cancelFaulted?.();
  }

  head(head: Head): void {
    this.#call.head(head);
  }

  /** The destination's own acknowledgement is one too many. */
  data(bytes: Buffer): boolean {
    const isAck = !this.#answered && bytes[0] === preambleAck[0];
    this.#answered ||= bytes.length > 0;
    const rest = isAck ? bytes.subarray(1) : bytes;
    return rest.length === 0 || this.#call.data(rest);
  }

  fin(): void {
    this.#call.fin();
  }

  /** R1 has passed an acknowledgement on, so it has no words of its own any more. */
  reset(error: TunnelError): void {
    if (this.#answered) return this.#call.reset(error);
    this.#answered = true;
    this.#call.data(faultRecord(framingFault(error)));
    this.#call.fin();
    this.#cancelFaulted = this.#clock.after(faultedMs, () => this.#call.reset(error));
  }

  taken(repeatable: boolean): void {
    this.#call.taken(repeatable);
  }

  consumed(bytes: number): void {
    this.#call.consumed(bytes);
  }
}

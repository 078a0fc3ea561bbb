import { type ErrorName, TunnelError } from "@sallyport/proto/error";
import { CallKind, emptyOpen, type Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import type { AccessEntry } from "./access-entry.ts";
import { endpoint } from "./endpoint.ts";
import type { ByteStream, ByteStreamEvents } from "./listen/byte-stream.ts";
import type { CallStarter, StartTicket, StartWaiter } from "./pool/starter.ts";
import type { Quotas } from "./quota.ts";

export interface RawRelayDeps {
  readonly starter: CallStarter;
  readonly clock: Clock;
  /** The id of the next call, unique over all R1s. */
  readonly nextId: () => string;
  /** How long nothing may go either way; 0: for ever. */
  readonly idleTimeoutMs: number;
  /** Counts each call in, or says why it may not be. */
  readonly quotas: Pick<Quotas, "admit" | "release">;
  /** The access log; once for each call. */
  readonly onDone: (entry: AccessEntry) => void;
}

/** Whose bytes these are, and what is known of where they belong. */
export interface RawCall {
  readonly listener: string;
  readonly protocol: string;
  readonly connection: number;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly local: string;
  /** Read already, and the first bytes that the destination gets. */
  readonly preamble?: Buffer;
  /** The host that the client names: SNI. */
  readonly serverName?: string;
  /** Where it names one: for the access log. */
  readonly target?: string;
}

/** How long a destination may take for the last bytes of a client that is gone. */
export const deliveryMs = 30_000;

/** Carries a stream of bytes over a call, both ways, each with its own end. Returns at once; never throws. */
export function relayRaw(stream: ByteStream, call: RawCall, deps: RawRelayDeps): void {
  new RawRelay(stream, call, deps).start();
}

/** The same over a call that has begun already, and was counted in. Its events from now on go to what comes back. */
export function carryRaw(stream: ByteStream, raw: RawCall, deps: RawRelayDeps, call: Call): CallEvents {
  const relay = new RawRelay(stream, raw, deps);
  relay.adopt(call);
  return relay;
}

class RawRelay implements CallEvents, ByteStreamEvents, StartWaiter {
  readonly #stream: ByteStream;
  readonly #raw: RawCall;
  readonly #deps: RawRelayDeps;
  readonly #id: string;
  readonly #startedMs: number;
  #ticket: StartTicket | undefined;
  #call: Call | undefined;
  #error: ErrorName | "" = "";
  #clientEnded = false;
  #destinationEnded = false;
  #over = false;
  #admitted = false;
  /** Written and not out yet; we owe their credit. */
  #owedBytes = 0;
  /** The last bytes of the client may still wait for the destination. */
  #lacksCredit = false;
  #requestBytes: number;
  #responseBytes = 0;
  #activeMs: number;
  #cancelIdle: (() => void) | undefined;

  constructor(stream: ByteStream, raw: RawCall, deps: RawRelayDeps) {
    this.#stream = stream;
    this.#raw = raw;
    this.#deps = deps;
    this.#id = deps.nextId();
    this.#startedMs = deps.clock.now();
    this.#activeMs = this.#startedMs;
    this.#requestBytes = raw.preamble?.length ?? 0;
  }

  start(): void {
    this.#stream.listen(this);
    const refusal = this.#deps.quotas.admit(this.#raw.clientAddress);
    this.#admitted = refusal === undefined;
    if (refusal !== undefined) return this.#fail(refusal);
    const ticket = this.#deps.starter.start(openOf(this.#id, this.#raw), this, this);
    if (this.#call === undefined && this.#error === "" && !this.#over) this.#ticket = ticket;
  }

  adopt(call: Call): void {
    this.#stream.listen(this);
    this.started(call);
  }

  started(call: Call): void {
    this.#ticket = undefined;
    this.#call = call;
    this.#armIdle(this.#deps.idleTimeoutMs);
    // The client may have ended while the call waited for a link.
    if (this.#clientEnded) call.fin();
    this.#stream.resume();
  }

  failed(error: TunnelError): void {
    this.#ticket = undefined;
    this.#fail(error);
  }

  // ----------------------------------------------------------------------------------------------- from the client

  onBytes(bytes: Buffer): void {
    this.#activeMs = this.#deps.clock.now();
    this.#requestBytes += bytes.length;
    this.#lacksCredit = this.#call?.data(bytes) === false;
    if (this.#lacksCredit) this.#stream.pause();
  }

  onEnd(): void {
    this.#clientEnded = true;
    this.#call?.fin();
  }

  onDrain(): void {
    this.#activeMs = this.#deps.clock.now();
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (bytes > 0) this.#call?.consumed(bytes);
  }

  onClose(): void {
    const isWhole = this.#clientEnded && this.#destinationEnded;
    if (isWhole) this.#deliver();
    else if (this.#error === "") this.#error = "CANCELLED";
    this.#letGo(new TunnelError("CANCELLED", "the client is gone"));
    this.#done();
  }

  // -------------------------------------------------------------------------------------------------------- from R2

  /** A raw call has none: the link refuses them. */
  onHead(): void {}

  onData(bytes: Buffer): void {
    this.#activeMs = this.#deps.clock.now();
    this.#responseBytes += bytes.length;
    if (this.#stream.write(bytes)) this.#call?.consumed(bytes.length);
    else this.#owedBytes += bytes.length;
  }

  onFin(): void {
    this.#destinationEnded = true;
    this.#stream.end();
  }

  onReset(error: TunnelError): void {
    this.#call = undefined;
    if (!this.#over) this.#fail(error);
  }

  onWritable(): void {
    if (!this.#over) this.#stream.resume();
  }

  // ----------------------------------------------------------------------------------------------------------- ends

  /** The client's last bytes may still wait for credit: they go to the destination, if it takes them. */
  #deliver(): void {
    const call = this.#call;
    this.#call = undefined;
    if (call === undefined || !this.#lacksCredit) return;
    const late = new TunnelError("CANCELLED", "the client is gone, and the destination takes no more of its bytes");
    this.#deps.clock.after(deliveryMs, () => call.reset(late));
  }

  /** Bytes have no words for an error: the client sees a reset. */
  #fail(error: TunnelError): void {
    if (this.#error === "") this.#error = error.code;
    this.#letGo(error);
    this.#stream.reset(error);
  }

  #letGo(error: TunnelError): void {
    this.#ticket?.cancel();
    this.#ticket = undefined;
    this.#call?.reset(error);
    this.#call = undefined;
  }

  #armIdle(delayMs: number): void {
    if (this.#deps.idleTimeoutMs > 0) this.#cancelIdle = this.#deps.clock.after(delayMs, this.#onIdle);
  }

  readonly #onIdle = (): void => {
    const limitMs = this.#deps.idleTimeoutMs;
    const leftMs = this.#activeMs + limitMs - this.#deps.clock.now();
    if (leftMs > 0 || limitMs === 0) this.#armIdle(leftMs);
    else this.#fail(new TunnelError("REQUEST_TIMEOUT", `nothing went either way for ${limitMs} ms`));
  };

  #done(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelIdle?.();
    if (this.#admitted) this.#deps.quotas.release(this.#raw.clientAddress);
    this.#deps.onDone({
      id: this.#id,
      listener: this.#raw.listener,
      connection: this.#raw.connection,
      client: this.#raw.clientAddress,
      method: "",
      target: this.#raw.target ?? "",
      serverName: this.#raw.serverName ?? "",
      status: 0,
      error: this.#error,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      durationMs: this.#deps.clock.now() - this.#startedMs,
    });
  }
}

function openOf(id: string, raw: RawCall): Open {
  const { listener, protocol, connection, clientAddress, clientPort, local } = raw;
  return {
    ...emptyOpen,
    ...{ kind: CallKind.raw, id, listener, protocol, connection, local, client: endpoint(clientAddress, clientPort) },
    preamble: raw.preamble ?? emptyOpen.preamble,
    serverName: raw.serverName ?? "",
  };
}

import { TunnelError } from "@sallyport/proto/error";
import type { Head, Open } from "@sallyport/proto/frame";
import type { Budget } from "@sallyport/tunnel/budget";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import { isIdempotent } from "@sallyport/tunnel/idempotent-method";
import type { CallStarter, StartTicket, StartWaiter } from "./starter.ts";

/** The most of a request's body that is kept to be sent again: what R2 takes of a new call before it grants more. */
const copyBytesMax = 64 * 1024;
/** Links that a call tries before its refusal is the answer. */
const attemptsMax = 3;

export interface RepeaterOptions {
  readonly starter: CallStarter;
  /** Copies come from it; without room a call is sent once. */
  readonly budget: Budget;
}

/**
 * Sends a call elsewhere when it was surely not taken up, and again when its link broke and its method or its route
 * allows that: docs/delivery.md. Until R2 answers, the start of the body is kept.
 */
export class Repeater implements CallStarter {
  readonly counters = { refused: 0, lost: 0 };
  readonly #options: RepeaterOptions;

  constructor(options: RepeaterOptions) {
    this.#options = options;
  }

  start(open: Open, events: CallEvents, waiter: StartWaiter): StartTicket {
    const call = new RepeatableCall(this.#options, this.counters, open, events, waiter);
    call.begin();
    return call;
  }
}

class RepeatableCall implements Call, CallEvents, StartWaiter, StartTicket {
  readonly id: string;
  readonly #options: RepeaterOptions;
  readonly #counters: Repeater["counters"];
  readonly #open: Open;
  readonly #events: CallEvents;
  readonly #waiter: StartWaiter;
  /** On a link; undefined while it waits for one. */
  #call: Call | undefined;
  #ticket: StartTicket | undefined;
  #attempts = 0;
  /** Sent so far, to be sent again; undefined once it cannot or need not be. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #trailers: readonly string[] | undefined;
  /** The source waits for `onWritable`. */
  #stopped = false;
  #over = false;
  /** May be sent again although it may have been delivered. What one R2 said of it, the next may not. */
  #repeatable = false;
  /** Of the last refusal. */
  #retryAfterMs = 0;

  constructor(
    options: RepeaterOptions,
    counters: Repeater["counters"],
    open: Open,
    events: CallEvents,
    waiter: StartWaiter,
  ) {
    this.id = open.id;
    this.#options = options;
    this.#counters = counters;
    this.#open = open;
    this.#events = events;
    this.#waiter = waiter;
  }

  begin(): void {
    this.#attempts++;
    this.#repeatable = isIdempotent(this.#open.method);
    const ticket = this.#options.starter.start(this.#open, this, this);
    if (!this.#call && !this.#over) this.#ticket = ticket;
  }

  cancel(): void {
    this.#end();
    this.#ticket?.cancel();
  }

  // ------------------------------------------------------------------------------------------------ a link or none

  started(call: Call): void {
    this.#ticket = undefined;
    this.#call = call;
    if (this.#attempts === 1) return this.#waiter.started(this);
    this.#sendAgain(call);
  }

  failed(error: TunnelError): void {
    this.#ticket = undefined;
    this.#end();
    if (this.#attempts === 1) this.#waiter.failed(error);
    else this.#events.onReset(this.#withRetryAfter(error));
  }

  /** R2 may have said when the call is welcome again; the pool does not know. */
  #withRetryAfter(error: TunnelError): TunnelError {
    if (error.retryAfterMs > 0 || this.#retryAfterMs === 0) return error;
    return new TunnelError(error.code, error.message, error.cause, this.#retryAfterMs);
  }

  #sendAgain(call: Call): void {
    let writable = true;
    for (const bytes of this.#kept ?? []) writable = call.data(bytes);
    if (this.#trailers) call.fin(this.#trailers);
    if (!this.#stopped || !writable) return;
    this.#stopped = false;
    this.#events.onWritable();
  }

  // ---------------------------------------------------------------------------------------------- from the client

  /** R1 sends no heads. */
  head(): void {}

  /** Nor does it hand calls on. */
  taken(): void {}

  data(bytes: Buffer): boolean {
    if (this.#over) return true;
    this.#keep(bytes);
    const writable = this.#call?.data(bytes) ?? false;
    this.#stopped = !writable;
    return writable;
  }

  fin(trailers: readonly string[] = []): void {
    this.#trailers = trailers;
    this.#call?.fin(trailers);
  }

  reset(error: TunnelError): void {
    this.#end();
    this.#ticket?.cancel();
    this.#call?.reset(error);
  }

  consumed(bytes: number): void {
    this.#call?.consumed(bytes);
  }

  #keep(bytes: Buffer): void {
    if (!this.#kept) return;
    if (this.#keptBytes + bytes.length > copyBytesMax || !this.#options.budget.takeForGrowth(bytes.length)) {
      return this.#dropCopy();
    }
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
  }

  #dropCopy(): void {
    this.#options.budget.give(this.#keptBytes);
    this.#kept = undefined;
    this.#keptBytes = 0;
  }

  // ------------------------------------------------------------------------------------------------------- from R2

  onHead(head: Head): void {
    this.#takenUp();
    this.#events.onHead(head);
  }

  onData(bytes: Buffer): void {
    // A raw call's first answer has no head before it.
    if (this.#kept) this.#takenUp();
    this.#events.onData(bytes);
  }

  onFin(trailers: readonly string[]): void {
    this.#takenUp();
    this.#events.onFin(trailers);
  }

  onTaken(repeatable: boolean): void {
    this.#repeatable ||= repeatable;
    if (!this.#repeatable && this.#kept) this.#dropCopy();
  }

  onWritable(): void {
    this.#stopped = false;
    this.#events.onWritable();
  }

  onReset(error: TunnelError): void {
    this.#call = undefined;
    if (this.#over) return;
    if (this.#mayRepeat(error)) return this.begin();
    this.#end();
    this.#events.onReset(error);
  }

  /** From its first answer on a call is never repeated. */
  #takenUp(): void {
    if (this.#kept) this.#dropCopy();
  }

  #mayRepeat(error: TunnelError): boolean {
    if (!this.#kept || this.#attempts >= attemptsMax) return false;
    if (error.code === "REFUSED") {
      this.#counters.refused++;
      this.#retryAfterMs = error.retryAfterMs;
      return true;
    }
    if (error.code !== "LINK_LOST" || !this.#repeatable) return false;
    this.#counters.lost++;
    return true;
  }

  #end(): void {
    this.#over = true;
    if (this.#kept) this.#dropCopy();
  }
}

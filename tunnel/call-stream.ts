import type { BatchWriter } from "@sallyport/proto/batch-writer";
import { TunnelError } from "@sallyport/proto/error";
import { CallKind, dataFrameBytesMax, type Head, type Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "./call.ts";
import { type CallState, mayReceive, maySend, nextCallState } from "./call-state.ts";
import type { ReceiveWindow } from "./receive-window.ts";

/** A call stops its source when it is short of credit, or when this much is queued: what one batch takes. */
const queueBytesMax = 256 * 1024;
/** Below this a stopped source may go on. */
const queueBytesLow = 32 * 1024;
/** Less room than this in a batch is not worth a frame of its own. */
const frameBytesMin = 1024;
const creditMax = 2 ** 31 - 1;

/** What a call needs of its link. */
export interface CallOwner {
  /** The call has something to send. */
  activate(call: CallStream): void;
  /** The call has ended; nothing of it is sent or expected any more. */
  forget(call: CallStream): void;
  sendCredit(call: CallStream, bytes: number): void;
  sendReset(call: CallStream, error: TunnelError): void;
  sendTaken(call: CallStream, repeatable: boolean): void;
  nowMs(): number;
  roundTripMs(): number;
}

/** `done`: nothing left; `more`: the turn is over; `blocked`: out of credit; `full`: the batch is. */
export type TurnResult = "done" | "more" | "blocked" | "full";

type Queued =
  | Buffer
  | { readonly t: "open"; readonly open: Open }
  | { readonly t: "head"; readonly head: Head }
  | { readonly t: "fin"; readonly trailers: readonly string[] };

const noTrailers: readonly string[] = [];

export class CallStream implements Call {
  readonly number: number;
  readonly id: string;
  readonly window: ReceiveWindow;
  /** Set at once by whoever makes the call. */
  events!: CallEvents;
  state: CallState = "open";
  /** The peer has heard of the call. */
  announced: boolean;
  /** In one of the link's rings. */
  active = false;
  /** DATA bytes of the last turn: a call that fills its turns does not count as a newcomer. */
  lastTurnBytes = 0;

  readonly #owner: CallOwner;
  /** R1's side: it opened the call and expects the response's head. */
  readonly #opener: boolean;
  readonly #kind: CallKind;
  #queue: (Queued | undefined)[] = [];
  #queueStart = 0;
  #queuedBytes = 0;
  /** Sent already of the first queued buffer. */
  #offset = 0;
  #credit: number;
  #finQueued = false;
  #finalHead = false;
  #sourceStopped = false;

  constructor(owner: CallOwner, number: number, open: Open, opener: boolean, credit: number, window: ReceiveWindow) {
    this.#owner = owner;
    this.number = number;
    this.id = open.id;
    this.#kind = open.kind;
    this.#opener = opener;
    this.announced = !opener;
    this.#credit = credit;
    this.window = window;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Queued, and there is credit for it. */
  get sendableBytes(): number {
    return Math.min(this.#queuedBytes, this.#credit);
  }

  /** Something is queued and waits for the peer's credit. */
  get stalled(): boolean {
    return this.#queuedBytes > 0 && this.#credit === 0;
  }

  // ------------------------------------------------------------------------------------------- from our side

  /** R1: queues the OPEN. */
  open(open: Open): void {
    this.#enqueue({ t: "open", open });
  }

  head(head: Head): void {
    if (!this.#sendable()) return;
    this.#enqueue({ t: "head", head });
  }

  data(bytes: Buffer): boolean {
    if (!this.#sendable() || bytes.length === 0) return true;
    this.#queuedBytes += bytes.length;
    this.#enqueue(bytes);
    this.#sourceStopped = this.#queuedBytes > Math.min(this.#credit, queueBytesMax);
    return !this.#sourceStopped;
  }

  fin(trailers: readonly string[] = noTrailers): void {
    if (!this.#sendable()) return;
    this.#finQueued = true;
    this.#enqueue({ t: "fin", trailers });
  }

  reset(error: TunnelError): void {
    if (this.state === "closed") return;
    if (this.announced) this.#owner.sendReset(this, error);
    this.#close();
  }

  taken(repeatable: boolean): void {
    if (this.state !== "closed") this.#owner.sendTaken(this, repeatable);
  }

  consumed(bytes: number): void {
    if (this.state === "closed") return;
    const grant = this.window.consume(bytes, this.#owner.nowMs(), this.#owner.roundTripMs());
    if (grant > 0 && mayReceive(this.state)) this.#owner.sendCredit(this, grant);
  }

  #sendable(): boolean {
    return maySend(this.state) && !this.#finQueued;
  }

  #enqueue(item: Queued): void {
    this.#queue.push(item);
    if (!this.active) this.#owner.activate(this);
  }

  // --------------------------------------------------------------------------------------------- from the peer

  receiveHead(head: Head): void {
    if (!mayReceive(this.state)) return this.fail("a head after the end of its direction");
    if (!this.#opener || this.#kind === CallKind.raw || this.#finalHead) return this.fail("a head where none may be");
    this.#finalHead = head.status >= 200 || head.status === 101;
    this.events.onHead(head);
  }

  /** `retained` is how much memory the view keeps alive. */
  receiveData(bytes: Buffer, retainedBytes: number): void {
    if (!mayReceive(this.state)) return this.fail("data after the end of its direction");
    if (this.#awaitsHead()) return this.fail("data before the response's head");
    const lagging = this.window.unreadBytes > 0;
    if (!this.window.receive(bytes.length)) {
      return this.end(new TunnelError("FLOW_CONTROL", `call ${this.number}: ${bytes.length} bytes beyond its credit`));
    }
    // A reader that lags must not pin a whole batch with a small view of it.
    this.events.onData(lagging && bytes.length * 8 < retainedBytes ? copyOf(bytes) : bytes);
  }

  receiveFin(trailers: readonly string[]): void {
    const state = nextCallState(this.state, "remoteFin");
    if (state === "illegal") return this.fail("a second fin");
    if (this.#awaitsHead()) return this.fail("fin before the response's head");
    this.state = state;
    if (state === "closed") this.#release();
    this.events.onFin(trailers);
  }

  receiveReset(error: TunnelError): void {
    if (this.state === "closed") return;
    this.#close();
    this.events.onReset(error);
  }

  receiveCredit(bytes: number): void {
    if (this.#credit + bytes > creditMax) return this.fail("credit beyond 2^31 - 1");
    this.#credit += bytes;
    if (this.#queuedBytes > 0 && !this.active) this.#owner.activate(this);
  }

  /** The peer broke a rule on this call. */
  fail(what: string): void {
    this.end(new TunnelError("PROTOCOL", `call ${this.number}: ${what}`));
  }

  /** Resets the call and tells its owner. */
  end(error: TunnelError): void {
    this.reset(error);
    this.events.onReset(error);
  }

  #awaitsHead(): boolean {
    return this.#opener && this.#kind !== CallKind.raw && !this.#finalHead;
  }

  // ------------------------------------------------------------------------------------------------- its turns

  /** Writes what may be sent now, up to `quantumBytes` of data. */
  writeTurn(writer: BatchWriter, quantumBytes: number): TurnResult {
    let spent = 0;
    let result: TurnResult = "done";
    while (this.#queueStart < this.#queue.length) {
      const item = this.#queue[this.#queueStart]!;
      if (!Buffer.isBuffer(item)) {
        if (!this.#writeControl(writer, item)) {
          result = "full";
          break;
        }
        this.#shift();
        continue;
      }
      const left = item.length - this.#offset;
      const bytes = Math.min(left, quantumBytes - spent, this.#credit, dataFrameBytesMax);
      if (bytes === 0) {
        result = this.#credit === 0 ? "blocked" : "more";
        break;
      }
      const room = writer.room();
      const fitting = Math.min(bytes, room);
      if (fitting < bytes && fitting < frameBytesMin) {
        result = "full";
        break;
      }
      writer.data(this.number, item, this.#offset, this.#offset + fitting);
      spent += fitting;
      this.#credit -= fitting;
      this.#queuedBytes -= fitting;
      if (fitting === left) this.#shift();
      else this.#offset += fitting;
    }
    this.lastTurnBytes = spent;
    return result;
  }

  /** After a batch was built: wakes a source that was stopped. */
  wake(): void {
    if (!this.#sourceStopped || this.#queuedBytes > queueBytesLow || this.state === "closed") return;
    this.#sourceStopped = false;
    this.events.onWritable();
  }

  /** False when the batch is full. */
  #writeControl(writer: BatchWriter, item: Exclude<Queued, Buffer>): boolean {
    try {
      return this.#write(writer, item);
    } catch (error) {
      // A head no batch can carry is this call's misfortune, not the link's.
      if (!(error instanceof TunnelError)) throw error;
      this.end(new TunnelError(this.#opener ? "BAD_REQUEST" : "DESTINATION_FAILED", error.message, error));
      return true;
    }
  }

  #write(writer: BatchWriter, item: Exclude<Queued, Buffer>): boolean {
    switch (item.t) {
      case "open": {
        const written = writer.open(this.number, item.open);
        if (written) this.announced = true;
        return written;
      }
      case "head":
        return writer.head(this.number, item.head);
      case "fin": {
        const written = writer.fin(this.number, item.trailers);
        if (written) this.#localEnded();
        return written;
      }
    }
  }

  #shift(): void {
    this.#offset = 0;
    // What was sent must not be kept for as long as the call is never quite drained.
    this.#queue[this.#queueStart++] = undefined;
    if (this.#queueStart === this.#queue.length) {
      this.#queue.length = 0;
      this.#queueStart = 0;
    } else if (this.#queueStart > 64) {
      this.#queue.splice(0, this.#queueStart);
      this.#queueStart = 0;
    }
  }

  #localEnded(): void {
    const state = nextCallState(this.state, "localFin");
    if (state === "illegal") throw new Error(`call ${this.number}: a second fin of our own`);
    this.state = state;
    if (state === "closed") this.#release();
  }

  #close(): void {
    this.state = "closed";
    this.#queue = [];
    this.#queueStart = 0;
    this.#queuedBytes = 0;
    this.#release();
  }

  #release(): void {
    this.window.release();
    this.#owner.forget(this);
  }
}

/** Outside of the shared pool, which a small buffer would keep alive as well. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

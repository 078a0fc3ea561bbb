import { decodeBatch } from "@sallyport/proto/batch-reader";
import { BatchWriter } from "@sallyport/proto/batch-writer";
import { ErrorCode, errorName, TunnelError } from "@sallyport/proto/error";
import {
  type FrameHandler,
  type GoAway,
  type Head,
  type Limits,
  type LinkHello,
  type Open,
  protocolVersion,
} from "@sallyport/proto/frame";
import type { Budget } from "./budget.ts";
import type { AcceptCall, Call, CallEvents } from "./call.ts";
import { type CallOwner, CallStream } from "./call-stream.ts";
import { CallTable } from "./call-table.ts";
import type { Clock } from "./clock.ts";
import { type ControlFrame, writeControlFrame } from "./control-frame.ts";
import { Heartbeat } from "./heartbeat.ts";
import { ReceiveWindow } from "./receive-window.ts";
import type { LinkTransport, TransportEvents } from "./transport.ts";
import { Turns } from "./turns.ts";

/** docs/protocol.md, "Links". */
const handshakeMs = 3_000;
const callNumberMax = 2 ** 31 - 1;
/** Control frames that may wait, beside a few for each call: more means a peer that sends and does not read. */
const controlFramesMax = 1_024;
const controlFramesPerCall = 8;

/**
 * What R2 keeps of a response whose reader is slow, beside any window: one read of the destination's socket and what is
 * queued here. Taken from the budget for each call, with its window. docs/memory.md.
 */
export const responseReserveBytes = 128 * 1024;

export type LinkState = "handshake" | "open" | "draining" | "closed";

export interface LinkOptions {
  readonly transport: LinkTransport;
  readonly limits: Limits;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly budget: Budget;
  /** `open` → `draining` → `closed`; `handshake` is where it starts. Every change, once. */
  readonly onState: (link: Link, error: TunnelError | undefined) => void;
  /** A full link has room for a call again. */
  readonly onRoom?: () => void;
  /** Bytes received or sent. */
  readonly onBytes?: (bytes: number) => void;
  readonly role: DmzRole | IntranetRole;
}

export interface DmzRole {
  readonly t: "dmz";
  /** An error refuses the link. */
  readonly admit: (hello: LinkHello, link: Link) => TunnelError | undefined;
}

export interface IntranetRole {
  readonly t: "intranet";
  readonly hello: LinkHello;
  readonly accept: AcceptCall;
}

/** Counters since the link began; the metrics page adds them up. */
export interface LinkCounters {
  calls: number;
  bytesIn: number;
  bytesOut: number;
  batchesIn: number;
  batchesOut: number;
  /** Frames for calls that had ended. */
  lateFrames: number;
  /** Frames of a kind we do not know. */
  unknownFrames: number;
  refusedCalls: number;
  /** Calls that ended because their owner here threw: a programmer's error. */
  brokenCalls: number;
}

/** Why a link takes no call now; `undefined`: it took it. */
export type OpenFailure = "full" | "overloaded" | "closing";

/**
 * One pooled stream and its calls. Demultiplexing never waits: every frame is handed on or refused at once, and credit
 * bounds what a slow reader makes us keep. docs/protocol.md, "Links" to "Draining".
 */
export class Link implements FrameHandler, TransportEvents, CallOwner {
  readonly counters: LinkCounters = {
    calls: 0,
    bytesIn: 0,
    bytesOut: 0,
    batchesIn: 0,
    batchesOut: 0,
    lateFrames: 0,
    unknownFrames: 0,
    refusedCalls: 0,
    brokenCalls: 0,
  };
  /** From LinkHello; empty before. */
  linkId = "";
  state: LinkState = "handshake";

  readonly #options: LinkOptions;
  readonly #transport: LinkTransport;
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;
  readonly #calls = new CallTable<CallStream>();
  readonly #turns = new Turns();
  readonly #writer = new BatchWriter();
  /** Frames that go before all data; each answers false when it does not fit. */
  readonly #control: ControlFrame[] = [];
  #peer: Limits;
  #lastCall = 0;
  #goAwaySent = false;
  #goAwayReceived = false;
  /** Nothing more is sent or taken; the transport is about to end. */
  #closing = false;
  #outstanding = false;
  #flushScheduled = false;
  #batchBytes = 0;
  #cancelHandshake: () => void;
  readonly #flush = (): void => this.#flushNow();

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#peer = options.limits;
    this.#heartbeat = new Heartbeat({
      clock: options.clock,
      intervalMs: options.heartbeatMs,
      ping: (nonce) => this.#queueControl({ t: "ping", nonce, ack: false }),
      silent: (silentMs) => this.close(new TunnelError("LINK_LOST", `link ${this.linkId}: silent for ${silentMs} ms`)),
    });
    this.#cancelHandshake = this.#clock.after(handshakeMs, () =>
      this.close(new TunnelError("LINK_LOST", `link: no handshake within ${handshakeMs} ms`)),
    );
    this.#transport.listen(this);
    if (options.role.t === "intranet") {
      this.linkId = options.role.hello.linkId;
      this.#queueControl({ t: "linkHello", hello: options.role.hello });
    }
  }

  get callCount(): number {
    return this.#calls.size;
  }

  /** Calls that may still be opened now. */
  get freeCalls(): number {
    return this.state === "open" && !this.#closing ? this.#callsMax - this.#calls.size : 0;
  }

  /** Calls that have bytes to send and no credit. */
  get stalledCalls(): number {
    let stalled = 0;
    for (const call of this.#calls.values()) if (call.stalled) stalled++;
    return stalled;
  }

  /** More than `bytes` wait that have credit: the connection, not a reader, is slow. */
  congested(bytes: number): boolean {
    if (!this.#outstanding) return false;
    let waiting = 0;
    for (const call of this.#calls.values()) {
      waiting += call.sendableBytes;
      if (waiting > bytes) return true;
    }
    return false;
  }

  /** Bytes that calls have queued here. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const call of this.#calls.values()) bytes += call.queuedBytes;
    return bytes;
  }

  get #callsMax(): number {
    return Math.min(this.#options.limits.callsPerLink, this.#peer.callsPerLink);
  }

  // ------------------------------------------------------------------------------------------- from our side

  /** R1: starts a call. */
  openCall(open: Open, events: CallEvents): Call | OpenFailure {
    if (this.state !== "open" || this.#closing) return "closing";
    if (this.#calls.size >= this.#callsMax) return "full";
    const { initialWindowBytes, windowMaxBytes } = this.#options.limits;
    if (!this.#options.budget.take(initialWindowBytes)) return "overloaded";
    const window = new ReceiveWindow(this.#options.budget, initialWindowBytes, windowMaxBytes, this.#clock.now());
    const call = new CallStream(this, ++this.#lastCall, open, true, this.#peer.initialWindowBytes, window);
    call.events = events;
    this.#calls.add(call);
    this.counters.calls++;
    call.open(open);
    if (this.#lastCall === callNumberMax) this.drain("call numbers are used up");
    return call;
  }

  /** Takes no more calls; closes when the last one has ended. */
  drain(message: string): void {
    if (this.state === "handshake") return this.close();
    if (this.state === "closed" || this.#goAwaySent) return;
    this.#goAwaySent = true;
    this.#queueControl({ t: "goAway", goAway: { lastCall: this.#lastCall, code: ErrorCode.DRAINING, message } });
    this.#enterDraining();
  }

  /**
   * Ends the link: at once with an error, which is also the end of its calls; politely without one, and then it is closed
   * when the peer has everything.
   */
  close(error?: TunnelError): void {
    if (this.state === "closed") return;
    if (error || this.state === "handshake" || this.#calls.size > 0) {
      this.#closed(error);
      this.#transport.close(error);
    } else if (!this.#closing) {
      this.#closing = true;
      this.#transport.close();
    }
  }

  #enterDraining(): void {
    if (this.state === "open") this.#setState("draining");
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (this.state !== "draining" || this.#calls.size > 0 || this.#outstanding) return;
    if (this.#control.length > 0 || !this.#turns.empty) return;
    this.close();
  }

  #closed(error: TunnelError | undefined): void {
    this.#cancelHandshake();
    this.#heartbeat.stop();
    this.#control.length = 0;
    this.state = "closed";
    for (const call of [...this.#calls.values()]) this.#endCall(call, this.#lossOf(call, error));
    this.#options.onState(this, error);
  }

  /** What was never announced is surely undelivered. */
  #lossOf(call: CallStream, error: TunnelError | undefined): TunnelError {
    const code = call.announced ? "LINK_LOST" : "REFUSED";
    return new TunnelError(code, error?.message ?? "the link was closed", error);
  }

  #setState(state: LinkState): void {
    this.state = state;
    this.#options.onState(this, undefined);
  }

  // ------------------------------------------------------------------------------------------ for CallStream

  activate(call: CallStream): void {
    this.#turns.add(call);
    this.#scheduleFlush();
  }

  forget(call: CallStream): void {
    const full = this.#calls.size === this.#callsMax;
    const known = this.#calls.delete(call.number);
    if (known && this.#options.role.t === "intranet") this.#options.budget.give(responseReserveBytes);
    if (full && this.state === "open") this.#options.onRoom?.();
    if (this.state === "draining") this.#scheduleFlush();
  }

  sendCredit(call: CallStream, bytes: number): void {
    this.#queueControl({ t: "credit", call: call.number, bytes });
  }

  sendReset(call: CallStream, { code, message, retryAfterMs }: TunnelError): void {
    this.#queueControl({ t: "reset", call: call.number, code: ErrorCode[code], message, retryAfterMs });
  }

  sendTaken(call: CallStream, repeatable: boolean): void {
    this.#queueControl({ t: "taken", call: call.number, repeatable });
  }

  nowMs(): number {
    return this.#clock.now();
  }

  roundTripMs(): number {
    return this.#heartbeat.roundTripMs;
  }

  // ------------------------------------------------------------------------------------------------- sending

  #queueControl(frame: ControlFrame): void {
    this.#control.push(frame);
    if (this.#control.length > controlFramesMax + controlFramesPerCall * this.#calls.size) {
      return this.close(new TunnelError("OVERLOADED", `link ${this.linkId}: the peer sends and does not read`));
    }
    this.#scheduleFlush();
  }

  /** All frames of one turn of the event loop leave together. */
  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#outstanding || this.#closing || this.state === "closed") return;
    this.#flushScheduled = true;
    setImmediate(this.#flush);
  }

  #flushNow(): void {
    this.#flushScheduled = false;
    if (this.#outstanding || this.#closing || this.state === "closed") return;
    const woken = this.#writeControl() ? this.#turns.fill(this.#writer, this.#heartbeat.late) : [];
    if (!this.#writer.empty) this.#send(this.#writer.finish());
    for (const call of woken) call.wake();
    this.#closeIfDrained();
  }

  #send(batch: Buffer): void {
    this.#outstanding = true;
    this.counters.batchesOut++;
    this.counters.bytesOut += batch.length;
    this.#options.onBytes?.(batch.length);
    this.#transport.send(batch);
  }

  /** False when the batch is full. */
  #writeControl(): boolean {
    let written = 0;
    for (const frame of this.#control) {
      if (!writeControlFrame(this.#writer, frame)) break;
      written++;
    }
    if (written === this.#control.length) this.#control.length = 0;
    else this.#control.splice(0, written);
    return this.#control.length === 0;
  }

  onSent(): void {
    this.#outstanding = false;
    if (this.state === "closed") return;
    if (this.#control.length > 0 || !this.#turns.empty) this.#flushNow();
    else this.#closeIfDrained();
  }

  // ----------------------------------------------------------------------------------------------- receiving

  onBatch(batch: Buffer): void {
    if (this.#closing || this.state === "closed") return;
    this.#heartbeat.alive();
    this.counters.batchesIn++;
    this.counters.bytesIn += batch.length;
    this.#batchBytes = batch.length;
    try {
      this.counters.unknownFrames += decodeBatch(batch, this);
    } catch (error) {
      this.close(error instanceof TunnelError ? error : new TunnelError("INTERNAL", `link: ${String(error)}`, error));
    }
    this.#options.onBytes?.(batch.length);
  }

  onClosed(error: TunnelError | undefined): void {
    if (this.state === "closed") return;
    this.#closed(
      error ?? (this.#calls.size > 0 ? new TunnelError("LINK_LOST", "the peer closed the link") : undefined),
    );
  }

  linkHello(hello: LinkHello): void {
    const { role } = this.#options;
    if (role.t !== "dmz" || this.state !== "handshake") throw protocolError("link_hello where none may be");
    this.linkId = hello.linkId;
    this.#peer = hello.limits;
    const refusal = unusable(hello) ?? role.admit(hello, this);
    if (refusal) return this.close(refusal);
    this.#queueControl({ t: "linkWelcome", limits: this.#options.limits });
    this.#opened();
  }

  linkWelcome(limits: Limits): void {
    if (this.#options.role.t !== "intranet" || this.state !== "handshake") {
      throw protocolError("link_welcome where none may be");
    }
    this.#peer = limits;
    this.#opened();
  }

  #opened(): void {
    this.#cancelHandshake();
    this.#heartbeat.start();
    this.#setState("open");
  }

  open(number: number, open: Open): void {
    const { role } = this.#options;
    if (!this.#expectOpen("open")) return;
    if (role.t !== "intranet") throw protocolError("open from R2");
    if (this.#goAwayReceived) throw protocolError("open after R1's go_away");
    if (number <= this.#lastCall) throw protocolError(`call ${number} opened after call ${this.#lastCall}`);
    if (this.#goAwaySent) return this.#refuse(number, "R2 drains");
    this.#lastCall = number;
    if (this.#calls.size >= this.#callsMax) return this.#refuse(number, "more calls than the link may carry");
    const { initialWindowBytes, windowMaxBytes } = this.#options.limits;
    if (!this.#options.budget.take(initialWindowBytes + responseReserveBytes)) {
      return this.#refuse(number, "R2's memory budget is spent");
    }
    const window = new ReceiveWindow(this.#options.budget, initialWindowBytes, windowMaxBytes, this.#clock.now());
    const call = new CallStream(this, number, open, false, this.#peer.initialWindowBytes, window);
    this.#calls.add(call);
    this.counters.calls++;
    call.events = role.accept(call, open);
  }

  #refuse(number: number, message: string): void {
    this.counters.refusedCalls++;
    this.#queueControl({ t: "reset", call: number, code: ErrorCode.REFUSED, message });
  }

  head(number: number, head: Head): void {
    const call = this.#find(number);
    try {
      call?.receiveHead(head);
    } catch (error) {
      this.#broken(call, error);
    }
  }

  data(number: number, bytes: Buffer): void {
    const call = this.#find(number);
    try {
      call?.receiveData(bytes, this.#batchBytes);
    } catch (error) {
      this.#broken(call, error);
    }
  }

  fin(number: number, trailers: readonly string[]): void {
    const call = this.#find(number);
    try {
      call?.receiveFin(trailers);
    } catch (error) {
      this.#broken(call, error);
    }
  }

  reset(number: number, code: number, message: string, retryAfterMs: number): void {
    this.#endCall(this.#find(number), new TunnelError(errorName(code), message, undefined, retryAfterMs));
  }

  credit(number: number, bytes: number): void {
    this.#find(number)?.receiveCredit(bytes);
  }

  /** What one call's owner throws is that call's end, not its neighbours'. */
  #broken(call: CallStream | undefined, error: unknown): void {
    this.counters.brokenCalls++;
    call?.end(new TunnelError("INTERNAL", `the router failed: ${String(error)}`, error));
  }

  #endCall(call: CallStream | undefined, error: TunnelError): void {
    try {
      call?.receiveReset(error);
    } catch {
      // It has ended all the same.
      this.counters.brokenCalls++;
    }
  }

  held(number: number, _maxWaitMs: number, ready: boolean): void {
    if (this.#options.role.t !== "dmz") throw protocolError("held from R1");
    if (this.#find(number) && ready) this.#queueControl({ t: "commit", call: number });
  }

  taken(number: number, repeatable: boolean): void {
    if (this.#options.role.t !== "dmz") throw protocolError("taken from R1");
    this.#find(number)?.events.onTaken?.(repeatable);
  }

  /** R2 keeps no connection for one client alone yet, so nothing is to be closed. */
  clientClosed(): void {
    this.#expectOpen("client_closed");
    if (this.#options.role.t !== "intranet") throw protocolError("client_closed from R2");
  }

  /** Nothing is held yet, so nothing waits for it. */
  commit(number: number): void {
    this.#find(number)?.fail("commit of a call that was not held");
  }

  ping(nonce: number, ack: boolean): void {
    if (this.state === "closed") return;
    if (ack) this.#heartbeat.answered(nonce);
    else this.#queueControl({ t: "ping", nonce, ack: true });
  }

  goAway({ lastCall, message, retryAfterMs }: GoAway): void {
    if (!this.#expectOpen("go_away")) return;
    this.#goAwayReceived = true;
    // First out of use: a refused call that starts again must not start here.
    if (this.state === "open") this.#setState("draining");
    if (this.#options.role.t === "dmz") {
      const refused = new TunnelError("REFUSED", `R2 takes no more calls: ${message}`, undefined, retryAfterMs);
      for (const call of [...this.#calls.values()]) if (call.number > lastCall) this.#endCall(call, refused);
    }
    this.#scheduleFlush();
  }

  /** A call that has ended answers undefined; one that never was is an error of the peer's. */
  #find(number: number): CallStream | undefined {
    if (!this.#expectOpen("a call's frame")) return undefined;
    const call = this.#calls.get(number);
    if (call) return call;
    const known = number > 0 && (number <= this.#lastCall || this.#goAwaySent);
    if (!known) throw protocolError(`a frame for call ${number}, which was never opened`);
    this.counters.lateFrames++;
    return undefined;
  }

  /** False once the link is closed: what is left of its batch counts for nothing. */
  #expectOpen(what: string): boolean {
    if (this.state === "handshake") throw protocolError(`${what} before the handshake`);
    return this.state !== "closed";
  }
}

/** What makes a link useless from the start. */
function unusable({ protocol, limits }: LinkHello): TunnelError | undefined {
  if (protocol.major !== protocolVersion.major) return protocolError(`R2 speaks protocol ${protocol.major}`);
  if (limits.callsPerLink < 1 || limits.initialWindowBytes < 1)
    return protocolError("R2's limits leave room for no call");
  return undefined;
}

function protocolError(what: string): TunnelError {
  return new TunnelError("PROTOCOL", `link: ${what}`);
}

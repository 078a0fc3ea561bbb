import type { TunnelError } from "@sallyport/proto/error";
import type { Head, Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import type { AccessEntry } from "./access-entry.ts";
import { RawClient, Signal } from "./listen/client.fixture.ts";
import type { ClientConnection } from "./listen/connection.ts";
import type { Exchange } from "./listen/exchange.ts";
import { HttpListener } from "./listen/http.ts";
import type { Refusal } from "./listen/refusal.ts";
import type { CallStarter, StartTicket, StartWaiter } from "./pool/starter.ts";
import { type QuotaLimits, Quotas } from "./quota.ts";
import { relayExchange } from "./relay.ts";
import { relayUpgrade } from "./relay-upgrade.ts";

/** For tests: a real listener and relay on loopback, with calls that a test answers by hand. */

export interface Bench {
  readonly listener: HttpListener;
  readonly port: number;
  readonly starter: FakeStarter;
  readonly clock: FakeClock;
  readonly entries: AccessEntry[];
  readonly refusals: Refusal[];
  readonly exchanges: Exchange[];
  /** Resolves when this many exchanges are in the access log. */
  done(count: number): Promise<AccessEntry[]>;
  client(options?: { allowHalfOpen?: boolean }): Promise<RawClient>;
  close(): Promise<void>;
}

/** Of connections whose protocol was switched. */
export const upgradeIdleMs = 60_000;

export const httpDefaults = {
  headersTimeoutMs: 30_000,
  bodyIdleTimeoutMs: 60_000,
  keepAliveTimeoutMs: 75_000,
  halfClosedTimeoutMs: 5_000,
  sendTimeoutMs: 60_000,
  headerBytesMax: 64 * 1024,
  connectionsMax: 1000,
};

export async function openBench(
  http: Partial<typeof httpDefaults> = {},
  limits: Partial<QuotaLimits> = {},
): Promise<Bench> {
  const settings = { ...httpDefaults, ...http };
  const clock = new FakeClock();
  const starter = new FakeStarter();
  const entries: AccessEntry[] = [];
  const refusals: Refusal[] = [];
  const exchanges: Exchange[] = [];
  const signal = new Signal();
  const clients: RawClient[] = [];
  let calls = 0;
  let connections = 0;
  const onDone = (entry: AccessEntry) => {
    entries.push(entry);
    signal.notify();
  };
  const quotas = new Quotas({ callsMax: 0, callsPerClientMax: 0, callsPerSecondPerClient: 0, ...limits }, clock);
  const deps = { ...settings, starter, clock, quotas, onDone, nextId: () => `call-${++calls}` };
  const listener = new HttpListener({
    listener: { name: "web", address: "127.0.0.1", port: 0 },
    http: settings,
    clock,
    nextConnection: () => ++connections,
    onExchange(exchange) {
      exchanges.push(exchange);
      if (exchange.isUpgrade) relayUpgrade(exchange, { ...deps, idleTimeoutMs: upgradeIdleMs });
      else relayExchange(exchange, deps);
    },
    onRefused: (_: ClientConnection, refusal) => refusals.push(refusal),
  });
  const { port } = await listener.listen();
  return {
    listener,
    port,
    starter,
    clock,
    entries,
    refusals,
    exchanges,
    done: (count) => signal.until(() => entries.length >= count).then(() => entries),
    async client(options = {}) {
      const client = await RawClient.connect(port, options);
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.socket.destroy();
      await listener.close();
    },
  };
}

export class FakeClock implements Clock {
  #nowMs = 1;
  #timers: { atMs: number; fire: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fire();
    }
    this.#nowMs = endMs;
  }
}

/** Starts each call at once, unless told to let them wait or to fail them. */
export class FakeStarter implements CallStarter {
  mode: "start" | "wait" | TunnelError = "start";
  /** Answers each call as it starts. */
  onCall: (call: FakeCall) => void = () => {};
  readonly calls: FakeCall[] = [];
  readonly waiting: { open: Open; start: () => void }[] = [];
  cancelled = 0;
  readonly signal = new Signal();

  start(open: Open, events: CallEvents, waiter: StartWaiter): StartTicket {
    if (this.mode === "start") this.#start(open, events, waiter);
    else if (this.mode !== "wait") waiter.failed(this.mode);
    else this.waiting.push({ open, start: () => this.#start(open, events, waiter) });
    this.signal.notify();
    return {
      cancel: () => {
        this.cancelled++;
        this.signal.notify();
      },
    };
  }

  /** The nth call, from 1, once it is there. */
  async call(nth: number): Promise<FakeCall> {
    await this.signal.until(() => this.calls.length >= nth);
    return this.calls[nth - 1]!;
  }

  #start(open: Open, events: CallEvents, waiter: StartWaiter): void {
    const call = new FakeCall(open, events);
    this.calls.push(call);
    waiter.started(call);
    this.onCall(call);
    this.signal.notify();
  }
}

export class FakeCall implements Call {
  readonly id: string;
  readonly open: Open;
  readonly events: CallEvents;
  readonly signal = new Signal();
  /** What `data` answers. */
  takes = true;
  body = "";
  /** Undefined until our side's fin. */
  trailers: readonly string[] | undefined;
  resetBy: TunnelError | undefined;
  consumedBytes = 0;
  sentBytes = 0;
  /** The most bytes that were given and not consumed. */
  outstandingMax = 0;
  #unsent: Buffer[] = [];
  #finAfter: (() => void) | undefined;
  #windowBytes = Number.POSITIVE_INFINITY;

  constructor(open: Open, events: CallEvents) {
    this.id = open.id;
    this.open = open;
    this.events = events;
  }

  head(): void {
    throw new Error("R1 sends no head");
  }

  taken(): void {
    throw new Error("R1 hands no call on");
  }

  data(bytes: Buffer): boolean {
    this.body += bytes.toString("latin1");
    this.signal.notify();
    return this.takes;
  }

  fin(trailers: readonly string[] = []): void {
    this.trailers = trailers;
    this.signal.notify();
  }

  reset(error: TunnelError): void {
    this.resetBy = error;
    this.signal.notify();
  }

  consumed(bytes: number): void {
    this.consumedBytes += bytes;
    this.#pump();
    this.signal.notify();
  }

  until(until: (call: FakeCall) => boolean): Promise<void> {
    return this.signal.until(() => until(this));
  }

  sendHead(status: number, headers: readonly string[] = [], reason = "R"): void {
    this.events.onHead({ status, reason, headers } satisfies Head);
  }

  sendData(text: string): void {
    this.sendBytes(Buffer.from(text, "latin1"));
  }

  sendBytes(bytes: Buffer): void {
    this.sentBytes += bytes.length;
    this.outstandingMax = Math.max(this.outstandingMax, this.sentBytes - this.consumedBytes);
    this.events.onData(bytes);
  }

  /** A whole response in one turn, with a Content-Length. */
  answer(body: string, status = 200): void {
    this.sendHead(status, ["Content-Length", String(body.length)]);
    if (body !== "") this.sendData(body);
    this.events.onFin([]);
  }

  /** As a peer with credit does: never more outstanding than the window. */
  stream(pieces: Buffer[], windowBytes: number, then: () => void): void {
    this.#unsent = pieces;
    this.#windowBytes = windowBytes;
    this.#finAfter = then;
    this.#pump();
  }

  #pump(): void {
    for (;;) {
      const next = this.#unsent[0];
      if (next === undefined || this.resetBy !== undefined) break;
      if (this.sentBytes - this.consumedBytes + next.length > this.#windowBytes) return;
      this.#unsent.shift();
      this.sendBytes(next);
    }
    const then = this.#finAfter;
    this.#finAfter = undefined;
    if (this.resetBy === undefined) then?.();
  }
}

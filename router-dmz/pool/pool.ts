import { TunnelError } from "@sallyport/proto/error";
import type { Open } from "@sallyport/proto/frame";
import type { CallEvents } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import type { Link } from "@sallyport/tunnel/link";
import { LinkChoice } from "./link-choice.ts";
import type { Registration } from "./registration.ts";
import { type PoolSize, shares, wantedLinks } from "./sizing.ts";
import type { CallStarter, StartTicket, StartWaiter } from "./starter.ts";

/** How often the load is measured. */
const measureMs = 250;
/** A second for each favourite link. */
const measurementsPerRotation = 4;
/** A link is behind when this much waits for it in so many measurements one after the other. */
const behindBytes = 256 * 1024;
const behindMeasurements = 4;

/** After a failed order for links: doubles from the first to the last. */
const reorderFirstMs = 100;
const reorderMaxMs = 1_000;

/** What the pool needs of the registry. */
export interface LinkSource {
  readonly active: boolean;
  readonly registrations: readonly Registration[];
  usableLinks(): Link[];
}

export interface PoolOptions {
  readonly source: LinkSource;
  /** Links per R1 over all its R2s; each R2 holds at least one. */
  readonly size: PoolSize;
  /** A surplus link is closed after so long without need. */
  readonly surplusMs: number;
  readonly waitingCallsMax: number;
  readonly waitingMs: number;
  readonly clock: Clock;
}

interface Waiting extends StartTicket {
  readonly open: Open;
  readonly events: CallEvents;
  readonly waiter: StartWaiter;
  readonly untilMs: number;
}

const settled: StartTicket = { cancel() {} };

/** Chooses the link for each call, keeps enough of them, and lets calls wait, bounded, when none is free. */
export class Pool implements CallStarter {
  /** Calls that had to wait, found no link in time, found no place to wait; links ordered, and closed as surplus. */
  readonly counters = { waited: 0, timedOut: 0, turnedAway: 0, ordered: 0, surplus: 0 };
  /** Links wanted at the last measurement. */
  wanted: number;
  readonly #options: PoolOptions;
  readonly #waiting = new Set<Waiting>();
  /** This turn's. */
  #link: Link | undefined;
  readonly #choice: LinkChoice;
  #measurements = 0;
  #cancelExpiry: (() => void) | undefined;
  #cancelMeasure: () => void;
  readonly #behind = new Map<Link, number>();
  /** Since when fewer links are wanted than there are. */
  #surplusSinceMs: number | undefined;
  readonly #delayed = new Map<Registration, () => void>();
  readonly #endTurn = (): void => {
    this.#link = undefined;
  };

  constructor(options: PoolOptions) {
    this.#options = options;
    this.wanted = options.size.min;
    this.#choice = new LinkChoice((link) => (this.#behind.get(link) ?? 0) > 0);
    this.#cancelMeasure = options.clock.after(measureMs, this.#measure);
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  start(open: Open, events: CallEvents, waiter: StartWaiter): StartTicket {
    // Those who wait already go first.
    if (this.#waiting.size === 0 && this.#tryStart(open, events, waiter)) return settled;
    return this.#wait(open, events, waiter);
  }

  /** Links or registrations have changed: calls that wait may go on, missing links are ordered. */
  refresh(): void {
    this.#link = undefined;
    this.orderMissing();
    this.serveWaiting();
  }

  serveWaiting(): void {
    for (const waiting of this.#waiting) {
      if (!this.#tryStart(waiting.open, waiting.events, waiting.waiter, waiting)) return;
    }
  }

  close(): void {
    this.#cancelMeasure();
    this.#cancelExpiry?.();
    for (const cancel of this.#delayed.values()) cancel();
    this.#fail([...this.#waiting], new TunnelError("DRAINING", "this R1 stops"));
  }

  /** True when the call was started, or failed for good. */
  #tryStart(open: Open, events: CallEvents, waiter: StartWaiter, waiting?: Waiting): boolean {
    const link = this.#pick();
    if (!link) return false;
    const call = link.openCall(open, events);
    if (typeof call === "string" && call !== "overloaded") return false;
    if (waiting) this.#waiting.delete(waiting);
    if (typeof call === "string") {
      waiter.failed(new TunnelError("OVERLOADED", "the memory for calls in flight is used up; try again later"));
    } else {
      waiter.started(call);
    }
    return true;
  }

  /** All calls of one turn of the event loop take the same link, so that its batches stay whole. */
  #pick(): Link | undefined {
    if (this.#link && this.#link.freeCalls > 0) return this.#link;
    const best = this.#choice.pick(this.#active());
    if (best && !this.#link) setImmediate(this.#endTurn);
    this.#link = best;
    return best;
  }

  #active(): Registration[] {
    return this.#options.source.registrations.filter(({ state }) => state === "active");
  }

  // ------------------------------------------------------------------------------------------------- waiting

  #wait(open: Open, events: CallEvents, waiter: StartWaiter): StartTicket {
    const { waitingCallsMax, waitingMs, clock } = this.#options;
    if (this.#waiting.size >= waitingCallsMax) {
      this.counters.turnedAway++;
      waiter.failed(this.#busy(`${waitingCallsMax} calls wait already`));
      return settled;
    }
    const waiting: Waiting = {
      ...{ open, events, waiter, untilMs: clock.now() + waitingMs },
      cancel: () => this.#waiting.delete(waiting),
    };
    this.counters.waited++;
    this.#waiting.add(waiting);
    if (!this.#cancelExpiry) this.#armExpiry(waitingMs);
    return waiting;
  }

  #armExpiry(delayMs: number): void {
    this.#cancelExpiry = this.#options.clock.after(delayMs, () => this.#expire());
  }

  /** All wait equally long, so the first to come is the first to expire. */
  #expire(): void {
    this.#cancelExpiry = undefined;
    const { clock, waitingMs } = this.#options;
    const nowMs = clock.now();
    const expired: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (waiting.untilMs > nowMs) {
        this.#armExpiry(waiting.untilMs - nowMs);
        break;
      }
      expired.push(waiting);
    }
    this.counters.timedOut += expired.length;
    this.#fail(expired, this.#busy(`none came free within ${waitingMs} ms`));
  }

  #busy(what: string): TunnelError {
    if (this.#options.source.active) return new TunnelError("OVERLOADED", `every link is busy and ${what}`);
    return new TunnelError("NO_LINK", `no intranet router is connected and ${what}`);
  }

  #fail(calls: readonly Waiting[], error: TunnelError): void {
    for (const call of calls) this.#waiting.delete(call);
    for (const call of calls) call.waiter.failed(error);
  }

  // -------------------------------------------------------------------------------------------------- sizing

  readonly #measure = (): void => {
    this.#cancelMeasure = this.#options.clock.after(measureMs, this.#measure);
    if (++this.#measurements % measurementsPerRotation === 0) this.#choice.rotate();
    const links = this.#options.source.usableLinks();
    const callsInFlight = links.reduce((sum, link) => sum + link.callCount, 0);
    const load = {
      links: links.length,
      callsInFlight,
      callsWaiting: this.#waiting.size,
      linksBehind: this.#behindOf(links),
    };
    this.wanted = wantedLinks(load, this.#options.size);
    this.orderMissing();
    this.#closeSurplus(links);
  };

  #behindOf(links: readonly Link[]): number {
    for (const link of this.#behind.keys()) if (link.state === "closed") this.#behind.delete(link);
    let behind = 0;
    for (const link of links) {
      const times = link.congested(behindBytes) ? (this.#behind.get(link) ?? 0) + 1 : 0;
      this.#behind.set(link, times);
      if (times >= behindMeasurements) behind++;
    }
    return behind;
  }

  /** One at a time, the least used first, so that a short lull does not empty the pool. */
  #closeSurplus(links: readonly Link[]): void {
    const { clock, surplusMs } = this.#options;
    const active = this.#active();
    if (links.length <= Math.max(this.wanted, active.length)) {
      this.#surplusSinceMs = undefined;
      return;
    }
    this.#surplusSinceMs ??= clock.now();
    if (clock.now() - this.#surplusSinceMs < surplusMs) return;
    const parts = shares(this.wanted, active.length);
    for (const [i, registration] of active.entries()) {
      const open = openLinks(registration);
      if (open.length <= parts[i]!) continue;
      const least = open.reduce((a, b) => (b.callCount < a.callCount ? b : a));
      this.counters.surplus++;
      registration.closeLink(least);
      return;
    }
  }

  /** Orders what each registration lacks to its share. */
  orderMissing(): void {
    const active = this.#active();
    const parts = shares(this.wanted, active.length);
    for (const [i, registration] of active.entries()) this.#order(registration, parts[i]!);
  }

  #order(registration: Registration, target: number): void {
    if (this.#delayed.has(registration)) return;
    if (registration.failedOrders === 0) return this.#orderNow(registration, target);
    const delayMs = Math.min(reorderMaxMs, reorderFirstMs * 2 ** (registration.failedOrders - 1));
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#delayed.delete(registration);
      if (registration.state === "active") this.#orderNow(registration, target);
    });
    this.#delayed.set(registration, cancel);
  }

  #orderNow(registration: Registration, target: number): void {
    const missing = target - openLinks(registration).length - registration.linksOnOrder;
    if (missing <= 0) return;
    this.counters.ordered += missing;
    registration.orderLinks(missing);
  }
}

function openLinks(registration: Registration): Link[] {
  return [...registration.links].filter(({ state }) => state === "open");
}

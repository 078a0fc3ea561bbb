import { TunnelError } from "@sallyport/proto/error";
import { emptyOpen, type Head, type Limits, type LinkHello, type Open, protocolVersion } from "@sallyport/proto/frame";
import { Budget } from "../budget.ts";
import type { Call, CallEvents } from "../call.ts";
import { Link } from "../link.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemoryTransport } from "./memory-transport.ts";

export const limits: Limits = {
  callsPerLink: 64,
  initialWindowBytes: 64 * 1024,
  windowMaxBytes: 1024 * 1024,
  memoryBudgetBytes: 16 * 1024 * 1024,
};

export const hello: LinkHello = {
  protocol: protocolVersion,
  tunnel: "default/sample",
  dmzInstanceId: "dmz",
  dmzWorkerId: "0",
  intranetInstanceId: "intranet",
  intranetWorkerId: "0",
  linkId: "link-1",
  order: 1,
  limits,
};

export const heartbeatMs = 1_000;

/** Writes down what happens on a call, in order. */
export class Recorder implements CallEvents {
  readonly events: string[] = [];
  call: Call | undefined;
  bytes = 0;
  /** Consume at once, or leave it to the test. */
  readonly reads: boolean;
  onWritableDo: () => void = () => {};

  constructor(reads = true) {
    this.reads = reads;
  }

  onHead(head: Head): void {
    this.events.push(`head ${head.status}`);
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.events.push(`data ${bytes.length}`);
    if (this.reads) this.call?.consumed(bytes.length);
  }

  onFin(trailers: readonly string[]): void {
    this.events.push(trailers.length > 0 ? `fin ${trailers.join(" ")}` : "fin");
  }

  onTaken(repeatable: boolean): void {
    this.events.push(`taken ${repeatable}`);
  }

  onReset(error: TunnelError): void {
    this.events.push(`reset ${error.code}`);
  }

  onWritable(): void {
    this.events.push("writable");
    this.onWritableDo();
  }
}

export interface LinkPair {
  readonly clock: FakeClock;
  readonly dmz: Link;
  readonly intranet: Link;
  readonly dmzTransport: MemoryTransport;
  readonly intranetTransport: MemoryTransport;
  readonly dmzBudget: Budget;
  readonly intranetBudget: Budget;
  /** States and errors as the owners of the links hear them. */
  readonly dmzStates: string[];
  readonly intranetStates: string[];
  /** Calls that R2 was handed, with what it recorded. */
  readonly accepted: { readonly open: Open; readonly call: Call; readonly events: Recorder }[];
  open(id: string, events?: Recorder, more?: Partial<Open>): Recorder;
}

export interface PairOptions {
  readonly flowing?: boolean;
  readonly dmzLimits?: Partial<Limits>;
  readonly intranetLimits?: Partial<Limits>;
  readonly acceptedReads?: boolean;
  readonly refuse?: TunnelError;
}

/** Two links back to back on a fake clock. */
export function linkPair(options: PairOptions = {}): LinkPair {
  const clock = new FakeClock();
  const [dmzTransport, intranetTransport] = MemoryTransport.pair(options.flowing ?? true);
  const dmzLimits = { ...limits, ...options.dmzLimits };
  const intranetLimits = { ...limits, ...options.intranetLimits };
  const [dmzBudget, intranetBudget] = [
    new Budget(dmzLimits.memoryBudgetBytes),
    new Budget(intranetLimits.memoryBudgetBytes),
  ];
  const dmzStates: string[] = [];
  const intranetStates: string[] = [];
  const accepted: LinkPair["accepted"] = [];
  const dmz = new Link({
    ...{ transport: dmzTransport, limits: dmzLimits, heartbeatMs, clock, budget: dmzBudget },
    role: { t: "dmz", admit: () => options.refuse },
    onState: (link, error) => dmzStates.push(describe(link, error)),
  });
  const intranet = new Link({
    ...{ transport: intranetTransport, limits: intranetLimits, heartbeatMs, clock, budget: intranetBudget },
    role: {
      t: "intranet",
      hello: { ...hello, limits: intranetLimits },
      accept: (call, open) => {
        const events = new Recorder(options.acceptedReads ?? true);
        events.call = call;
        accepted.push({ open, call, events });
        return events;
      },
    },
    onState: (link, error) => intranetStates.push(describe(link, error)),
  });
  const open = (id: string, events = new Recorder(), more: Partial<Open> = {}): Recorder => {
    const call = dmz.openCall({ ...emptyOpen, id, ...more }, events);
    if (typeof call === "string") throw new TunnelError("INTERNAL", `not opened: ${call}`);
    events.call = call;
    return events;
  };
  return {
    ...{ clock, dmz, intranet, dmzTransport, intranetTransport, dmzBudget, intranetBudget },
    ...{ dmzStates, intranetStates, accepted, open },
  };
}

function describe(link: Link, error: TunnelError | undefined): string {
  return error ? `${link.state} ${error.code}` : link.state;
}

/** Lets everything that is on its way arrive. */
export async function settle(turns = 40): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A pair past its handshake. */
export async function openPair(options: PairOptions = {}): Promise<LinkPair> {
  const pair = linkPair({ ...options, flowing: true });
  await settle();
  pair.dmzTransport.flowing = options.flowing ?? true;
  pair.intranetTransport.flowing = options.flowing ?? true;
  return pair;
}

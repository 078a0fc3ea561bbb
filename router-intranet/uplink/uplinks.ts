import type { IntranetConfig } from "@sallyport/proto/router-config";
import type { Clock } from "@sallyport/tunnel/clock";
import type { Link } from "@sallyport/tunnel/link";
import type { Uplink } from "./uplink.ts";

/** Where an R1 is dialled. */
export type Endpoint = IntranetConfig["dmz"][number];

export interface UplinksOptions {
  readonly clock: Clock;
  readonly create: (endpoint: Endpoint) => Uplink;
  /** An uplink has come or gone. */
  readonly onChange: () => void;
}

interface Entry {
  readonly endpoint: Endpoint;
  readonly uplink: Uplink;
}

/** R2's way to every R1 of its configuration, which may change; and those on their way out, until their calls have ended. */
export class Uplinks {
  readonly #options: UplinksOptions;
  #entries: readonly Entry[] = [];
  /** Of those that are gone. */
  readonly #gone = { attempts: 0, lateEvents: 0 };
  /** Each with what ends its time. */
  readonly #leaving = new Map<Uplink, () => void>();

  constructor(options: UplinksOptions) {
    this.#options = options;
  }

  /** In the order of the configuration, without those that leave. */
  get all(): readonly Entry[] {
    return this.#entries;
  }

  get leavingCount(): number {
    return this.#leaving.size;
  }

  /** Also of those that leave. */
  links(): Link[] {
    const uplinks = [...this.#entries.map(({ uplink }) => uplink), ...this.#leaving.keys()];
    return uplinks.flatMap((uplink) => [...uplink.links]);
  }

  /** Since the start, of all there ever were. */
  get counters(): { readonly attempts: number; readonly lateEvents: number } {
    const all = [this.#gone, ...this.#entries.map(({ uplink }) => uplink), ...this.#leaving.keys()];
    const sum = (read: (of: (typeof all)[number]) => number): number => all.reduce((total, of) => total + read(of), 0);
    return { attempts: sum(({ attempts }) => attempts), lateEvents: sum(({ lateEvents }) => lateEvents) };
  }

  /** Dials what is new. What is not wanted any more takes no new calls, and has `drainMs` for those it has. */
  set(endpoints: readonly Endpoint[], drainMs: number): void {
    const before = this.#entries;
    const started: Uplink[] = [];
    this.#entries = endpoints.map((endpoint) => {
      const known = before.find((entry) => isSame(entry.endpoint, endpoint));
      if (known) return known;
      const uplink = this.#options.create(endpoint);
      started.push(uplink);
      return { endpoint, uplink };
    });
    for (const uplink of started) uplink.start();
    for (const entry of before) if (!this.#entries.includes(entry)) this.#leave(entry.uplink, drainMs);
    this.#options.onChange();
  }

  /** A link of one that leaves may have been its last. */
  linkClosed(): void {
    for (const uplink of this.#leaving.keys()) if (uplink.links.size === 0) this.#end(uplink);
  }

  drain(deadlineMs: number): void {
    for (const { uplink } of this.#entries) uplink.drain(deadlineMs);
  }

  close(): void {
    for (const { uplink } of this.#entries) uplink.close();
    for (const uplink of [...this.#leaving.keys()]) this.#end(uplink);
  }

  #leave(uplink: Uplink, drainMs: number): void {
    const cancel = this.#options.clock.after(drainMs, () => this.#end(uplink));
    this.#leaving.set(uplink, cancel);
    uplink.drain(drainMs);
    this.linkClosed();
  }

  #end(uplink: Uplink): void {
    this.#leaving.get(uplink)?.();
    if (!this.#leaving.delete(uplink)) return;
    this.#gone.attempts += uplink.attempts;
    this.#gone.lateEvents += uplink.lateEvents;
    uplink.close();
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.name === b.name && a.address === b.address && a.port === b.port;
}

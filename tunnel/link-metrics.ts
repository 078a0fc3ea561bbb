import { Counter, Gauge, type Registry } from "prom-client";
import type { Budget } from "./budget.ts";
import type { Link, LinkCounters } from "./link.ts";

/**
 * What the links of a process carry, as Prometheus metrics. Links count in plain numbers; they are added up when the page
 * is asked for. No label names a link or a call.
 */
export class LinkMetrics {
  /** Of links that are closed. */
  readonly #past: LinkCounters = {
    ...{ calls: 0, bytesIn: 0, bytesOut: 0, batchesIn: 0, batchesOut: 0 },
    ...{ lateFrames: 0, unknownFrames: 0, refusedCalls: 0, brokenCalls: 0 },
  };
  #lost = 0;
  readonly #links: () => readonly Link[];

  constructor(registry: Registry, links: () => readonly Link[], budget: Budget) {
    this.#links = links;
    const counter = (name: string, help: string, read: () => number): void => totalCounter(registry, name, help, read);
    const gauge = (name: string, help: string, read: () => number): void => liveGauge(registry, name, help, read);
    gauge("sallyport_links", "Links open now.", () => links().length);
    gauge("sallyport_link_calls", "Calls in flight on links.", () => this.#sumOf((link) => link.callCount));
    gauge("sallyport_link_queued_bytes", "Bytes queued for links.", () => this.#sumOf((link) => link.queuedBytes));
    gauge("sallyport_link_stalled_calls", "Calls that have bytes to send and no credit.", () =>
      this.#sumOf((link) => link.stalledCalls),
    );
    gauge("sallyport_memory_budget_bytes", "The budget of all receive windows.", () => budget.totalBytes);
    gauge("sallyport_memory_used_bytes", "Receive windows granted now.", () => budget.usedBytes);
    counter("sallyport_memory_refusals_total", "Calls refused because the budget was spent.", () => budget.refused);
    counter("sallyport_links_lost_total", "Links that ended with an error.", () => this.#lost);
    counter("sallyport_link_calls_total", "Calls carried by links.", () => this.#total("calls"));
    counter("sallyport_link_received_bytes_total", "Bytes received on links.", () => this.#total("bytesIn"));
    counter("sallyport_link_sent_bytes_total", "Bytes sent on links.", () => this.#total("bytesOut"));
    counter("sallyport_link_received_batches_total", "Batches received.", () => this.#total("batchesIn"));
    counter("sallyport_link_sent_batches_total", "Batches sent.", () => this.#total("batchesOut"));
    counter("sallyport_link_late_frames_total", "Frames for calls that had ended.", () => this.#total("lateFrames"));
    counter("sallyport_link_unknown_frames_total", "Frames of a kind not known here.", () =>
      this.#total("unknownFrames"),
    );
    counter("sallyport_link_broken_calls_total", "Calls ended by a mistake of this router.", () =>
      this.#total("brokenCalls"),
    );
    counter("sallyport_link_refused_calls_total", "Calls refused to the peer.", () => this.#total("refusedCalls"));
  }

  /** Call it once a link is closed, when `links` does not name it any more. */
  closed(link: Link, error: Error | undefined): void {
    if (error) this.#lost++;
    for (const key of Object.keys(this.#past) as (keyof LinkCounters)[]) this.#past[key] += link.counters[key];
  }

  #sumOf(read: (link: Link) => number): number {
    return this.#links().reduce((sum, link) => sum + read(link), 0);
  }

  #total(key: keyof LinkCounters): number {
    return this.#past[key] + this.#sumOf((link) => link.counters[key]);
  }
}

/** A counter kept elsewhere as a plain number. */
export function totalCounter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    ...{ name, help, registers: [registry] },
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** A gauge read when the page is asked for. */
export function liveGauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    ...{ name, help, registers: [registry] },
    collect() {
      this.set(read());
    },
  });
}

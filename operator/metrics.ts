import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What the operator counts. No label has as many values as there are tunnels, routes or pods. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly lists = this.#counter("sallyport_operator_lists_total", "Lists of a kind from the API server", ["kind"]);
  readonly watchFailures = this.#counter("sallyport_operator_watch_failures_total", "Watches that broke off", ["kind"]);
  readonly watchesSilent = this.#counter(
    "sallyport_operator_watches_silent_total",
    "Watches ended because nothing came",
    ["kind"],
  );
  readonly queueDepth = this.#gauge("sallyport_operator_queue_depth", "Tunnels that wait to be reconciled");
  readonly queueOldestSeconds = this.#gauge(
    "sallyport_operator_queue_oldest_seconds",
    "For how long the oldest tunnel waits; 0: none does",
  );
  readonly queueAdds = this.#counter("sallyport_operator_queue_adds_total", "Tunnels put into the queue", []);
  readonly queueDropped = this.#counter(
    "sallyport_operator_queue_dropped_total",
    "Tunnels that the full queue did not take; the next resync brings them",
    [],
  );
  readonly queueRetries = this.#counter("sallyport_operator_queue_retries_total", "Reconciliations tried again", []);
  readonly reconciles = this.#counter("sallyport_operator_reconciles_total", "Reconciliations by outcome", ["outcome"]);
  readonly reconcileSeconds = new Histogram({
    name: "sallyport_operator_reconcile_duration_seconds",
    help: "How long a reconciliation took",
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
    registers: [this.registry],
  });
  readonly tunnels = this.#gauge("sallyport_operator_tunnels", "Tunnels by condition", ["condition", "status"]);
  readonly routes = this.#gauge("sallyport_operator_routes", "Routes by condition", ["condition", "status"]);
  readonly writes = this.#counter("sallyport_operator_writes_total", "Objects written", ["verb", "kind"]);
  readonly events = this.#counter("sallyport_operator_events_total", "Events by outcome", ["outcome"]);
  readonly leader = this.#gauge("sallyport_operator_leader", "1 while this operator is the one that acts");
  readonly reportStreams = this.#gauge("sallyport_operator_report_streams", "Streams to R2s that are open");
  readonly reportFailures = this.#counter("sallyport_operator_report_failures_total", "Streams to R2s that ended", []);
  readonly refreshes = this.#counter("sallyport_operator_refreshes_total", "Pods told to refresh their volumes", []);

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  /** Everything in Prometheus' text format. `measure` is asked first for what is only counted when somebody looks. */
  async text(measure: () => void): Promise<string> {
    measure();
    return this.registry.metrics();
  }
}

import type { IntranetConfig } from "@sallyport/proto/router-config";
import { measureCertificates } from "@sallyport/tunnel/certificate-metric";
import { liveGauge, totalCounter } from "@sallyport/tunnel/link-metrics";
import { droppedLogBytes } from "@sallyport/tunnel/log";
import { collectDefaultMetrics, type Registry } from "prom-client";
import type { OperatorPort } from "./report/operator-port.ts";
import type { Uplinks } from "./uplink/uplinks.ts";

/** What R2's own metrics are read from. */
export interface Measured {
  readonly config: () => IntranetConfig;
  readonly uplinks: Uplinks;
  readonly operators: OperatorPort;
  readonly routeCount: () => number;
}

/** R2's metrics but for those of calls, links and spans. */
export function measureRouter(metrics: Registry, { config, uplinks, operators, routeCount }: Measured): void {
  collectDefaultMetrics({ register: metrics });
  measureCertificates(metrics, "intranet", () => config().identity);
  const gauge = (name: string, help: string, read: () => number) => liveGauge(metrics, name, help, read);
  const counter = (name: string, help: string, read: () => number) => totalCounter(metrics, name, help, read);
  const active = () => uplinks.all.filter(({ uplink }) => uplink.active).length;
  const waitingSince = () => (config().origin.waiting?.sinceMs ?? 0) / 1_000;
  gauge("sallyport_uplinks", "R1s this R2 is to be connected to.", () => uplinks.all.length);
  gauge("sallyport_management_connections", "R1s with an active management connection.", active);
  counter("sallyport_uplink_attempts_total", "Attempts to connect to an R1.", () => uplinks.counters.attempts);
  counter(
    "sallyport_uplink_late_events_total",
    "Events of attempts that were given up.",
    () => uplinks.counters.lateEvents,
  );
  gauge("sallyport_operator_streams", "Operators that are told what this R2 serves.", () => operators.streamCount);
  counter("sallyport_operator_refused_total", "Operators that were turned away.", () => operators.counters.refused);
  gauge(
    "sallyport_routes_waiting_since_timestamp_seconds",
    "Since when newer routes lie there that could not be taken; 0: none do.",
    waitingSince,
  );
  gauge("sallyport_routes_refused", "Routes that could not be taken.", () => config().origin.refused.length);
  gauge("sallyport_routes", "Routes served.", routeCount);
  counter(
    "sallyport_log_dropped_bytes_total",
    "Bytes of the log that were dropped because nobody read it.",
    droppedLogBytes,
  );
}

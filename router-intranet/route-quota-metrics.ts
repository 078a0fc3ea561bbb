import { LabelValues } from "@sallyport/tunnel/label-values";
import { Counter, type Registry } from "prom-client";
import type { LimitName } from "./route-quota.ts";

/** Counts the calls that a route's limits turned away. */
export function routeRejectionCounter(registry: Registry): (route: string, limit: LimitName) => void {
  const names = new LabelValues();
  const counter = new Counter({
    name: "sallyport_route_rejected_total",
    help: "Calls turned away by a limit of their route: maxCalls, callsPerSecond.",
    labelNames: ["route", "limit"],
    registers: [registry],
  });
  return (route, limit) => counter.inc({ route: names.bounded(route), limit });
}

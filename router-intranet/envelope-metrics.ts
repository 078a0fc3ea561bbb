import { Counter, type Registry } from "prom-client";
import type { CallDone } from "./call-done.ts";

/** Counts the calls whose envelope was looked at, by what that gave. */
export function envelopeCounter(registry: Registry): (done: Pick<CallDone, "envelope">) => void {
  const counter = new Counter({
    name: "sallyport_envelopes_total",
    help: "Calls whose SOAP header was looked for, by outcome: found, notSoap, tooLong, malformed, timeout.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  return ({ envelope }) => {
    if (envelope !== "") counter.inc({ outcome: envelope });
  };
}

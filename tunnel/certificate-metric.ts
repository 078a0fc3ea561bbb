import { X509Certificate } from "node:crypto";
import { Gauge, type Registry } from "prom-client";
import { certificatesOf, type Identity, type Side } from "./identity.ts";

/** When what a router authenticates with runs out; of several CAs the one that does first. */
export function measureCertificates(metrics: Registry, side: Side, identity: () => Identity): void {
  new Gauge({
    name: "sallyport_certificate_expiry_timestamp_seconds",
    help: "When the router's certificate expires (kind leaf), and the first of the CAs it trusts (kind ca).",
    labelNames: ["side", "kind"],
    registers: [metrics],
    collect() {
      const { certificateChain, trustedCas } = identity();
      this.set({ side, kind: "leaf" }, seconds(new X509Certificate(certificateChain)));
      this.set({ side, kind: "ca" }, Math.min(...certificatesOf(trustedCas).map(seconds)));
    },
  });
}

function seconds({ validToDate }: X509Certificate): number {
  return Math.floor(validToDate.getTime() / 1_000);
}

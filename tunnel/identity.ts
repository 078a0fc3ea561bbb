import { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import { TunnelError } from "@sallyport/proto/error";
import { type Role, spiffeId, uriNames } from "@sallyport/proto/spiffe";

/** A router's certificate, its key and the CAs it trusts, each PEM. Never logged, never an argument. */
export interface Identity {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly trustedCas: string;
}

export type Side = "dmz" | "intranet";
export { type Role, spiffeId };

/**
 * The peer's own leaf certificate must name `expected` as its one URI. TLS has checked the chain before.
 * Answers what is wrong: UNAUTHENTICATED-like, or undefined.
 */
export function checkPeer(certificate: PeerCertificate | undefined, expected: string): TunnelError | undefined {
  const uris = uriNames(certificate?.subjectaltname ?? "");
  if (uris.length === 1 && uris[0] === expected) return undefined;
  const found = uris.length === 0 ? "no URI" : uris.join(", ");
  return new TunnelError("POLICY", `the peer's certificate names ${found}; this tunnel expects ${expected}`);
}

/** The certificates of PEM text, in its order. Throws when one is none. */
export function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      const text = `certificate ${index + 1} of ${blocks.length} cannot be read; take it again from whoever issued it`;
      throw new Error(text, { cause });
    }
  });
}

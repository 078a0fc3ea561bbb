import { createHash, type X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate } from "node:tls";
import { type CertificateChain, chainOf, isTrusted } from "@sallyport/tunnel/trust";

/** Different certificates of one R1 that are remembered; it has one, and two while it is renewed. */
const chainsMax = 8;

/** What one R1 has shown on the connections to it. */
export class PeerCertificates {
  /** By fingerprint, the latest last. */
  readonly #chains = new Map<string, CertificateChain>();

  saw(certificate: DetailedPeerCertificate): void {
    const key = fingerprint(certificate.raw);
    const known = this.#chains.get(key);
    this.#chains.delete(key);
    this.#chains.set(key, known ?? chainOf(certificate));
    const [oldest] = this.#chains.keys();
    if (this.#chains.size > chainsMax && oldest !== undefined) this.#chains.delete(oldest);
  }

  /** SHA-256 of the latest, in hexadecimal digits. Empty: none was seen. */
  get latest(): string {
    return [...this.#chains.keys()].at(-1) ?? "";
  }

  /** Whether the CAs vouch for all that was seen since the last time it was asked. */
  areTrusted(trustedCas: readonly X509Certificate[], now: Date): boolean {
    const chains = [...this.#chains];
    const latest = chains.at(-1);
    this.#chains.clear();
    if (latest) this.#chains.set(...latest);
    return chains.every(([, chain]) => isTrusted(chain, trustedCas, now));
  }
}

/** SHA-256 of a certificate, DER, in hexadecimal digits. */
export function fingerprint(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}

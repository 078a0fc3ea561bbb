import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate } from "node:tls";

/** A peer's own certificate and what it sent to show who signed it, leaf first. */
export type CertificateChain = readonly X509Certificate[];

/** Certificates of one chain; a tunnel's has two or three. */
const chainMax = 8;

/** The chain of a TLS peer (`getPeerCertificate(true)`). Empty: it showed none. */
export function chainOf(certificate: DetailedPeerCertificate | undefined): CertificateChain {
  const chain: X509Certificate[] = [];
  let next = certificate;
  while (next?.raw !== undefined && chain.length < chainMax) {
    chain.push(new X509Certificate(next.raw));
    // The root is its own issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

/**
 * Whether one of the CAs vouches for the leaf today, over signatures link by link: a CA that merely stands in the chain
 * proves nothing.
 */
export function isTrusted(chain: CertificateChain, trustedCas: readonly X509Certificate[], now: Date): boolean {
  const [leaf, ...issuers] = chain;
  let current = leaf;
  for (let step = 0; current !== undefined && step < chainMax; step++) {
    const signed: X509Certificate = current;
    if (trustedCas.some((ca) => hasSigned(ca, signed) && isCurrent(ca, now))) return true;
    current = issuers.find(
      (issuer) => issuer.raw !== signed.raw && hasSigned(issuer, signed) && isCurrent(issuer, now),
    );
  }
  return false;
}

function hasSigned(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isCurrent({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  return validFromDate <= now && now < validToDate;
}

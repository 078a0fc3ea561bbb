import { X509Certificate } from "node:crypto";

/** The most certificates of one text: a bundle of all public CAs has some 150. */
export const certificatesMax = 256;

/** The certificates of PEM text, in its order; undefined when one of them is none, or there is none, or too many. */
export function certificatesOf(pem: string): X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.length > certificatesMax) return undefined;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

/** The same text for the same certificates, however their PEM was broken into lines. */
export function bundleOf(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => normalPem(certificate.toString())).join("");
}

/** Ends with one line end. */
export function normalPem(pem: string): string {
  return `${pem.trimEnd()}\n`;
}

/** Whether `certificate` bears the signature of `issuer`. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

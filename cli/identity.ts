import type { webcrypto } from "node:crypto";
// Before x509, which needs it.
import "./reflect-metadata.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type Identity, type Side, spiffeId } from "@sallyport/tunnel/identity";

/** Issues the certificates of one tunnel's routers. Its key stays in memory and cannot be taken out of it. */
export interface Authority {
  /** A new key and a leaf certificate that names `spiffe://<trust domain>/tunnel/<namespace>/<name>/<side>`. */
  issue(side: Side): Promise<Identity>;
}

const hourMs = 3_600_000;
/** Clocks differ a little; a certificate is good from an hour before it was made. */
const backdatedMs = hourMs;
/** `sallyport dev` makes new ones at every start. */
const validMs = 30 * 24 * hourMs;

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };

/** Makes a CA for one tunnel ("namespace/name"), ECDSA P-256. */
export async function createAuthority(trustDomain: string, tunnel: string, now = new Date()): Promise<Authority> {
  const period = { notBefore: new Date(now.getTime() - backdatedMs), notAfter: new Date(now.getTime() + validMs) };
  const keys = await crypto.subtle.generateKey(keyAlgorithm, false, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...period,
    name: [{ O: ["Sallyport"] }, { CN: [`CA of tunnel ${tunnel}`] }],
    keys,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issuer: Issuer = { certificate, signingKey: keys.privateKey, period };
  return { issue: (side) => issueLeaf(issuer, spiffeId(trustDomain, tunnel, side)) };
}

interface Issuer {
  readonly certificate: X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
  readonly period: { readonly notBefore: Date; readonly notAfter: Date };
}

async function issueLeaf(issuer: Issuer, uri: string): Promise<Identity> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const leaf = await X509CertificateGenerator.create({
    ...issuer.period,
    issuer: issuer.certificate.subjectName,
    publicKey: keys.publicKey,
    signingKey: issuer.signingKey,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      // Critical, since the subject is empty: RFC 5280, 4.2.1.6.
      new SubjectAlternativeNameExtension([{ type: "url", value: uri }], true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
    ],
  });
  return {
    certificateChain: withLineEnd(leaf.toString("pem")),
    privateKey: await privateKeyPem(keys.privateKey),
    trustedCas: withLineEnd(issuer.certificate.toString("pem")),
  };
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const base64 = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}

function withLineEnd(pem: string): string {
  return pem.endsWith("\n") ? pem : `${pem}\n`;
}

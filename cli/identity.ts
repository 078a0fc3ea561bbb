import { createPrivateKey, X509Certificate as NodeCertificate, type webcrypto } from "node:crypto";
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
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type Identity, type Role, spiffeId } from "@sallyport/tunnel/identity";

/** Issues the certificates of one tunnel's routers. */
export interface Authority {
  /** A new key and a leaf certificate that names `spiffe://<trust domain>/tunnel/<namespace>/<name>/<role>`. */
  issue(role: Role): Promise<Identity>;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Clocks differ a little; a certificate is good from an hour before it was made. */
const backdatedMs = hourMs;
/** `sallyport dev` makes new ones at every start. */
const devDays = 30;

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };

/** Makes a CA for one tunnel ("namespace/name"), ECDSA P-256. Its key stays in memory and cannot be taken out of it. */
export async function createAuthority(trustDomain: string, tunnel: string, now = new Date()): Promise<Authority> {
  const period = periodFrom(now, devDays);
  const keys = await crypto.subtle.generateKey(keyAlgorithm, false, ["sign", "verify"]);
  const certificate = await selfSigned(trustDomain, tunnel, keys, period);
  return authority({ trustDomain, tunnel, certificate, signingKey: keys.privateKey, period });
}

/** A CA whose key is kept, so that it can issue again. Both PEM. */
export interface AuthorityFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Makes a CA for one tunnel, ECDSA P-256, to be kept. */
export async function createAuthorityFiles(
  trustDomain: string,
  tunnel: string,
  days: number,
  now: Date,
): Promise<AuthorityFiles> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const certificate = await selfSigned(trustDomain, tunnel, keys, periodFrom(now, days));
  return { certificate: withLineEnd(certificate.toString("pem")), privateKey: await privateKeyPem(keys.privateKey) };
}

/** What a kept CA is, and what it issues. */
export interface OpenedAuthority extends Authority {
  readonly tunnel: string;
  readonly trustDomain: string;
  readonly validUntil: Date;
}

/**
 * Opens a CA that `createAuthorityFiles` made; its certificates are valid for `days` from now, and never longer than its
 * own. Throws what is wrong with it, in words for people.
 */
export async function openAuthority(files: AuthorityFiles, days: number, now: Date): Promise<OpenedAuthority> {
  const { tunnel, trustDomain, validUntil } = describeAuthority(files, now);
  const { notBefore, notAfter } = periodFrom(now, days);
  const key = createPrivateKey(files.privateKey).export({ type: "pkcs8", format: "der" });
  const issuer: Issuer = {
    ...{ tunnel, trustDomain, certificate: new X509Certificate(files.certificate) },
    signingKey: await crypto.subtle.importKey("pkcs8", new Uint8Array(key), keyAlgorithm, false, ["sign"]),
    period: { notBefore, notAfter: new Date(Math.min(notAfter.getTime(), validUntil.getTime())) },
  };
  return { tunnel, trustDomain, validUntil, ...authority(issuer) };
}

function describeAuthority({ certificate, privateKey }: AuthorityFiles, now: Date) {
  const ca = attempt(() => new NodeCertificate(certificate), "the CA's certificate is no PEM certificate");
  const key = attempt(() => createPrivateKey(privateKey), "the CA's key is no PEM private key");
  const [, tunnel] = /^CN=CA of tunnel (\S+)$/m.exec(ca.subject) ?? [];
  const [, trustDomain] = /^URI:spiffe:\/\/([^/]+)$/.exec(ca.subjectAltName ?? "") ?? [];
  if (tunnel === undefined || trustDomain === undefined) throw new Error("the CA was not made by sallyport identity");
  if (!ca.checkPrivateKey(key)) throw new Error("the CA's key is not its certificate's");
  if (ca.validToDate <= now) throw new Error(`the CA expired on ${ca.validToDate.toISOString()}; make a new one`);
  return { tunnel, trustDomain, validUntil: ca.validToDate };
}

function attempt<T>(make: () => T, problem: string): T {
  try {
    return make();
  } catch (error) {
    throw new Error(problem, { cause: error });
  }
}

interface Period {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function periodFrom(now: Date, days: number): Period {
  return { notBefore: new Date(now.getTime() - backdatedMs), notAfter: new Date(now.getTime() + days * dayMs) };
}

async function selfSigned(
  trustDomain: string,
  tunnel: string,
  keys: webcrypto.CryptoKeyPair,
  period: Period,
): Promise<X509Certificate> {
  return X509CertificateGenerator.createSelfSigned({
    ...period,
    name: [{ O: ["Sallyport"] }, { CN: [`CA of tunnel ${tunnel}`] }],
    keys,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      // SPIFFE: a signing certificate names its trust domain alone. It is no leaf, so no peer is taken by it.
      new SubjectAlternativeNameExtension([{ type: "url", value: `spiffe://${trustDomain}` }]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
}

interface Issuer {
  readonly trustDomain: string;
  readonly tunnel: string;
  readonly certificate: X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
  readonly period: Period;
}

function authority(issuer: Issuer): Authority {
  return { issue: (role) => issueLeaf(issuer, spiffeId(issuer.trustDomain, issuer.tunnel, role)) };
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

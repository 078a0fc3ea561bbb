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
import { normalPem } from "@sallyport/proto/pem";
import { type Owner, type Role, spiffeId } from "@sallyport/proto/spiffe";

/** A tunnel's CA and what it issues: ECDSA P-256, whatever the caller says is the time. */

export interface Period {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A leaf's certificate and key, and the CA that signed it, each PEM. Never logged. */
export interface IssuedIdentity {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly trustedCas: string;
}

/** Signs for one tunnel. */
export interface Authority {
  /** A new key and a leaf certificate that names `spiffe://<trust domain>/tunnel/<namespace>/<name>/<role>`. */
  issue(role: Role): Promise<IssuedIdentity>;
}

/** A CA whose key is kept, so that it can issue again. Both PEM. */
export interface AuthorityFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };

/** A new CA, and an authority whose leaves are valid as long as it. Its key cannot be taken out of the process. */
export async function createAuthority(owner: Owner, period: Period): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, false, ["sign", "verify"]);
  const certificate = await selfSigned(owner, keys, period);
  return authority({ ...owner, certificate, signingKey: keys.privateKey, period });
}

/** A new CA, to be kept. */
export async function createAuthorityFiles(owner: Owner, period: Period): Promise<AuthorityFiles> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const certificate = await selfSigned(owner, keys, period);
  return { certificate: normalPem(certificate.toString("pem")), privateKey: await privateKeyPem(keys.privateKey) };
}

export interface OpenedAuthority extends Authority, Owner {
  readonly validUntil: Date;
}

/**
 * Opens a CA that `createAuthorityFiles` made; its leaves are valid for `period`, and never longer than the CA. Throws
 * what is wrong with it, in words for people.
 */
export async function openAuthority(files: AuthorityFiles, period: Period, now: Date): Promise<OpenedAuthority> {
  const { tunnel, trustDomain, validUntil } = describeAuthority(files, now);
  const { notBefore, notAfter } = period;
  const key = createPrivateKey(files.privateKey).export({ type: "pkcs8", format: "der" });
  const issuer: Issuer = {
    ...{ tunnel, trustDomain, certificate: new X509Certificate(files.certificate) },
    signingKey: await crypto.subtle.importKey("pkcs8", new Uint8Array(key), keyAlgorithm, false, ["sign"]),
    period: { notBefore, notAfter: new Date(Math.min(notAfter.getTime(), validUntil.getTime())) },
  };
  return { tunnel, trustDomain, validUntil, ...authority(issuer) };
}

export interface AuthorityFacts extends Owner {
  readonly validFrom: Date;
  readonly validUntil: Date;
}

/** What a kept CA is. Throws what is wrong with it, in words for people. */
export function describeAuthority({ certificate, privateKey }: AuthorityFiles, now: Date): AuthorityFacts {
  const ca = attempt(() => new NodeCertificate(certificate), "the CA's certificate is no PEM certificate");
  const key = attempt(() => createPrivateKey(privateKey), "the CA's key is no PEM private key");
  const [, tunnel] = /^CN=CA of tunnel (\S+)$/m.exec(ca.subject) ?? [];
  const [, trustDomain] = /^URI:spiffe:\/\/([^/]+)$/.exec(ca.subjectAltName ?? "") ?? [];
  if (tunnel === undefined || trustDomain === undefined) throw new Error("the CA was not made by sallyport");
  if (!ca.checkPrivateKey(key)) throw new Error("the CA's key is not its certificate's");
  if (ca.validToDate <= now) throw new Error(`the CA expired on ${ca.validToDate.toISOString()}; make a new one`);
  return { tunnel, trustDomain, validFrom: ca.validFromDate, validUntil: ca.validToDate };
}

function attempt<T>(make: () => T, problem: string): T {
  try {
    return make();
  } catch (error) {
    throw new Error(problem, { cause: error });
  }
}

async function selfSigned(
  { trustDomain, tunnel }: Owner,
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

interface Issuer extends Owner {
  readonly certificate: X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
  readonly period: Period;
}

function authority(issuer: Issuer): Authority {
  return { issue: (role) => issueLeaf(issuer, spiffeId(issuer.trustDomain, issuer.tunnel, role)) };
}

async function issueLeaf(issuer: Issuer, uri: string): Promise<IssuedIdentity> {
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
    certificateChain: normalPem(leaf.toString("pem")),
    privateKey: await privateKeyPem(keys.privateKey),
    trustedCas: normalPem(issuer.certificate.toString("pem")),
  };
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const base64 = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}

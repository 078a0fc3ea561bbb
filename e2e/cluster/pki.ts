// Before x509, which needs it.
import "@sallyport/operator/identity/reflect-metadata";
import { generateKeyPairSync, type webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Issues the certificates of one cluster. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** For a server that is reached by these names and addresses. */
  forServer(names: readonly string[], addresses: readonly string[]): Promise<KeyPair>;
  /** For a user of the API: its name, and the group that gives it its rights. */
  forUser(name: string, group?: string): Promise<KeyPair>;
}

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
/** Clocks differ a little. A cluster lives for one test run. */
const [backdatedMs, validMs] = [3_600_000, 7 * 86_400_000];

/** Makes a certificate authority for one cluster; its key stays in memory. */
export async function createAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const root = await X509CertificateGenerator.createSelfSigned({
    ...{ name: "CN=e2e", keys, signingAlgorithm, ...period() },
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  return {
    certificate: pem(root),
    forServer(names, addresses) {
      const alternatives = [
        ...names.map((value) => ({ type: "dns" as const, value })),
        ...addresses.map((value) => ({ type: "ip" as const, value })),
      ];
      const extensions = [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(alternatives),
      ];
      return issue(root, keys, `CN=${names[0]}`, extensions);
    },
    forUser(name, group) {
      const subject = group === undefined ? [{ CN: [name] }] : [{ O: [group] }, { CN: [name] }];
      return issue(root, keys, subject, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]);
    },
  };
}

async function issue(
  root: X509Certificate,
  rootKeys: webcrypto.CryptoKeyPair,
  subject: string | { [type: string]: string[] }[],
  extensions: Extension[],
): Promise<KeyPair> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    ...{ subject, issuer: root.subject, publicKey: keys.publicKey, signingKey: rootKeys.privateKey, signingAlgorithm },
    ...{ ...period(), extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true), ...extensions] },
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return { certificate: pem(certificate), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
}

/** The keys that sign and check service accounts' tokens, PEM. */
export function accountKeys(): { readonly publicKey: string; readonly privateKey: string } {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
}

function period(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - backdatedMs), notAfter: new Date(Date.now() + validMs) };
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

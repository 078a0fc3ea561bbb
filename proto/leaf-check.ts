import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { certificatesOf, isIssuedBy } from "./pem.ts";
import { type Owner, type Role, spiffeId, uriNames } from "./spiffe.ts";

/** A leaf as a Secret or a folder has it, PEM. */
export interface LeafText {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly trustedCas: string;
}

export interface Leaf {
  readonly certificate: X509Certificate;
  /** The leaf first. */
  readonly chain: readonly X509Certificate[];
  readonly trustedCas: readonly X509Certificate[];
}

export type LeafProblem =
  /** `part` is not what it should be, PEM. */
  | { readonly t: "unreadable"; readonly part: keyof LeafText }
  /** The key is another certificate's. */
  | { readonly t: "otherKey" }
  | { readonly t: "expired"; readonly at: Date }
  | { readonly t: "notYetValid"; readonly from: Date }
  /** `found`: the URIs that it names instead. */
  | { readonly t: "otherIdentity"; readonly found: readonly string[]; readonly expected: string };

export type LeafCheck =
  | { readonly t: "ok"; readonly leaf: Leaf }
  | { readonly t: "bad"; readonly problem: LeafProblem };

/** Whether a router can show itself with it, whoever signed it. */
export function checkLeaf(text: LeafText, use: Owner & { readonly role: Role }, now: Date): LeafCheck {
  const chain = certificatesOf(text.certificateChain);
  const [certificate] = chain ?? [];
  if (chain === undefined || certificate === undefined) return unreadable("certificateChain");
  const key = keyOf(text.privateKey);
  if (key === undefined) return unreadable("privateKey");
  const trustedCas = certificatesOf(text.trustedCas);
  if (trustedCas === undefined) return unreadable("trustedCas");
  const problem = certificateProblem(certificate, key, use, now);
  return problem === undefined ? { t: "ok", leaf: { certificate, chain, trustedCas } } : { t: "bad", problem };
}

function certificateProblem(
  certificate: X509Certificate,
  key: KeyObject,
  { trustDomain, tunnel, role }: Owner & { readonly role: Role },
  now: Date,
): LeafProblem | undefined {
  if (!certificate.checkPrivateKey(key)) return { t: "otherKey" };
  if (certificate.validToDate <= now) return { t: "expired", at: certificate.validToDate };
  if (certificate.validFromDate > now) return { t: "notYetValid", from: certificate.validFromDate };
  const expected = spiffeId(trustDomain, tunnel, role);
  const found = uriNames(certificate.subjectAltName ?? "");
  return found.length === 1 && found[0] === expected ? undefined : { t: "otherIdentity", found, expected };
}

/** The most certificates from a leaf to its CA. */
const chainLengthMax = 8;

/** Whether a peer that trusts `cas` takes a chain, the leaf first. */
export function isTrusted(chain: readonly X509Certificate[], cas: readonly X509Certificate[]): boolean {
  let current = chain[0];
  for (let step = 0; current !== undefined && step < chainLengthMax; step += 1) {
    const certificate: X509Certificate = current;
    if (cas.some((ca) => isIssuedBy(certificate, ca))) return true;
    current = chain.find((next) => next !== certificate && isIssuedBy(certificate, next));
  }
  return false;
}

function unreadable(part: keyof LeafText): LeafCheck {
  return { t: "bad", problem: { t: "unreadable", part } };
}

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

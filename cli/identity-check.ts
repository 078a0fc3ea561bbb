import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { checkPeer, type Identity, type Side, spiffeId } from "@sallyport/tunnel/identity";

/** What an identity is for. */
export interface IdentityUse {
  readonly side: Side;
  /** "namespace/name" */
  readonly tunnel: string;
  readonly trustDomain: string;
}

export type IdentityCheck =
  /** Good until then. */
  { readonly t: "ok"; readonly until: Date } | { readonly t: "bad"; readonly problem: string };

/** Whether a router can serve its tunnel with an identity: said here, clearly, and not by a failing handshake later. */
export function checkIdentity(identity: Identity, use: IdentityUse, now: Date): IdentityCheck {
  const leaf = attempt(() => new X509Certificate(identity.certificateChain));
  if (leaf === undefined) return bad("certificateChain is no PEM certificate (-----BEGIN CERTIFICATE-----)");
  const key = attempt(() => createPrivateKey(identity.privateKey));
  if (key === undefined) return bad("privateKey is no PEM private key without a passphrase");
  if (attempt(() => new X509Certificate(identity.trustedCas)) === undefined) {
    return bad("trustedCas is no PEM certificate (-----BEGIN CERTIFICATE-----)");
  }
  const problem = leafProblem(leaf, key, use, now);
  return problem === undefined ? { t: "ok", until: leaf.validToDate } : bad(problem);
}

const renew = 'make new ones with "sallyport identity --renew"';

function leafProblem(leaf: X509Certificate, key: KeyObject, use: IdentityUse, now: Date): string | undefined {
  if (!leaf.checkPrivateKey(key)) return "privateKey is not the certificate's; take both from the same folder";
  if (leaf.validToDate <= now) return `the certificate expired on ${leaf.validToDate.toISOString()}; ${renew}`;
  if (leaf.validFromDate > now) {
    return `the certificate is valid from ${leaf.validFromDate.toISOString()} on; set this machine's clock`;
  }
  const { side, tunnel, trustDomain } = use;
  const mismatch = checkPeer(leaf.toLegacyObject(), spiffeId(trustDomain, tunnel, side));
  if (mismatch === undefined) return undefined;
  const folder = side === "dmz" ? "r1" : "r2";
  return `${mismatch.message.replace("the peer's certificate", "the certificate")}; take the files of folder ${folder}`;
}

function bad(problem: string): IdentityCheck {
  return { t: "bad", problem };
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

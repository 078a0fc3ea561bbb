import { checkLeaf, isTrusted, type Leaf, type LeafProblem, type LeafText } from "@sallyport/proto/leaf-check";
import type { Owner } from "@sallyport/proto/spiffe";
import { type Role, roles } from "@sallyport/proto/spiffe";
import { leafText, type StoredSecret } from "./plan.ts";

/** Secrets that the operator does not make: of one's own, or cert-manager's. */

export type IdentityReason =
  | "SecretNotFound"
  | "InvalidCertificate"
  | "CertificateExpired"
  | "CertificateNotYetValid"
  | "IdentityMismatch"
  | "UntrustedCertificate";

export type OwnSecretsCheck =
  /** All good until `until`, when the first of them expires. */
  | { readonly t: "ok"; readonly until: Date }
  /** `message` names the Secret, what is wrong with it and how to mend it. Never a value of a key. */
  | { readonly t: "bad"; readonly reason: IdentityReason; readonly message: string };

/** A Secret and how messages name it: "dmz/partners-r1". */
export interface NamedSecret {
  readonly name: string;
  /** Undefined: there is none. */
  readonly secret: StoredSecret | undefined;
}

/** Whether routers and operator can meet with these; the first problem, in the order dmz, intranet, operator. */
export function checkOwnSecrets(
  secrets: Readonly<Record<Role, NamedSecret>>,
  owner: Owner,
  now: Date,
): OwnSecretsCheck {
  const leaves: Partial<Record<Role, Leaf>> = {};
  for (const role of roles) {
    const { name, secret } = secrets[role];
    if (secret === undefined)
      return bad("SecretNotFound", `there is no Secret ${name}; make it, with tls.crt, tls.key and ca.crt`);
    const checked = checkLeaf(leafText(secret), { ...owner, role }, now);
    if (checked.t === "bad") return leafBad(name, checked.problem);
    leaves[role] = checked.leaf;
  }
  return meetings(secrets, leaves as Record<Role, Leaf>);
}

/** Who must take whose certificate. */
const peers: readonly (readonly [shows: Role, trusts: Role])[] = [
  ["dmz", "intranet"],
  ["intranet", "dmz"],
  ["operator", "intranet"],
  ["intranet", "operator"],
];

function meetings(secrets: Readonly<Record<Role, NamedSecret>>, leaves: Readonly<Record<Role, Leaf>>): OwnSecretsCheck {
  for (const [shows, trusts] of peers) {
    if (isTrusted(leaves[shows].chain, leaves[trusts].trustedCas)) continue;
    const what = `ca.crt of Secret ${secrets[trusts].name} does not have the CA of the certificate in Secret ${secrets[shows].name}`;
    return bad("UntrustedCertificate", `${what}; add that CA to ca.crt, or its intermediates to tls.crt`);
  }
  const ends = roles.map((role) => leaves[role].certificate.validToDate.getTime());
  return { t: "ok", until: new Date(Math.min(...ends)) };
}

const keys: Readonly<Record<keyof LeafText, string>> = {
  certificateChain: "tls.crt",
  privateKey: "tls.key",
  trustedCas: "ca.crt",
};

function leafBad(name: string, problem: LeafProblem): OwnSecretsCheck {
  switch (problem.t) {
    case "unreadable": {
      const what = problem.part === "privateKey" ? "a private key without a passphrase" : "certificates";
      return bad("InvalidCertificate", `${keys[problem.part]} of Secret ${name} is not ${what} in PEM; write it anew`);
    }
    case "otherKey":
      return bad("InvalidCertificate", `tls.key of Secret ${name} is not the key of its tls.crt; write both anew`);
    case "expired":
      return bad(
        "CertificateExpired",
        `the certificate of Secret ${name} expired on ${problem.at.toISOString()}; renew it`,
      );
    case "notYetValid": {
      const from = problem.from.toISOString();
      return bad(
        "CertificateNotYetValid",
        `the certificate of Secret ${name} is valid from ${from} on; wait, or renew it`,
      );
    }
    case "otherIdentity": {
      const found = problem.found.length === 0 ? "no URI" : problem.found.join(", ");
      const message = `the certificate of Secret ${name} names ${found}; make one with the URI ${problem.expected} and no other`;
      return bad("IdentityMismatch", message);
    }
  }
}

function bad(reason: IdentityReason, message: string): OwnSecretsCheck {
  return { t: "bad", reason, message };
}

import { checkLeaf, type LeafProblem } from "@sallyport/proto/leaf-check";
import type { Identity, Side } from "@sallyport/tunnel/identity";

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
export function checkIdentity(identity: Identity, { side, ...owner }: IdentityUse, now: Date): IdentityCheck {
  const checked = checkLeaf(identity, { ...owner, role: side }, now);
  if (checked.t === "ok") return { t: "ok", until: checked.leaf.certificate.validToDate };
  return { t: "bad", problem: problemText(checked.problem, side) };
}

const pemNames = {
  certificateChain: "PEM certificate (-----BEGIN CERTIFICATE-----)",
  privateKey: "PEM private key without a passphrase",
  trustedCas: "PEM certificate (-----BEGIN CERTIFICATE-----)",
} as const;

function problemText(problem: LeafProblem, side: Side): string {
  switch (problem.t) {
    case "unreadable":
      return `${problem.part} is no ${pemNames[problem.part]}`;
    case "otherKey":
      return "privateKey is not the certificate's; take both from the same folder";
    case "expired":
      return `the certificate expired on ${problem.at.toISOString()}; make new ones with "sallyport identity --renew"`;
    case "notYetValid":
      return `the certificate is valid from ${problem.from.toISOString()} on; set this machine's clock`;
    case "otherIdentity": {
      const found = problem.found.length === 0 ? "no URI" : problem.found.join(", ");
      const folder = side === "dmz" ? "r1" : "r2";
      return `the certificate names ${found}; this tunnel expects ${problem.expected}; take the files of folder ${folder}`;
    }
  }
}

import type { ReverseTunnel } from "@sallyport/proto/resource";
import { type Facts, type Finding, namespacesOf } from "../facts.ts";
import { reasons } from "./reasons.ts";
import { namespaceProblem } from "./target-namespace.ts";

export interface TunnelVerdict {
  readonly accepted: Finding;
  readonly resolvedRefs: Finding;
}

/** Whether the tunnel may be, and whether what it names is there. */
export function judgeTunnel(tunnel: ReverseTunnel, facts: Facts): TunnelVerdict {
  return {
    accepted: acceptance(tunnel, facts),
    resolvedRefs: identityProblem(tunnel, facts) ?? {
      holds: true,
      reason: reasons.resolvedRefs,
      message: "everything that the tunnel names is there",
    },
  };
}

function acceptance(tunnel: ReverseTunnel, facts: Facts): Finding {
  const owner = tunnel.metadata.namespace;
  const { dmz, intranet } = namespacesOf(tunnel);
  return (
    namespaceProblem({ owner, target: dmz, side: "dmz" }, facts) ??
    namespaceProblem({ owner, target: intranet, side: "intranet" }, facts) ?? {
      holds: true,
      reason: reasons.accepted,
      message: `routers may be placed in ${dmz === intranet ? dmz : `${dmz} and ${intranet}`}`,
    }
  );
}

function identityProblem({ spec }: ReverseTunnel, facts: Facts): Finding | undefined {
  const { issuerRef } = spec.identity;
  if (issuerRef !== undefined && !facts.hasCertManager) {
    const message = "spec.identity.issuerRef: cert-manager is not installed; install it, or leave issuerRef out";
    return { holds: false, reason: reasons.certManagerMissing, message };
  }
  return facts.identityProblem;
}

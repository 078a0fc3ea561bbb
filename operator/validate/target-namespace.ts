import type { Facts, Finding } from "../facts.ts";
import { closedNamespaces, tunnelsFromLabel } from "../names.ts";
import { reasons } from "./reasons.ts";

/** Why a tunnel of `owner` may not place routers in `target`; undefined when it may. `side`: for people. */
export function namespaceProblem(
  { owner, target, side }: { readonly owner: string; readonly target: string; readonly side: string },
  facts: Facts,
): Finding | undefined {
  const place = `spec.${side}.namespace: ${target}`;
  if (closedNamespaces.includes(target)) {
    return no(reasons.namespaceClosed, `${place} is the cluster's own; choose another one`);
  }
  if (facts.watchedNamespaces?.has(target) === false) {
    return no(
      reasons.namespaceNotWatched,
      `${place} is not among the operator's --watch-namespaces; choose one of those, or add it`,
    );
  }
  const labels = facts.namespaces.get(target);
  if (labels === undefined) return no(reasons.namespaceNotFound, `${place} does not exist; create it`);
  if (target === owner) return undefined;
  const allowed = labels[tunnelsFromLabel];
  if (allowed === "All" || allowed === owner) return undefined;
  const mend = `kubectl label namespace ${target} ${tunnelsFromLabel}=${owner}`;
  return no(reasons.namespaceNotAllowed, `${place} takes no tunnels of ${owner}; its owner allows them by: ${mend}`);
}

function no(reason: string, message: string): Finding {
  return { holds: false, reason, message };
}

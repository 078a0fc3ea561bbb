import { describe, expect, it } from "vitest";
import { storedKinds } from "./cluster.ts";
import { type KindName, kinds, ownedKinds } from "./kube-object.ts";
import { clusterRules, leaderElectionRules, namespacedRules } from "./rbac.ts";

const rules = [...clusterRules, ...namespacedRules, ...leaderElectionRules];

/** Group, resource and verb, each of them spelled out. */
const may = new Set(
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${group} ${resource} ${verb}`))),
  ),
);

function needs(kind: KindName, ...verbs: string[]): string[] {
  const { apiVersion, plural } = kinds[kind];
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  return verbs.map((verb) => `${group} ${plural} ${verb}`);
}

/** What the code does: cluster-api.ts by kind. */
const needed = [
  ...storedKinds.flatMap((kind) => needs(kind, "list", "watch")),
  ...ownedKinds.flatMap((kind) => needs(kind, "create", "patch", "delete")),
  ...needs("Secret", "get"),
  ...needs("ReverseTunnel", "get", "patch"),
  ...needs("TunnelRoute", "get"),
  ...needs("Pod", "patch"),
  ...needs("Lease", "get", "create", "update"),
  ...needs("Event", "create"),
  "sallyport.dev reversetunnels/status patch",
  "sallyport.dev tunnelroutes/status patch",
];

describe("the operator's rights", () => {
  it.each(needed)("have what it needs: %s", (right) => {
    expect(may.has(right)).toBe(true);
  });

  it("have nothing that could be turned into more: no wildcard, no roles, no exec, no tokens, no impersonation", () => {
    const text = JSON.stringify(rules);
    expect(text).not.toMatch(/"\*"|rbac|exec|token|impersonate|escalate|bind|serviceaccounts|nodes/);
  });

  it("write nothing beyond what they need", () => {
    const reading = /(get|list|watch)$/;
    const extra = [...may].filter((right) => !reading.test(right) && !needed.includes(right));
    // Where OwnerReferencesPermissionEnforcement is on; and series of Events.
    expect(extra.toSorted()).toEqual(["events.k8s.io events patch", "sallyport.dev reversetunnels/finalizers update"]);
  });
});

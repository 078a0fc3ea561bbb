/**
 * What the operator may do, and no more: the one source for the chart's Roles and for docs/operator.md. Verbs are those
 * of Kubernetes. Server-side apply of an object that does not exist yet needs `create` besides `patch`.
 */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const read = ["get", "list", "watch"] as const;
const own = [...read, "create", "patch", "delete"] as const;

/** Always a ClusterRole: namespaces have no namespace. Their labels say which tunnels may use them. */
export const clusterRules: readonly PolicyRule[] = [{ apiGroups: [""], resources: ["namespaces"], verbs: [...read] }];

/**
 * A ClusterRole, or with `--watch-namespaces` a Role in each of these namespaces; they have to include those of the
 * tunnels, of their routers, of their routes and of the Services that routes reach.
 */
export const namespacedRules: readonly PolicyRule[] = [
  // `patch` puts the finalizer on a tunnel and takes it off.
  { apiGroups: ["sallyport.dev"], resources: ["reversetunnels"], verbs: [...read, "patch"] },
  { apiGroups: ["sallyport.dev"], resources: ["tunnelroutes"], verbs: [...read] },
  { apiGroups: ["sallyport.dev"], resources: ["reversetunnels/status", "tunnelroutes/status"], verbs: ["patch"] },
  { apiGroups: ["sallyport.dev"], resources: ["reversetunnels/finalizers"], verbs: ["update"] },
  { apiGroups: [""], resources: ["services", "configmaps", "secrets"], verbs: [...own] },
  // `patch` sets the annotation that makes the kubelet refresh R2's routes.
  { apiGroups: [""], resources: ["pods"], verbs: [...read, "patch"] },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: [...own] },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: [...own] },
  { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: [...own] },
  // Where a tunnel's certificates are cert-manager's: `spec.identity.issuerRef`.
  { apiGroups: ["cert-manager.io"], resources: ["certificates"], verbs: [...own] },
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["referencegrants"], verbs: [...read] },
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
];

/** A Role in `--leader-election-namespace`. */
export const leaderElectionRules: readonly PolicyRule[] = [
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update"] },
];

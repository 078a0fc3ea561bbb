/** Objects of Kubernetes as the operator sees them: plain JSON, whatever their kind. */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface KindInfo {
  readonly apiVersion: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Every kind that the operator reads or writes. */
export const kinds = {
  ReverseTunnel: { apiVersion: "sallyport.dev/v1alpha1", plural: "reversetunnels", namespaced: true },
  TunnelRoute: { apiVersion: "sallyport.dev/v1alpha1", plural: "tunnelroutes", namespaced: true },
  Namespace: { apiVersion: "v1", plural: "namespaces", namespaced: false },
  Pod: { apiVersion: "v1", plural: "pods", namespaced: true },
  Service: { apiVersion: "v1", plural: "services", namespaced: true },
  ConfigMap: { apiVersion: "v1", plural: "configmaps", namespaced: true },
  Secret: { apiVersion: "v1", plural: "secrets", namespaced: true },
  Deployment: { apiVersion: "apps/v1", plural: "deployments", namespaced: true },
  PodDisruptionBudget: { apiVersion: "policy/v1", plural: "poddisruptionbudgets", namespaced: true },
  NetworkPolicy: { apiVersion: "networking.k8s.io/v1", plural: "networkpolicies", namespaced: true },
  ReferenceGrant: { apiVersion: "gateway.networking.k8s.io/v1beta1", plural: "referencegrants", namespaced: true },
  Certificate: { apiVersion: "cert-manager.io/v1", plural: "certificates", namespaced: true },
  Lease: { apiVersion: "coordination.k8s.io/v1", plural: "leases", namespaced: true },
  Event: { apiVersion: "events.k8s.io/v1", plural: "events", namespaced: true },
} as const satisfies Record<string, KindInfo>;

export type KindName = keyof typeof kinds;

/** The kinds of which the operator makes objects, in the order in which they are applied. */
export const ownedKinds = [
  "NetworkPolicy",
  "Certificate",
  "Secret",
  "ConfigMap",
  "Service",
  "PodDisruptionBudget",
  "Deployment",
] as const satisfies readonly KindName[];

/** Which object of a kind; `namespace` is undefined for a kind that has none. */
export interface ObjectRef {
  readonly kind: KindName;
  readonly namespace?: string | undefined;
  readonly name: string;
}

export function refOf(object: KubeObject): ObjectRef {
  const { namespace, name } = object.metadata;
  return { kind: object.kind as KindName, namespace, name };
}

/** "namespace/name", or "name". */
export function keyOf({ namespace, name }: { readonly namespace?: string | undefined; readonly name: string }): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** "Deployment dmz/sp-partners-1": for messages. */
export function refText(ref: ObjectRef): string {
  return `${ref.kind} ${keyOf(ref)}`;
}

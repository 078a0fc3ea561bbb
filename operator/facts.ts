import type { TunnelKey } from "./names.ts";

/** What the clusters have to say about one tunnel and its routes, gathered before anything is decided. */
export interface Facts {
  /** Labels of namespaces, by name; one that is not here does not exist. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Ports of Services, by "namespace/name"; one that is not here does not exist. */
  readonly services: ReadonlyMap<string, readonly number[]>;
  /** "namespace/name" of those that are an ExternalName. */
  readonly aliases: ReadonlySet<string>;
  /** Undefined: Gateway API is not installed. */
  readonly grants: readonly ReferenceGrant[] | undefined;
  /** What is wrong with the Secrets of one's own that the tunnel names; undefined: nothing, or it names none. */
  readonly identityProblem: Finding | undefined;
  readonly hasCertManager: boolean;
  /** Undefined: all are watched. */
  readonly watchedNamespaces: ReadonlySet<string> | undefined;
}

/** What of `gateway.networking.k8s.io` ReferenceGrant counts. */
export interface ReferenceGrant {
  readonly namespace: string;
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  /** Without a name: every one. */
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string | undefined }[];
}

/** How the operator was started, as far as the objects depend on it. */
export interface Env {
  readonly dmzImage: string;
  readonly intranetImage: string;
  readonly imagePullPolicy: string;
  readonly imagePullSecrets: readonly string[];
  readonly trustDomain: string;
  readonly clusterDomain: string;
  /** How long a phase of a CA's replacement lasts at least. */
  readonly caSettleMs: number;
  /** Where the operator runs; "": outside of the cluster, so that no pod of it can be named. */
  readonly operatorNamespace: string;
}

/** What became of a question. `reason` is one of reasons.ts. */
export interface Finding {
  readonly holds: boolean;
  readonly reason: string;
  readonly message: string;
}

/** Where the routers of a tunnel run. */
export function namespacesOf(tunnel: {
  readonly metadata: TunnelKey;
  readonly spec: {
    readonly dmz: { readonly namespace?: string | undefined };
    readonly intranet: { readonly namespace?: string | undefined };
  };
}): { readonly dmz: string; readonly intranet: string } {
  const { metadata, spec } = tunnel;
  return {
    dmz: spec.dmz.namespace ?? metadata.namespace,
    intranet: spec.intranet.namespace ?? metadata.namespace,
  };
}

import type { ReverseTunnel, TunnelRoute } from "@sallyport/proto/resource";
import type { Clusters } from "../cluster.ts";
import { type Facts, type Finding, namespacesOf, type ReferenceGrant } from "../facts.ts";
import { type KubeObject, keyOf } from "../kube-object.ts";
import { thing } from "./dependencies.ts";

export interface Gathered {
  readonly facts: Facts;
  /** What the facts are of: `Dependencies`. */
  readonly things: ReadonlySet<string>;
}

/** Everything that has to be known of the clusters to judge the tunnel and its routes. */
export function gatherFacts(
  clusters: Clusters,
  tunnel: ReverseTunnel,
  routes: readonly TunnelRoute[],
  identityProblem: Finding | undefined,
): Gathered {
  const things = new Set<string>();
  const { intranet, dmz } = clusters;
  const sides = namespacesOf(tunnel);
  const namespaces = new Map<string, Readonly<Record<string, string>>>();
  const addNamespace = (name: string, cluster = intranet): void => {
    things.add(thing.namespace(name));
    const found = cluster.get("Namespace", undefined, name);
    const isEnding = found?.metadata.deletionTimestamp !== undefined;
    if (found !== undefined && !isEnding) namespaces.set(name, found.metadata.labels ?? {});
  };
  for (const { metadata } of routes) addNamespace(metadata.namespace);
  addNamespace(sides.intranet);
  addNamespace(sides.dmz, dmz);
  const services = new Map<string, readonly number[]>();
  const aliases = new Set<string>();
  const grants: ReferenceGrant[] = [];
  for (const key of serviceRefs(routes)) {
    things.add(thing.service(key));
    const [namespace = "", name = ""] = key.split("/");
    const service = intranet.get("Service", namespace, name);
    if (service === undefined) continue;
    if (isAlias(service)) aliases.add(key);
    else services.set(key, portsOf(service));
  }
  const granting = new Set(serviceRefs(routes).map((key) => key.split("/")[0] ?? ""));
  for (const namespace of granting) things.add(thing.grantsIn(namespace));
  for (const grant of intranet.store("ReferenceGrant").all()) {
    if (granting.has(grant.metadata.namespace ?? "")) grants.push(grantOf(grant));
  }
  const facts: Facts = {
    ...{ namespaces, services, aliases, grants: intranet.has("ReferenceGrant") ? grants : undefined },
    identityProblem,
    hasCertManager: intranet.has("Certificate"),
    watchedNamespaces: intranet.watchedNamespaces,
  };
  return { facts, things };
}

/** "namespace/name" of each Service that the routes name. */
function serviceRefs(routes: readonly TunnelRoute[]): string[] {
  const keys = routes.flatMap(({ metadata, spec }) =>
    spec.backendRefs.flatMap((ref) =>
      "url" in ref ? [] : [keyOf({ namespace: ref.namespace ?? metadata.namespace, name: ref.name })],
    ),
  );
  return [...new Set(keys)];
}

/** It leads wherever its owner says, past every grant. */
function isAlias(service: KubeObject): boolean {
  return (service.spec as { readonly type?: string } | undefined)?.type === "ExternalName";
}

function portsOf(service: KubeObject): number[] {
  const spec = service.spec as { readonly ports?: readonly { readonly port: number }[] } | undefined;
  return spec?.ports?.map(({ port }) => port) ?? [];
}

function grantOf({ metadata, ...grant }: KubeObject): ReferenceGrant {
  const { from = [], to = [] } = (grant.spec ?? {}) as Partial<ReferenceGrant>;
  return { namespace: metadata.namespace ?? "", from, to };
}

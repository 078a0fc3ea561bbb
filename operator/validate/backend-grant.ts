import type { BackendRef, ReverseTunnel, TunnelRoute } from "@sallyport/proto/resource";
import type { Env, Facts, Finding, ReferenceGrant } from "../facts.ts";
import { reasons } from "./reasons.ts";

/** A backendRef as R2 is told of it: a url; or a Service that is none, which R2 answers with a typed error. */
export interface ResolvedBackend {
  readonly ref: BackendRef;
  readonly problem: Finding | undefined;
}

export interface BackendQuestion {
  readonly ref: BackendRef;
  readonly index: number;
  readonly route: TunnelRoute;
  readonly tunnel: ReverseTunnel;
}

/**
 * R2 is given addresses alone. A reference that is not granted or leads nowhere keeps its weight, so that its share of the calls
 * fails and is not sent to another one: Gateway API's rule.
 */
export function resolveBackend(question: BackendQuestion, facts: Facts, env: Env): ResolvedBackend {
  const { ref, route } = question;
  const problem = "url" in ref ? urlProblem(ref.url, question) : serviceProblem(ref, question, facts);
  if (problem !== undefined) return { ref: { ...unusable, weight: ref.weight }, problem };
  if ("url" in ref) return { ref, problem: undefined };
  const host = `${ref.name}.${ref.namespace ?? route.metadata.namespace}.svc.${env.clusterDomain}`;
  return { ref: { url: `http://${host}:${ref.port}`, weight: ref.weight }, problem: undefined };
}

/** R2 knows no Services, and refuses the call. */
const unusable = { name: "not-resolved", port: 1 } as const;

type ServiceRef = Extract<BackendRef, { readonly name: string }>;

function serviceProblem(ref: ServiceRef, { route, index }: BackendQuestion, facts: Facts): Finding | undefined {
  const from = route.metadata.namespace;
  const namespace = ref.namespace ?? from;
  const place = `backendRefs[${index}]: Service ${namespace}/${ref.name}`;
  if (namespace !== from) {
    if (facts.grants === undefined) {
      const message = `${place}: Gateway API is not installed, and no ReferenceGrant can allow it; install its ReferenceGrant, or use a Service of ${from}`;
      return { holds: false, reason: reasons.refNotPermitted, message };
    }
    if (!facts.grants.some((grant) => grants(grant, { from, namespace, name: ref.name }))) {
      const message = `${place}: no ReferenceGrant in ${namespace} allows TunnelRoutes of ${from}; its owner adds one`;
      return { holds: false, reason: reasons.refNotPermitted, message };
    }
  }
  if (facts.watchedNamespaces?.has(namespace) === false) {
    const message = `${place}: the namespace is not among the operator's --watch-namespaces; add it`;
    return { holds: false, reason: reasons.backendNotFound, message };
  }
  if (facts.aliases.has(`${namespace}/${ref.name}`)) {
    const message = `${place} is an ExternalName, which no grant covers; name the Service it stands for, or a url`;
    return { holds: false, reason: reasons.refNotPermitted, message };
  }
  const ports = facts.services.get(`${namespace}/${ref.name}`);
  if (ports === undefined) {
    return { holds: false, reason: reasons.backendNotFound, message: `${place} does not exist; create it` };
  }
  if (ports.includes(ref.port)) return undefined;
  const message = `${place} has no port ${ref.port}; its ports: ${ports.join(", ") || "none"}`;
  return { holds: false, reason: reasons.backendNotFound, message };
}

function grants(
  grant: ReferenceGrant,
  { from, namespace, name }: { readonly from: string; readonly namespace: string; readonly name: string },
): boolean {
  return (
    grant.namespace === namespace &&
    grant.from.some((one) => one.group === "sallyport.dev" && one.kind === "TunnelRoute" && one.namespace === from) &&
    grant.to.some((one) => one.group === "" && one.kind === "Service" && (one.name ?? name) === name)
  );
}

function urlProblem(url: string, { index, route, tunnel }: BackendQuestion): Finding | undefined {
  const allowed = tunnel.spec.intranet.allowedDestinations;
  const place = `backendRefs[${index}]: ${url}`;
  const owner = `${tunnel.metadata.namespace}/${tunnel.metadata.name}`;
  if (allowed === undefined) {
    if (route.metadata.namespace === tunnel.metadata.namespace) return undefined;
    const message = `${place}: a route of another namespace than the tunnel's may name a Service only; or the owner of tunnel ${owner} lists the host in spec.intranet.allowedDestinations`;
    return { holds: false, reason: reasons.refNotPermitted, message };
  }
  if (allowed.some((pattern) => fitsDestination(pattern, new URL(url)))) return undefined;
  const message = `${place} is not in spec.intranet.allowedDestinations of tunnel ${owner}; its owner may add the host`;
  return { holds: false, reason: reasons.refNotPermitted, message };
}

/** "calc.example.com", "*.example.com", "*", "[::1]", each perhaps with ":port". */
export function fitsDestination(pattern: string, url: URL): boolean {
  const [, host = "", port] = /^(.*?)(?::([0-9]{1,5}))?$/.exec(pattern) ?? [];
  // A bracketed address has colons of its own.
  const isWholeAddress = pattern.startsWith("[") && pattern.endsWith("]");
  const wantedHost = isWholeAddress ? pattern : host;
  const wantedPort = isWholeAddress ? undefined : port;
  const actualPort = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  if (wantedPort !== undefined && Number(wantedPort) !== Number(actualPort)) return false;
  const name = url.hostname.replace(/\.$/, "");
  if (wantedHost === "*") return true;
  if (wantedHost.startsWith("*.")) return name.endsWith(wantedHost.slice(1)) && name.length > wantedHost.length - 1;
  return name === (wantedHost.startsWith("[") ? new URL(`http://${wantedHost}`).hostname : wantedHost);
}

import { createHash } from "node:crypto";
import { durationMs } from "@sallyport/proto/duration";
import type { ReverseTunnel } from "@sallyport/proto/resource";
import { canonicalJson } from "@sallyport/proto/route-hash";
import { stringify } from "yaml";
import { type Env, namespacesOf } from "../facts.ts";
import { keyOf } from "../kube-object.ts";
import { namesOf, port } from "../names.ts";
import { containerPorts } from "./container-ports.ts";

/** Where the containers find what they are given. */
export const directory = {
  config: "/etc/sallyport/config",
  identity: "/etc/sallyport/identity",
  routes: "/etc/sallyport/routes",
} as const;

export const configFile = { dmz: "r1.yaml", intranet: "r2.yaml" } as const;

const everywhere = "0.0.0.0";

/** A router's configuration file, and the hash of what of it a running router does not take. */
export interface RouterConfig {
  readonly text: string;
  readonly restartHash: string;
}

export function dmzConfig(tunnel: ReverseTunnel, env: Env): RouterConfig {
  const { dmz, pool, drain } = tunnel.spec;
  const ports = containerPorts(dmz.listeners);
  const fixed = {
    ...common(tunnel, env),
    listeners: dmz.listeners.map(({ name, protocol, proxyProtocol }) => ({
      name,
      protocol,
      address: everywhere,
      port: ports.get(name),
      ...(proxyProtocol !== undefined && { proxyProtocol }),
    })),
    tunnelEndpoint: { address: everywhere, port: port.tunnel },
    health: { address: everywhere, port: port.health },
    pool: { min: pool.min, max: pool.max },
  };
  return routerConfig(fixed, {
    limits: { drainMs: durationMs(drain.timeout), drainNoticeMs: durationMs(drain.notice) },
    log: { level: tunnel.spec.logLevel },
    waiting: { callsMax: dmz.waiting.callsMax, timeoutMs: durationMs(dmz.waiting.timeout) },
    quotas: dmz.quotas,
  });
}

export function intranetConfig(tunnel: ReverseTunnel, env: Env, dmzRouters = tunnel.spec.pairs): RouterConfig {
  const names = namesOf(tunnel.metadata);
  const { dmz } = namespacesOf(tunnel);
  const fixed = {
    ...common(tunnel, env),
    operator: { address: everywhere, port: port.operator },
    routeShards: directory.routes,
  };
  return routerConfig(fixed, {
    // One that drains takes calls until it is gone, and can only pass them on while R2s are connected.
    dmz: Array.from({ length: Math.max(tunnel.spec.pairs, dmzRouters) }, (_, index) => ({
      name: `r1-${index}`,
      address: `${names.router("dmz", index)}.${dmz}.svc.${env.clusterDomain}`,
      port: port.tunnel,
    })),
    limits: { drainMs: durationMs(tunnel.spec.drain.timeout) },
    log: { level: tunnel.spec.logLevel },
  });
}

function common(tunnel: ReverseTunnel, env: Env) {
  return {
    tunnel: keyOf(tunnel.metadata),
    trustDomain: env.trustDomain,
    identity: {
      certificateChainFile: `${directory.identity}/tls.crt`,
      privateKeyFile: `${directory.identity}/tls.key`,
      trustedCasFile: `${directory.identity}/ca.crt`,
    },
    admin: { address: everywhere, port: port.admin },
  };
}

/** `live`: what a router takes while it runs. */
function routerConfig(fixed: object, live: object): RouterConfig {
  const restartHash = createHash("sha256").update(canonicalJson(fixed)).digest("hex").slice(0, 16);
  return { text: stringify({ ...fixed, ...live }), restartHash };
}

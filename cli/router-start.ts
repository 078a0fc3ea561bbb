import { durationMs } from "@sallyport/proto/duration";
import type { TunnelRoute } from "@sallyport/proto/resource";
import {
  type DmzConfig,
  type IntranetConfig,
  parseDmzConfig,
  parseIntranetConfig,
} from "@sallyport/proto/router-config";
import type { Identity } from "@sallyport/tunnel/identity";
import type { Ports } from "./report.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";

/** What each router of a run is started with: pure, the same in, the same out. */

export const trustDomain = "sallyport";

/** R2s and people on this machine reach the tunnel endpoints and admin pages, nobody else. */
export const loopback = "127.0.0.1";

/** A developer waits for this one; a cluster's routers have 25 s. docs/protocol.md, "Draining". */
export const drainMs = 5_000;

/** Who tries it out looks at once. */
const batchDelayMs = 500;

export interface RunSettings {
  /** Where the clients' listeners and the health ports are open. */
  readonly address: string;
  readonly verbose: boolean;
  /** Where the routers' trace spans go; left out: calls are not traced. */
  readonly otlp?: string | undefined;
}

export interface DmzStart {
  readonly index: number;
  /** Those of its earlier life: R2s and clients know them. */
  readonly ports: Ports;
  /** At its first start; 0: any free one. */
  readonly healthPort: number;
  readonly identity: Identity;
}

/** R1 0 has the ports of the documents, the others any free ones. */
export function dmzConfig(plan: TunnelPlan, settings: RunSettings, start: DmzStart): DmzConfig {
  const { index, ports, identity } = start;
  const { address } = settings;
  return parseDmzConfig({
    ...common(plan, settings, identity, ports),
    listeners: plan.listeners.map(({ name, protocol, port, proxyProtocol }) => ({
      ...{ name, protocol, proxyProtocol, address },
      port: ports[name] ?? (index === 0 ? port : 0),
    })),
    tunnelEndpoint: { address: loopback, port: ports.tunnel ?? 0 },
    health: { address, port: ports.health ?? start.healthPort },
    pool: plan.pool,
    ...(settings.otlp !== undefined && { tracing: { batchDelayMs } }),
    quotas: plan.quotas,
    waiting: { callsMax: plan.waiting.callsMax, timeoutMs: durationMs(plan.waiting.timeout) },
  });
}

export interface IntranetStart {
  readonly ports: Ports;
  /** The tunnel ports of all R1s, by their number: every R2 connects to every R1. */
  readonly dmzPorts: readonly number[];
  readonly routes: readonly TunnelRoute[];
  readonly identity: Identity;
}

export function intranetConfig(plan: TunnelPlan, settings: RunSettings, start: IntranetStart): IntranetConfig {
  const { ports, dmzPorts, routes, identity } = start;
  return parseIntranetConfig({
    ...common(plan, settings, identity, ports),
    dmz: dmzPorts.map((port, index) => ({ name: `R1 ${index}`, address: loopback, port })),
    routes,
    ...(settings.otlp !== undefined && { tracing: { batchDelayMs, otlp: { url: settings.otlp } } }),
  });
}

function common(plan: TunnelPlan, settings: RunSettings, identity: Identity, ports: Ports) {
  return {
    tunnel: plan.tunnel,
    trustDomain,
    identity,
    admin: { address: loopback, port: ports.admin ?? 0 },
    // No load balancer has to notice.
    limits: { drainMs, drainNoticeMs: 0 },
    // What is not shown is not written.
    log: { level: settings.verbose ? "debug" : "warn" },
  };
}

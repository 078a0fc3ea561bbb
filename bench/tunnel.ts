import { createAuthority } from "@sallyport/cli/identity";
import type { Report } from "@sallyport/tunnel/process";
import { Child } from "./child.ts";

const loopback = "127.0.0.1";
const tunnel = "bench/bench";

export interface TunnelOptions {
  /** The URL of the destination. */
  readonly origin: string;
  /** A folder for the routers' logs. */
  readonly scratch: string;
  /** A fixed number of links; undefined: as the routers' defaults say. */
  readonly links?: number;
  /** A folder for CPU profiles, written when the routers end. */
  readonly profiles?: string;
}

/** R1 and R2 as processes of their own, as in production: mutual TLS, credit, metrics, an access log at level info. */
export interface Tunnel {
  /** R1's listener. */
  readonly url: string;
  /** Where R2 dials: the port of the links. */
  readonly linkPort: number;
  readonly r1: Child;
  readonly r2: Child;
}

/** Resolves when R2 has registered and a call can go through. `started` is told of each process, to stop it. */
export async function startTunnel(
  options: TunnelOptions,
  started: (child: Child) => void,
  signal: AbortSignal,
): Promise<Tunnel> {
  const authority = await createAuthority("sallyport", tunnel);
  const common = { tunnel, admin: { address: loopback, port: 0 }, limits: { drainMs: 1_000 }, log: { level: "info" } };
  const r1 = startRouter("r1", import.meta.resolve("@sallyport/router-dmz/main"), options, started);
  r1.send({
    t: "start",
    config: {
      ...common,
      identity: await authority.issue("dmz"),
      listeners: [{ name: "http", protocol: "HTTP", address: loopback, port: 0 }],
      tunnelEndpoint: { address: loopback, port: 0 },
      health: { address: loopback, port: 0 },
      pool: options.links === undefined ? {} : { min: options.links, max: options.links },
    },
  });
  const ports = await r1.message(listening, signal);
  const r2 = startRouter("r2", import.meta.resolve("@sallyport/router-intranet/main"), options, started);
  const active = r1.message(ready, signal);
  r2.send({
    t: "start",
    config: {
      ...common,
      identity: await authority.issue("intranet"),
      dmz: [{ name: "r1", address: loopback, port: ports.tunnel }],
      routes: [routeTo(options.origin)],
    },
  });
  await Promise.all([active, r2.message(listening, signal)]);
  return { url: `http://${loopback}:${ports.http}`, linkPort: ports.tunnel ?? 0, r1, r2 };
}

function startRouter(
  name: string,
  module: string,
  { scratch, profiles }: TunnelOptions,
  started: (child: Child) => void,
): Child {
  const profiling = ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}.cpuprofile`];
  const child = Child.module(module, {
    name,
    logFile: `${scratch}/${name}.log`,
    nodeArgs: profiles === undefined ? [] : profiling,
  });
  started(child);
  return child;
}

/** As in production: with a match, so that routing is in the figures. */
function routeTo(origin: string) {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "TunnelRoute",
    metadata: { name: "bench", namespace: "bench" },
    spec: {
      parentRefs: [{ name: "bench" }],
      matches: [{ soap: { action: { type: "Contains", value: "/IOrders/" } } }, { path: { value: "/" } }],
      backendRefs: [{ url: origin }],
    },
  };
}

function listening(message: unknown): Readonly<Record<string, number>> | undefined {
  const report = message as Report;
  if (report.t === "failed") throw new Error(`a router cannot start: ${report.message}`);
  return report.t === "listening" ? report.ports : undefined;
}

function ready(message: unknown): true | undefined {
  const report = message as Report;
  return report.t === "ready" && report.ready ? true : undefined;
}

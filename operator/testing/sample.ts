import {
  apiVersion,
  type ReverseTunnel,
  reverseTunnelSchema,
  type TunnelRoute,
  tunnelRouteSchema,
} from "@sallyport/proto/resource";
import type { Env, Facts } from "../facts.ts";
import type { KubeObject } from "../kube-object.ts";
import type { RouterReport, RouterReports, Wanted } from "../report/router-report.ts";

/** For tests: documents and facts with only what a test is about. */

export const env: Env = {
  dmzImage: "example.com/sallyport-r1:0.1.0",
  intranetImage: "example.com/sallyport-r2:0.1.0",
  imagePullPolicy: "IfNotPresent",
  imagePullSecrets: [],
  trustDomain: "sallyport",
  clusterDomain: "cluster.local",
  caSettleMs: 600_000,
  operatorNamespace: "sallyport-system",
};

const listeners = [{ name: "http", protocol: "HTTP", port: 80 }];

export interface SampleTunnel {
  readonly name?: string;
  readonly namespace?: string;
  readonly dmz?: object;
  readonly spec?: object;
}

/** As a person would write it. */
export function tunnelObject({ name, namespace, dmz, spec }: SampleTunnel = {}): KubeObject {
  return {
    apiVersion,
    kind: "ReverseTunnel",
    metadata: { name: name ?? "partners", namespace: namespace ?? "tunnels" },
    spec: { dmz: { namespace: "dmz", listeners, ...dmz }, ...spec },
  };
}

export function sampleTunnel(sample: SampleTunnel = {}): ReverseTunnel {
  return reverseTunnelSchema.parse(tunnelObject(sample));
}

export interface SampleRoute {
  readonly name?: string;
  readonly namespace?: string;
  readonly creationTimestamp?: string;
  readonly spec?: object;
}

export function routeObject({ name, namespace, creationTimestamp, spec }: SampleRoute = {}): KubeObject {
  return {
    apiVersion,
    kind: "TunnelRoute",
    metadata: {
      name: name ?? "calc",
      namespace: namespace ?? "tunnels",
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: {
      parentRefs: [{ name: "partners", namespace: "tunnels" }],
      backendRefs: [{ url: "http://calc.example.com:80" }],
      ...spec,
    },
  };
}

export function sampleRoute(sample: SampleRoute = {}): TunnelRoute {
  return tunnelRouteSchema.parse(routeObject(sample));
}

export function sampleFacts(facts: Partial<Facts> = {}): Facts {
  return {
    namespaces: new Map([
      ["tunnels", {}],
      ["apps", { team: "blue" }],
      ["dmz", { "sallyport.dev/tunnels-from": "tunnels" }],
      ["open", { "sallyport.dev/tunnels-from": "All" }],
      ["shut", {}],
      ["kube-system", { "sallyport.dev/tunnels-from": "All" }],
    ]),
    aliases: new Set(),
    services: new Map([
      ["tunnels/calc", [80, 8080]],
      ["apps/calc", [80]],
    ]),
    grants: [],
    identityProblem: undefined,
    hasCertManager: false,
    watchedNamespaces: undefined,
    ...facts,
  };
}

/** Reports that a test makes up. */
export class FakeReports implements RouterReports {
  readonly wanted = new Map<string, Wanted>();
  readonly #reports = new Map<string, RouterReport>();
  #onChange: (tunnel: string) => void = () => {};

  onChange(listener: (tunnel: string) => void): void {
    this.#onChange = listener;
  }

  want(wanted: Wanted): void {
    this.wanted.set(wanted.tunnel, wanted);
  }

  of(id: string): RouterReport | undefined {
    return this.#reports.get(id);
  }

  set(id: string, tunnel: string, report: RouterReport | undefined): void {
    if (report === undefined) this.#reports.delete(id);
    else this.#reports.set(id, report);
    this.#onChange(tunnel);
  }

  close(): void {}
}

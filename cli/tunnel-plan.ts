import { DocumentError, type DocumentProblem, problemAt } from "@sallyport/proto/document-error";
import { type Documents, originOf } from "@sallyport/proto/documents";
import { quoted } from "@sallyport/proto/printable";
import type { Listener, ReverseTunnel, TunnelRoute } from "@sallyport/proto/resource";
import { CliError, exitCodes } from "./cli-error.ts";

/** The most router processes of one run: two per pair. */
export const processesMax = 128;

type Dmz = ReverseTunnel["spec"]["dmz"];

/** What one tunnel of the documents becomes on this machine. What a cluster alone has is not in it. */
export interface TunnelPlan {
  /** "namespace/name". */
  readonly tunnel: string;
  /** How lines name it: its name, with the namespace when there is another one of that name. */
  readonly label: string;
  readonly pairs: number;
  readonly listeners: readonly Pick<Listener, "name" | "protocol" | "port" | "proxyProtocol">[];
  readonly pool: ReverseTunnel["spec"]["pool"];
  readonly quotas: Dmz["quotas"];
  readonly waiting: Dmz["waiting"];
  /** Those that name the tunnel as a parent. */
  readonly routes: readonly TunnelRoute[];
}

export interface PlanOptions {
  /** Instead of what the documents say. */
  readonly pairs: number | undefined;
  readonly healthPort: number;
}

/**
 * What the documents ask for, one plan per tunnel in their order. Throws DocumentError for what does not work on one
 * machine, CliError when there is no tunnel or too many.
 */
export function planTunnels(documents: Documents, options: PlanOptions): TunnelPlan[] {
  const { tunnels, routes } = documents;
  if (tunnels.length === 0) throw new CliError(exitCodes.usage, noTunnel(documents));
  const problems = [...routes.flatMap(serviceProblems), ...listenerProblems(tunnels, options.healthPort)];
  if (problems.length > 0) throw new DocumentError(problems);
  const plans = tunnels.map((tunnel) => planTunnel(tunnel, documents, options));
  const processes = plans.reduce((sum, { pairs }) => sum + 2 * pairs, 0);
  if (processes > processesMax) {
    const what = `the documents ask for ${processes} router processes, and ${processesMax} are the most`;
    throw new CliError(exitCodes.usage, `${what}; leave out tunnels or give fewer --pairs`);
  }
  return plans;
}

function noTunnel({ routes }: Documents): string {
  const sources = [...new Set(routes.map((route) => originOf(route).source))].join(", ");
  const what = "there is no ReverseTunnel among the documents; add one with kind: ReverseTunnel, metadata.name and";
  return `${sources}: ${what} spec.dmz.listeners (examples/calculator/tunnel.yaml has one)`;
}

function planTunnel(tunnel: ReverseTunnel, documents: Documents, options: PlanOptions): TunnelPlan {
  const { metadata, spec } = tunnel;
  const isAlone = documents.tunnels.filter((other) => other.metadata.name === metadata.name).length === 1;
  const fullName = `${metadata.namespace}/${metadata.name}`;
  return {
    tunnel: fullName,
    label: isAlone ? metadata.name : fullName,
    pairs: options.pairs ?? spec.pairs,
    listeners: spec.dmz.listeners.map(({ name, protocol, port, proxyProtocol }) => ({
      ...{ name, protocol, port },
      ...(proxyProtocol !== undefined && { proxyProtocol }),
    })),
    pool: spec.pool,
    quotas: spec.dmz.quotas,
    waiting: spec.dmz.waiting,
    routes: documents.routes.filter((route) => isParent(metadata, route)),
  };
}

function isParent({ name, namespace }: ReverseTunnel["metadata"], { metadata, spec }: TunnelRoute): boolean {
  return spec.parentRefs.some((ref) => ref.name === name && (ref.namespace ?? metadata.namespace) === namespace);
}

function serviceProblems(route: TunnelRoute): DocumentProblem[] {
  return route.spec.backendRefs.flatMap((ref, index) => {
    if (!("name" in ref)) return [];
    const message = `${quoted(ref.name)} is a Service of a cluster, and none is here; write url: http://HOST:${ref.port} instead`;
    return [problemAt(originOf(route), ["spec", "backendRefs", index, "name"], message)];
  });
}

/** R1 0 of every tunnel listens on the documents' ports, all on this one machine. */
function listenerProblems(tunnels: readonly ReverseTunnel[], healthPort: number): DocumentProblem[] {
  const taken = new Map<number, string>();
  if (healthPort !== 0) taken.set(healthPort, "the health port; give that one another port with --health-port");
  return tunnels.flatMap((tunnel) =>
    tunnel.spec.dmz.listeners.flatMap(({ name, port }, index) => {
      const problem = (key: string, message: string) =>
        problemAt(originOf(tunnel), ["spec", "dmz", "listeners", index, key], message);
      const holder = taken.get(port);
      if (holder !== undefined) return [problem("port", `${port} is ${holder}`)];
      const { document } = originOf(tunnel);
      taken.set(port, `the port of listener ${name} of ${document} too; on one machine each needs its own`);
      return [];
    }),
  );
}

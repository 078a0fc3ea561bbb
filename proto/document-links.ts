import { type DocumentProblem, type Origin, problemAt } from "./document-error.ts";
import { didYouMean, nearWord } from "./near-word.ts";
import { quoted } from "./printable.ts";
import type { Listener, ReverseTunnel, TunnelRoute } from "./resource.ts";
import { fitProblems } from "./route-fit.ts";

type ParentRef = TunnelRoute["spec"]["parentRefs"][number];

const namesShownMax = 10;

/** The parentRefs that name none of the tunnels, or a listener that theirs has not. A parentRef's namespace defaults to the route's. */
export function linkProblems(
  tunnels: readonly ReverseTunnel[],
  routes: readonly TunnelRoute[],
  originOf: (route: TunnelRoute) => Origin,
): DocumentProblem[] {
  const byName = new Map(tunnels.map((tunnel) => [fullName(tunnel.metadata), tunnel]));
  return routes.flatMap((route) =>
    route.spec.parentRefs.flatMap((ref, index) => {
      const problem = refProblem(ref, route.metadata.namespace, byName);
      if (problem !== undefined) {
        return [problemAt(originOf(route), ["spec", "parentRefs", index, problem.key], problem.message)];
      }
      const tunnel = byName.get(fullName({ name: ref.name, namespace: ref.namespace ?? route.metadata.namespace }));
      return fitProblems(route, boundListeners(tunnel, ref)).map(({ path, message }) =>
        problemAt(originOf(route), path, message),
      );
    }),
  );
}

function refProblem(
  ref: ParentRef,
  routeNamespace: string,
  tunnels: ReadonlyMap<string, ReverseTunnel>,
): { key: keyof ParentRef; message: string } | undefined {
  const wanted = fullName({ name: ref.name, namespace: ref.namespace ?? routeNamespace });
  const tunnel = tunnels.get(wanted);
  if (tunnel === undefined) {
    return { key: "name", message: `there is no ReverseTunnel ${wanted}; ${mend(ref, wanted, tunnels)}` };
  }
  const listeners = tunnel.spec.dmz.listeners.map(({ name }) => name);
  if (ref.sectionName === undefined || listeners.includes(ref.sectionName)) return undefined;
  const meant = didYouMean(ref.sectionName, listeners) || `; it has ${some(listeners)}`;
  return {
    key: "sectionName",
    message: `${quoted(ref.sectionName)} is no listener of ReverseTunnel ${wanted}${meant}`,
  };
}

function boundListeners(tunnel: ReverseTunnel | undefined, { sectionName }: ParentRef): readonly Listener[] {
  const listeners = tunnel?.spec.dmz.listeners ?? [];
  return sectionName === undefined ? listeners : listeners.filter(({ name }) => name === sectionName);
}

function mend(ref: ParentRef, wanted: string, tunnels: ReadonlyMap<string, ReverseTunnel>): string {
  const namesake = [...tunnels.values()].find(({ metadata }) => metadata.name === ref.name);
  if (namesake !== undefined) return `for ${fullName(namesake.metadata)} add namespace: ${namesake.metadata.namespace}`;
  const names = [...tunnels.keys()];
  const near = nearWord(wanted, names);
  return near === undefined ? `the documents have ${some(names) || "none"}` : `did you mean "${near}"?`;
}

function some(names: readonly string[]): string {
  const more = names.length - namesShownMax;
  return [...names.slice(0, namesShownMax), ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

function fullName({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

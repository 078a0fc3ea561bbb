import { backendScheme } from "./backend-url.ts";
import { type ListenerProtocol, type MatchField, protocolTraits } from "./listener-protocol.ts";
import { quoted } from "./printable.ts";
import type { RouteMatch, TunnelRoute } from "./resource.ts";

/** Which routes can carry calls of which listeners. */

export interface FitProblem {
  readonly path: PropertyKey[];
  readonly message: string;
}

interface NamedListener {
  readonly name: string;
  readonly protocol: ListenerProtocol;
}

/**
 * Why a route can take no call of any of these listeners, to which a parentRef binds it: a destination that speaks
 * something else, or a match that asks for what their calls have not.
 */
export function fitProblems({ spec }: TunnelRoute, listeners: readonly NamedListener[]): FitProblem[] {
  if (listeners.length === 0) return [];
  const fitting = listeners.filter(({ protocol }) => backendsFit(spec.backendRefs, protocol));
  if (fitting.length === 0) return [backendProblem(spec.backendRefs, listeners)];
  return spec.matches.flatMap((match, index) => {
    const lacking = fitting.map(({ protocol }) => lackingField(match, protocol));
    const [field] = lacking;
    if (field === undefined || lacking.includes(undefined)) return [];
    const message = `can hold for no call of ${namesOf(fitting)}: ${lacks[field]}`;
    return [{ path: ["spec", "matches", index, field], message }];
  });
}

/** Whether calls of a listener may go to all of these. A Service may speak anything. */
export function backendsFit(refs: TunnelRoute["spec"]["backendRefs"], protocol: ListenerProtocol): boolean {
  const { schemes } = protocolTraits(protocol);
  return refs.every((ref) => !("url" in ref) || schemes.includes(backendScheme(ref.url)));
}

/** Why a match can hold for no call of a listener: the field that such calls have not. */
export function lackingField(match: RouteMatch, protocol: ListenerProtocol): MatchField | undefined {
  return protocolTraits(protocol).lacks.find((field) => match[field] !== undefined);
}

const lacks: Readonly<Record<MatchField, string>> = {
  host: "plain TCP names no host; bind the route by sectionName alone, or use a TLS listener",
  path: "bytes have no path; match by host, or leave it out",
  method: "bytes have no method; match by host, or leave it out",
  soap: "bytes are not read for SOAP; match by host, or leave it out",
  headers: "bytes have no headers; match by host, or leave it out",
  queryParams: "bytes have no query; match by host, or leave it out",
};

function backendProblem(refs: TunnelRoute["spec"]["backendRefs"], listeners: readonly NamedListener[]): FitProblem {
  const index = refs.findIndex((ref) => "url" in ref);
  const ref = refs[index];
  const url = ref !== undefined && "url" in ref ? ref.url : "";
  const schemes = [...new Set(listeners.flatMap(({ protocol }) => protocolTraits(protocol).schemes))];
  const mend = `write ${schemes.map((scheme) => `${scheme}://`).join(" or ")}, or bind the route to another listener`;
  const message = `${quoted(url)} takes no calls of ${namesOf(listeners)}; ${mend}`;
  return { path: ["spec", "backendRefs", index, "url"], message };
}

function namesOf(listeners: readonly NamedListener[]): string {
  return listeners.map(({ name, protocol }) => `listener ${name} (${protocol})`).join(", ");
}

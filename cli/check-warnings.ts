import type { Documents } from "@sallyport/proto/documents";
import type { ReverseTunnel, TunnelRoute } from "@sallyport/proto/resource";
import type { CompiledRoute, RoutingTable } from "@sallyport/router-intranet/match/routing-table";

/** What can be used and probably is not all that was meant, a line each. */
export function tableWarnings({ routes, matches }: RoutingTable): string[] {
  const hasCatchAll = matches.some(({ conditions }) => conditions.length === 0);
  // What carries no action or another one then has somewhere to go.
  if (hasCatchAll) return [];
  return routes.filter(isFoundBySoapAlone).map(({ key }) => `route ${key} ${soapAlone}`);
}

function isFoundBySoapAlone({ document }: CompiledRoute): boolean {
  const { matches } = document.spec;
  return matches.length > 0 && matches.every(({ soap }) => soap !== undefined);
}

/** T9. WS-SecureConversation asks for a token and WS-ReliableMessaging for a sequence by actions of their own. */
const soapAlone =
  "is found by SOAP action or header alone: ?wsdl, OPTIONS and HEAD carry none, and the bootstraps of secure and reliable " +
  "sessions carry others; a match by path or host beside would take these";

/** Routes that a cluster would not let in, though a machine does: a line for each and its tunnel. */
export function documentsWarnings({ tunnels, routes }: Documents): string[] {
  return tunnels.flatMap((tunnel) =>
    routes.filter((route) => isShutOut(route, tunnel)).map((route) => shutOut(route.metadata, tunnel.metadata)),
  );
}

/** It is of another namespace, and every listener that it names takes routes of its own alone. */
function isShutOut({ metadata, spec }: TunnelRoute, tunnel: ReverseTunnel): boolean {
  const { namespace, name } = tunnel.metadata;
  if (metadata.namespace === namespace) return false;
  const refs = spec.parentRefs.filter((ref) => ref.name === name && ref.namespace === namespace);
  const isOpen = refs.some(({ sectionName }) =>
    tunnel.spec.dmz.listeners.some(
      (listener) =>
        (sectionName === undefined || listener.name === sectionName) &&
        listener.allowedRoutes.namespaces.from !== "Same",
    ),
  );
  return refs.length > 0 && !isOpen;
}

interface Key {
  readonly namespace: string;
  readonly name: string;
}

function shutOut(route: Key, tunnel: Key): string {
  const who = `route ${route.namespace}/${route.name} is of another namespace than tunnel ${tunnel.namespace}/${tunnel.name}`;
  return `${who}: a cluster lets it in only with allowedRoutes.namespaces.from: All or Selector at the tunnel's listener`;
}

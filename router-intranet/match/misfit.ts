import { CallKind, type Open } from "@sallyport/proto/frame";
import { type ListenerProtocol, listenerProtocols, protocolTraits } from "@sallyport/proto/listener-protocol";
import { backendsFit, lackingField } from "@sallyport/proto/route-fit";
import type { CompiledMatch } from "./routing-table.ts";

/** Calls of their listeners are bytes. */
export const rawProtocols: readonly ListenerProtocol[] = listenerProtocols.filter(
  (protocol) => protocolTraits(protocol).isRaw,
);

/**
 * What a call of this protocol would have to be for the match to take it; undefined: it may take it. A route whose
 * destinations speak something else takes no such call, nor does a match that asks for what such calls have not.
 */
export function misfit(
  { route, match }: Pick<CompiledMatch, "route" | "match">,
  protocol: ListenerProtocol,
): string | undefined {
  if (!backendsFit(route.document.spec.backendRefs, protocol)) return "one that the route's backendRefs carry";
  const field = lackingField(match, protocol);
  return field === undefined ? undefined : `one that has what ${field} asks for`;
}

/** Of the listener that a call came by. An R1 of another version may have others: they are bytes to no route. */
export function protocolOf(open: Open): ListenerProtocol {
  return open.kind === CallKind.raw ? (open.protocol as ListenerProtocol) : "HTTP";
}

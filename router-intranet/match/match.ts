import type { Open } from "@sallyport/proto/frame";
import { CallFacts } from "./call-facts.ts";
import { searchRoutes } from "./route-index.ts";
import type { CompiledRoute, RoutingTable } from "./routing-table.ts";

export type Match =
  | { readonly t: "route"; readonly route: CompiledRoute; readonly matchIndex: number }
  | { readonly t: "none" };

const none: Match = { t: "none" };

/**
 * The route that takes a call: of all matches whose conditions hold, the first in order of precedence (precedence.ts).
 * Never throws, whatever the call's head says; what cannot be understood fits only matches that do not ask for it.
 */
export function match(table: RoutingTable, open: Open): Match {
  const found = searchRoutes(table.index, new CallFacts(open));
  return found === undefined ? none : { t: "route", route: found.route, matchIndex: found.matchIndex };
}

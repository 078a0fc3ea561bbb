import type { RouteHash } from "@sallyport/proto/manage";
import { routeHash } from "@sallyport/proto/route-hash";
import type { RoutingTable } from "./routing-table.ts";

/** What R2 reports as served: every route of the table, in its order. */
export function routeHashes(table: RoutingTable): RouteHash[] {
  return table.routes.map(({ document }) => ({
    namespace: document.metadata.namespace,
    name: document.metadata.name,
    hash: routeHash(document),
  }));
}

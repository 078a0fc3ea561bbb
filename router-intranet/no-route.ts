import { TunnelError } from "@sallyport/proto/error";
import { CallKind, type Open } from "@sallyport/proto/frame";
import { CallFacts } from "./match/call-facts.ts";
import type { RoutingTable } from "./match/routing-table.ts";

/** What a caller is told whom no route takes. */
export function noRoute(open: Open, table: RoutingTable): TunnelError {
  const { session } = new CallFacts(open);
  const hidden = session?.upgrade ?? "";
  if (hidden !== "" && table.matches.some(({ match }) => match.soap !== undefined)) {
    const why = `the session asks for ${hidden.slice(0, 40)}, so its messages cannot be seen`;
    return new TunnelError("BAD_REQUEST", `${why}, and no route takes its via; match by host or path of the via`);
  }
  return new TunnelError("NO_ROUTE", `no route takes ${callText(open, session?.via)} on listener ${open.listener}`);
}

function callText({ kind, method, target, serverName }: Open, via: string | undefined): string {
  if (kind !== CallKind.raw) return `${method} ${pathOf(target)}`;
  if (via !== undefined) return `a session for ${pathOf(via)}`;
  return serverName === "" ? "a connection" : `a connection for ${serverName.slice(0, 200)}`;
}

/** Without the query, which may hold what is not for logs and answers. */
function pathOf(target: string): string {
  return target.split("?", 1)[0]!.slice(0, 200);
}

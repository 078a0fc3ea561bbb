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

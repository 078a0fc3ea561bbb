import { CallKind, type Open } from "@sallyport/proto/frame";
import { CallFacts, type KnownEnvelope, type ReadableForm } from "./call-facts.ts";
import { searchRoutes } from "./route-index.ts";
import type { CompiledMatch, CompiledRoute, RoutingTable } from "./routing-table.ts";

export type Match =
  | { readonly t: "route"; readonly route: CompiledRoute; readonly matchIndex: number }
  | { readonly t: "none" };

/** The answer hangs on the envelope: read its header, then ask `matchEnvelope`. */
export interface NeedEnvelope {
  readonly t: "needEnvelope";
  readonly form: ReadableForm;
}

const none: Match = { t: "none" };

/**
 * The route that takes a call: of all matches whose conditions hold, the first in order of precedence (precedence.ts).
 * Never throws, whatever the call's head says; what cannot be understood fits only matches that do not ask for it.
 *
 * `needEnvelope` only where the envelope may decide: a match goes before all that surely take the call, and asks, where all
 * else that it asks for holds, for a SOAP header, or for an action that the head does not tell.
 */
export function match(table: RoutingTable, open: Open): Match | NeedEnvelope {
  const facts = new CallFacts(open);
  const found = search(table, facts);
  const isDecided = facts.undecidedRank >= (found?.rank ?? Number.POSITIVE_INFINITY);
  if (isDecided || facts.envelope.t !== "unread") return matchOf(found);
  return { t: "needEnvelope", form: facts.envelope.form };
}

/** The same with what a look at the envelope gave. */
export function matchEnvelope(table: RoutingTable, open: Open, envelope: KnownEnvelope): Match {
  return matchOf(search(table, new CallFacts(open, envelope)));
}

function search(table: RoutingTable, facts: CallFacts): CompiledMatch | undefined {
  const { kind, protocol } = facts.open;
  const index = kind === CallKind.raw ? table.rawIndexes.get(protocol) : table.index;
  return index && searchRoutes(index, facts);
}

function matchOf(found: CompiledMatch | undefined): Match {
  return found === undefined ? none : { t: "route", route: found.route, matchIndex: found.matchIndex };
}

import type { Open } from "@sallyport/proto/frame";
import { CallFacts, type EnvelopeFacts, type KnownEnvelope } from "./call-facts.ts";
import type { Condition } from "./condition.ts";
import { misfit, protocolOf } from "./misfit.ts";
import type { CompiledMatch, RoutingTable } from "./routing-table.ts";

/** Why a call goes where it goes. */
export interface Explanation {
  /** What the envelope gave; `undefined`: no match asks for it, or the head says all. */
  readonly envelope: EnvelopeExplanation | undefined;
  /** In order of precedence. */
  readonly matches: readonly MatchExplanation[];
}

export type EnvelopeExplanation =
  /** By key, as in `soap.header[…]`: the header blocks that some match asks for. */
  | { readonly t: "read"; readonly headers: Readonly<Record<string, string | undefined>> }
  | { readonly t: "notRead"; readonly why: string };

export interface MatchExplanation {
  /** "namespace/name" */
  readonly route: string;
  readonly matchIndex: number;
  /** `takes`: it gets the call. `shadowed`: it would, had not one before it. `refuses`: some check does not hold. */
  readonly outcome: "takes" | "shadowed" | "refuses";
  /** One per field the match asks for; none: it takes everything. */
  readonly checks: readonly Check[];
}

export interface Check {
  readonly field: string;
  readonly expected: string;
  /** `undefined`: the call has no such thing. */
  readonly came: string | undefined;
  readonly holds: boolean;
  /** Why a value that seems to fit does not hold. */
  readonly note: string | undefined;
}

/**
 * Tries every match, for people who ask; `match` gives the same answer faster. Without `envelope`, what a look at it gave,
 * matches that hang on it refuse.
 */
export function explain(table: RoutingTable, open: Open, envelope?: KnownEnvelope): Explanation {
  const facts = new CallFacts(open, envelope);
  let taken = false;
  const matches = table.matches.map((match): MatchExplanation => {
    const checks = [...kindCheck(match, open), ...match.conditions.map((condition) => check(condition, facts))];
    const holds = checks.every((one) => one.holds);
    const outcome = holds ? (taken ? "shadowed" : "takes") : "refuses";
    taken ||= holds;
    return { route: match.route.key, matchIndex: match.matchIndex, outcome, checks };
  });
  return { envelope: asksForEnvelope(table, facts) ? explainEnvelope(facts.envelope) : undefined, matches };
}

/** Only where it refuses: that a route takes HTTP calls, or bytes, is seen from its destinations. */
function kindCheck(match: CompiledMatch, open: Open): Check[] {
  const protocol = protocolOf(open);
  const expected = misfit(match, protocol);
  return expected === undefined ? [] : [{ field: "protocol", expected, came: protocol, holds: false, note: undefined }];
}

function asksForEnvelope(table: RoutingTable, { actionOfHead }: CallFacts): boolean {
  return table.matches.some(
    ({ match: { soap } }) => soap?.header !== undefined || (soap !== undefined && actionOfHead === undefined),
  );
}

function explainEnvelope(envelope: EnvelopeFacts): EnvelopeExplanation {
  switch (envelope.t) {
    case "read":
      return { t: "read", headers: Object.fromEntries(envelope.headers) };
    case "absent":
      return { t: "notRead", why: envelope.why };
    case "unread":
      return { t: "notRead", why: "it was not given" };
  }
}

/** For a terminal: one line per match and one per check. Ends without a line break. */
export function formatExplanation({ envelope, matches }: Explanation): string {
  const taker = matches.find((match) => match.outcome === "takes");
  const verdict = taker === undefined ? "No route takes the call." : `The call goes to route ${nameOf(taker)}.`;
  const told = envelope === undefined ? [] : [formatEnvelope(envelope)];
  return [verdict, ...told, ...matches.flatMap(formatMatch)].join("\n");
}

function formatEnvelope(envelope: EnvelopeExplanation): string {
  if (envelope.t === "notRead") return `Of the envelope nothing is known: ${envelope.why}.`;
  const headers = Object.entries(envelope.headers).map(
    ([key, came]) => `${key} ${came === undefined ? "(no text)" : shown(came)}`,
  );
  return headers.length === 0
    ? "The envelope's header has nothing that a route asks for."
    : `The envelope's header has ${headers.join(", ")}.`;
}

function formatMatch(match: MatchExplanation): string[] {
  const checks = match.checks.length === 0 ? ["  asks for nothing"] : match.checks.map(formatCheck);
  return [`${match.outcome.padEnd(8)} ${nameOf(match)}`, ...checks];
}

function formatCheck({ field, expected, came, holds, note }: Check): string {
  const found = came === undefined ? "nothing" : shown(came);
  return `  ${holds ? "yes" : "no "} ${field}: expected ${expected}, came ${found}${note === undefined ? "" : ` (${note})`}`;
}

function check(condition: Condition, facts: CallFacts): Check {
  const holds = condition.holds(facts);
  return {
    field: condition.field,
    expected: condition.expected,
    came: condition.came(facts),
    holds,
    note: holds ? undefined : condition.note(facts),
  };
}

function nameOf({ route, matchIndex }: MatchExplanation): string {
  return `${route}, matches[${matchIndex}]`;
}

/** A caller's text, safe to show: short, and with nothing that steers a terminal. */
function shown(value: string): string {
  const json = JSON.stringify(value).replace(
    steering,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return json.length <= shownMax ? json : `${json.slice(0, shownMax)}… (${value.length} characters)`;
}

const shownMax = 200;
/** DEL, the C1 controls, and what turns the direction of text; JSON has escaped the rest. */
const steering = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

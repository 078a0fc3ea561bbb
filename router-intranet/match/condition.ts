import type { RouteMatch } from "@sallyport/proto/resource";
import type { CallFacts } from "./call-facts.ts";
import { type HeaderMatch, headerKey } from "./envelope-header.ts";
import { pathPrefixOf, pathProblem } from "./path-value.ts";
import { compilePattern, patternInputMax } from "./pattern.ts";
import { compileTextTest, type TextMatch } from "./text-test.ts";

/** One field of a match, ready to be asked of many calls. What it says of itself is for people. */
export interface Condition {
  /** As in the document: "soap.action", "headers[X-Tenant]". */
  readonly field: string;
  /** 'Contains "/ICalc/"' */
  readonly expected: string;
  holds(facts: CallFacts): boolean;
  /** It hangs on the envelope, which nobody has read. Left out: never. */
  isUndecided?(facts: CallFacts): boolean;
  /** What the call has in this field; `undefined`: nothing. */
  came(facts: CallFacts): string | undefined;
  /** Why a value that seems to fit does not hold. */
  note(facts: CallFacts): string | undefined;
}

export interface Conditions {
  readonly conditions: readonly Condition[];
  /** Each one names the field, the cause and the mend. With any of them the match cannot be used. */
  readonly problems: readonly string[];
}

/** What must hold for a call to be taken: all of `conditions`, the cheap ones first. Each kind tells below what it means. */
export function compileConditions(match: RouteMatch, listeners: ReadonlySet<string> | undefined): Conditions {
  const conditions: Condition[] = [];
  const problems: string[] = [];
  const add = (field: string, compiled: Condition | string | undefined) => {
    if (typeof compiled === "string") problems.push(`${field} ${compiled}`);
    else if (compiled !== undefined) conditions.push(compiled);
  };
  add("parentRefs", listeners && listenerCondition(listeners));
  add("method", match.method === undefined ? undefined : methodCondition(match.method));
  add("host", match.host === undefined ? undefined : hostCondition(match.host));
  add("path", match.path && pathCondition(match.path));
  add("soap.action", match.soap?.action && soapActionCondition(match.soap.action));
  add("soap.header", match.soap?.header && soapHeaderCondition(match.soap.header));
  for (const header of match.headers ?? []) add(`headers[${header.name}]`, headerCondition(header));
  for (const param of match.queryParams ?? []) add(`queryParams[${param.name}]`, queryParamCondition(param));
  return { conditions, problems };
}

function listenerCondition(listeners: ReadonlySet<string>): Condition {
  return {
    field: "listener",
    expected: [...listeners].map(quoted).join(" or "),
    holds: ({ open }) => listeners.has(open.listener),
    came: ({ open }) => open.listener,
    note: noNote,
  };
}

/** Methods are case-sensitive (RFC 9110, 9.1). */
function methodCondition(method: string): Condition {
  return {
    field: "method",
    expected: quoted(method),
    holds: ({ open }) => open.method === method,
    came: ({ open }) => open.method,
    note: noNote,
  };
}

/** "*.example.com" takes one or more labels below example.com, not example.com itself. */
function hostCondition(host: string): Condition {
  const domain = host.startsWith("*.") ? host.slice(1) : undefined;
  return {
    field: "host",
    expected: quoted(host),
    // A host that CallFacts tells has no empty label, so what stands before the domain is one or more labels.
    holds: (facts) => (domain === undefined ? facts.host === host : facts.host.endsWith(domain)),
    came: (facts) => (facts.host === "" ? undefined : facts.host),
    note: noNote,
  };
}

/**
 * Paths are compared as sent: no decoding, no cleaning, case-sensitive. PathPrefix takes whole segments; "/" takes all
 * targets, so it is no condition.
 *
 * A path with a segment "." or ".." (or one that some server reads so) could name one path here and another at the
 * destination. Neither Exact nor PathPrefix takes it; only matches without a path do, and a regular expression, which
 * sees it as sent: `/public/.*` takes `/public/../admin`.
 */
function pathCondition(path: NonNullable<RouteMatch["path"]>): Condition | string | undefined {
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  const prefix = path.type === "PathPrefix" ? pathPrefixOf(path.value) : undefined;
  if (prefix === "") return undefined;
  const test = path.type === "RegularExpression" ? compilePattern(path.value) : undefined;
  if (test?.t === "problem") return test.message;
  return {
    field: "path",
    expected: `${path.type} ${quoted(path.value)}`,
    holds: (facts) => {
      if (test !== undefined) return test.test(facts.path);
      if (prefix !== undefined) return startsWithSegments(facts.path, prefix) && !facts.hasDotSegments;
      return facts.path === path.value;
    },
    came: (facts) => facts.path,
    note: (facts) => {
      if (test !== undefined) return patternNote(path, facts.path);
      return facts.hasDotSegments ? "a path with a segment '.' or '..' fits no Exact and no PathPrefix" : undefined;
    },
  };
}

/** A call that tells no action fits no action. */
function soapActionCondition(action: TextMatch): Condition | string {
  const condition = textCondition("soap.action", action, (facts) => facts.soapAction);
  return ofEnvelope(condition, (facts) => facts.lacksSoapAction);
}

/** Of several blocks of the name the first counts; its text, without white space at the ends, is compared. */
function soapHeaderCondition(header: HeaderMatch): Condition | string {
  const key = headerKey(header.name, header.namespace);
  const condition = textCondition(`soap.header[${key}]`, header, (facts) => facts.soapHeader(key));
  return ofEnvelope(condition, (facts) => facts.envelope.t === "unread");
}

function ofEnvelope(condition: Condition | string, isUndecided: (facts: CallFacts) => boolean): Condition | string {
  if (typeof condition === "string") return condition;
  const { came, note } = condition;
  return { ...condition, isUndecided, note: (facts) => note(facts) ?? envelopeNote(facts, came(facts)) };
}

function envelopeNote({ envelope }: CallFacts, came: string | undefined): string | undefined {
  if (came !== undefined || envelope.t === "read") return undefined;
  return envelope.t === "absent" ? `no envelope was read: ${envelope.why}` : "the envelope was not read";
}

/** Names in any case; lines of the same name count as one, joined by ", ". */
function headerCondition(header: TextMatch & { readonly name: string }): Condition | string {
  const lowerName = header.name.toLowerCase();
  return textCondition(`headers[${header.name}]`, header, (facts) => facts.header(lowerName));
}

/** Names are case-sensitive; of several the first counts; values are decoded. */
function queryParamCondition(param: TextMatch & { readonly name: string }): Condition | string {
  return textCondition(`queryParams[${param.name}]`, param, (facts) => facts.queryParam(param.name));
}

function textCondition(
  field: string,
  match: TextMatch,
  came: (facts: CallFacts) => string | undefined,
): Condition | string {
  const compiled = compileTextTest(match);
  if (compiled.t === "problem") return compiled.message;
  const { test } = compiled;
  return {
    field,
    expected: `${match.type} ${quoted(match.value)}`,
    holds: (facts) => {
      const value = came(facts);
      return value !== undefined && test(value);
    },
    came,
    note: (facts) => patternNote(match, came(facts)),
  };
}

function startsWithSegments(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === slash);
}

function patternNote(match: { readonly type: string }, value: string | undefined): string | undefined {
  if (match.type !== "RegularExpression" || value === undefined || value.length <= patternInputMax) return undefined;
  return `over ${patternInputMax} characters no regular expression is tried`;
}

function noNote(): undefined {
  return undefined;
}

function quoted(value: string): string {
  return JSON.stringify(value);
}

const slash = 0x2f;

import { text } from "./text.ts";

export interface Target {
  /** What stands where a host does: in absolute form and in CONNECT's authority form. */
  readonly authority: string | undefined;
  /** As sent, percent-encoding and all; "" in authority form, "*" in asterisk form. */
  readonly path: string;
  /** Without the '?'. */
  readonly query: string;
}

const schemePattern = /^[a-z][a-z0-9+.-]*:\/\//i;
/** 253 of a name, a root dot, a port. Longer is no host. */
const authorityLengthMax = 260;
const hostPattern = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::\d*)?$/i;
/** "." or ".." as a whole segment, in every spelling some server undoes: %2e, '\' for '/', their encodings, ';' after it. */
const dotSegmentPattern = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?=$|[/\\;]|%2f|%5c|%3b)/i;

/** Splits a request target of any form (RFC 9112, 3.2). Never throws: what is no target has a path that no route names. */
export function parseTarget(method: string, target: string): Target {
  if (method === "CONNECT") return { authority: target, path: "", query: "" };
  const scheme = target.startsWith("/") ? null : schemePattern.exec(target);
  if (scheme === null) return { authority: undefined, ...splitQuery(target) };
  const rest = target.slice(scheme[0].length);
  const authorityEnd = rest.search(/[/?#]/);
  const authority = authorityEnd < 0 ? rest : rest.slice(0, authorityEnd);
  const { path, query } = splitQuery(authorityEnd < 0 ? "" : rest.slice(authorityEnd));
  return { authority: authority.slice(authority.lastIndexOf("@") + 1), path: path === "" ? "/" : path, query };
}

/**
 * The host of an authority or a Host header: lower case, without port and root dot, an IPv6 address in its brackets.
 * "" when it is no host at all, so that nothing odd can end in a wildcard's domain.
 */
export function hostOf(authority: string): string {
  if (authority.length > authorityLengthMax) return "";
  return hostPattern.exec(authority)?.[1]?.toLowerCase() ?? "";
}

/** Whether a server that cleans up paths might read another path than the one that is written here. */
export function hasDotSegments(path: string): boolean {
  return dotSegmentPattern.test(path);
}

function splitQuery(target: string): { path: string; query: string } {
  const fragment = target.indexOf("#");
  const whole = fragment < 0 ? target : target.slice(0, fragment);
  const mark = whole.indexOf("?");
  if (mark < 0) return { path: text(whole), query: "" };
  return { path: text(whole.slice(0, mark)), query: text(whole.slice(mark + 1)) };
}

import { type Span, SpanStatusCode } from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
} from "@opentelemetry/semantic-conventions";
import type { ErrorName } from "@sallyport/proto/error";

/** What both routers' spans say of a call, in the words of OpenTelemetry's semantic conventions for HTTP. */

/** Low in number, whatever clients send. */
export function spanName(method: string): string {
  return knownMethods.has(method) ? method : "HTTP";
}

export function setMethod(span: Span, method: string): void {
  const known = knownMethods.has(method);
  span.setAttribute(ATTR_HTTP_REQUEST_METHOD, known ? method : "_OTHER");
  if (!known) span.setAttribute(ATTR_HTTP_REQUEST_METHOD_ORIGINAL, method);
}

/** Those of RFC 9110 and PATCH; semantic conventions ask for "_OTHER" in place of all else. */
const knownMethods: ReadonlySet<string> = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "TRACE",
]);

export interface Outcome {
  /** Of the final response; 0: none. */
  readonly status: number;
  readonly error: ErrorName | "";
  /** Statuses from here on are failures: 500 to a server, 400 to its client. */
  readonly failedFrom: 400 | 500;
}

export function setOutcome(span: Span, { status, error, failedFrom }: Outcome): void {
  if (status > 0) span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, status);
  if (error !== "") span.setAttribute(ATTR_ERROR_TYPE, error);
  else if (status >= failedFrom) span.setAttribute(ATTR_ERROR_TYPE, String(status));
  if (isFailure(status, error, failedFrom)) span.setStatus({ code: SpanStatusCode.ERROR });
}

/** A client that has gone away is no failure; neither is, to a server, what the client did wrong. */
function isFailure(status: number, error: ErrorName | "", failedFrom: number): boolean {
  if (error === "CANCELLED") return false;
  if (error === "") return status >= failedFrom;
  return status < 400 || status >= failedFrom;
}

/** The path of a request target in any form, without its query, which may hold what is not for traces. */
export function pathOf(target: string): string {
  const rest = target.startsWith("/") ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  const path = rest.split(/[?#]/, 1)[0]!.slice(0, pathLengthMax);
  return path === "" ? "/" : path;
}

const pathLengthMax = 1_024;

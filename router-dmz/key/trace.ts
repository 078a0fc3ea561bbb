/** W3C Trace Context, level 1: what is wrong is dropped, never mended; the headers themselves go on as they came. */

export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string;
}

/** Takes every value of the two headers, in order. Both answers are "" where the request has no valid traceparent. */
export function traceContext(traceparents: readonly string[], tracestates: readonly string[]): TraceContext {
  const traceparent = traceparents[0];
  if (traceparent === undefined || traceparents.length > 1 || !isTraceparent(traceparent)) return none;
  const tracestate = tracestates.join(",");
  return { traceparent, tracestate: isTracestate(tracestate) ? tracestate : "" };
}

const none: TraceContext = { traceparent: "", tracestate: "" };

function isTraceparent(value: string): boolean {
  const parts = version00.exec(value.slice(0, 55));
  if (parts === null || parts[1] === "ff" || value.length > traceparentLengthMax) return false;
  if (/^0+$/.test(parts[2] ?? "") || /^0+$/.test(parts[3] ?? "")) return false;
  // A later version may say more behind another dash.
  return value.length === 55 || (parts[1] !== "00" && value[55] === "-");
}

const version00 = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
const traceparentLengthMax = 256;

function isTracestate(value: string): boolean {
  if (value.length > tracestateLengthMax) return false;
  const members = value.split(",").filter((member) => member.trim() !== "");
  return members.length <= tracestateMembersMax && members.every((member) => tracestateMember.test(member));
}

const tracestateLengthMax = 512;
const tracestateMembersMax = 32;
const tracestateMember =
  /^[ \t]*(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e][ \t]*$/;

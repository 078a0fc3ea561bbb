import { createTraceState, type SpanContext, TraceFlags } from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import type { Open } from "@sallyport/proto/frame";

/** W3C Trace Context between a call's OPEN and the tracing library. */

export type TraceContext = Pick<Open, "traceparent" | "tracestate">;

/** Undefined for what is no valid traceparent: then the trace begins here. Never throws. */
export function parseTraceContext({ traceparent, tracestate }: TraceContext): SpanContext | undefined {
  const parsed = traceparent === "" ? null : parseTraceParent(traceparent);
  if (parsed === null) return undefined;
  const remote = { ...parsed, isRemote: true };
  return tracestate === "" ? remote : { ...remote, traceState: createTraceState(tracestate) };
}

/** `open` as the next hop is to see it: its parent is `span`, in the frame and in the headers. */
export function withTraceContext(open: Open, span: SpanContext): Open {
  const flags = (span.traceFlags & TraceFlags.SAMPLED) === 0 ? "00" : "01";
  const traceparent = `00-${span.traceId}-${span.spanId}-${flags}`;
  const tracestate = span.traceState?.serialize() ?? "";
  const headers = open.headers.filter((_, i) => !isTraceHeader(open.headers[i - (i % 2)]!));
  headers.push("traceparent", traceparent);
  if (tracestate !== "") headers.push("tracestate", tracestate);
  return { ...open, traceparent, tracestate, headers };
}

function isTraceHeader(name: string): boolean {
  // Both are of few lengths: most names need no lower-casing.
  if (name.length !== "traceparent".length && name.length !== "tracestate".length) return false;
  const lower = name.toLowerCase();
  return lower === "traceparent" || lower === "tracestate";
}

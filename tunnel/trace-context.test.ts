import { emptyOpen } from "@sallyport/proto/frame";
import { expect, test } from "vitest";
import { parseTraceContext, withTraceContext } from "./trace-context.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const parent = `00-${traceId}-${spanId}-01`;

test("a caller's context is read with its state", () => {
  const context = parseTraceContext({ traceparent: parent, tracestate: "a=1,b=2" });
  expect(context).toMatchObject({ traceId, spanId, traceFlags: 1, isRemote: true });
  expect(context?.traceState?.serialize()).toBe("a=1,b=2");
  expect(parseTraceContext({ traceparent: parent, tracestate: "" })?.traceState).toBeUndefined();
});

test.each([
  ["none", ""],
  ["what is no traceparent", "nonsense"],
  ["an all-zero trace", `00-${"0".repeat(32)}-${spanId}-01`],
  ["an all-zero span", `00-${traceId}-${"0".repeat(16)}-01`],
  ["version ff", `ff-${traceId}-${spanId}-01`],
  ["more than version 00 has", `${parent}-x`],
])("of %s a new trace begins", (_, traceparent) => {
  expect(parseTraceContext({ traceparent, tracestate: "a=1" })).toBeUndefined();
});

test("the next hop is told of the span alone, whatever the client's headers say and how they are written", () => {
  const headers = ["Host", "a", "TraceParent", "x", "TRACESTATE", "y", "tracestate", "z", "X-Tracestate", "stays"];
  const open = { ...emptyOpen, traceparent: "x", tracestate: "y", headers };
  const traceState = parseTraceContext({ traceparent: parent, tracestate: "a=1" })?.traceState;
  const carried = withTraceContext(open, { traceId, spanId, traceFlags: 1, ...(traceState && { traceState }) });
  expect(carried).toEqual({
    ...open,
    traceparent: parent,
    tracestate: "a=1",
    headers: ["Host", "a", "X-Tracestate", "stays", "traceparent", parent, "tracestate", "a=1"],
  });
  expect(open.headers).toBe(headers);
});

test("what is not sampled goes on with flag 00, and without a state there is no header of it", () => {
  const carried = withTraceContext({ ...emptyOpen, headers: ["Host", "a"] }, { traceId, spanId, traceFlags: 0 });
  const traceparent = `00-${traceId}-${spanId}-00`;
  expect(carried).toMatchObject({ traceparent, tracestate: "", headers: ["Host", "a", "traceparent", traceparent] });
});

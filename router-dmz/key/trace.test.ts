import { expect, test } from "vitest";
import { traceContext } from "./trace.ts";

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const none = { traceparent: "", tracestate: "" };

test.each([
  ["version 00", parent],
  ["a later version", parent.replace(/^00/, "01")],
  ["a later version that says more", `${parent.replace(/^00/, "cc")}-what-ever`],
])("takes %s", (_, traceparent) => {
  expect(traceContext([traceparent], ["a=b"])).toEqual({ traceparent, tracestate: "a=b" });
});

test.each([
  ["none", []],
  ["two", [parent, parent]],
  ["an empty one", [""]],
  ["capital letters", [parent.toUpperCase()]],
  ["an all-zero trace id", [parent.replace(/-0af7\w+/, `-${"0".repeat(32)}`)]],
  ["an all-zero parent id", [parent.replace(/-b7ad\w+/, `-${"0".repeat(16)}`)]],
  ["version ff", [parent.replace(/^00/, "ff")]],
  ["version 00 that says more", [`${parent}-00`]],
  ["a later version without a dash", [`${parent.replace(/^00/, "01")}x`]],
  ["a space", [` ${parent}`]],
  ["a short one", [parent.slice(0, -1)]],
])("drops %s, and the state with it", (_, traceparents) => {
  expect(traceContext(traceparents, ["a=b"])).toEqual(none);
});

test.each([
  ["several headers", ["a=1", "b=2,c=3"], "a=1,b=2,c=3"],
  ["a vendor's tenant", ["tenant@vendor=x y"], "tenant@vendor=x y"],
  ["spaces around members and empty ones", ["a=1 , ,b=2"], "a=1 , ,b=2"],
  ["32 members", [members(32)], members(32)],
])("takes a state of %s", (_, tracestates, tracestate) => {
  expect(traceContext([parent], tracestates)).toEqual({ traceparent: parent, tracestate });
});

test.each([
  ["without a value", ["a"]],
  ["with capital letters in a key", ["A=1"]],
  ["with two signs", ["a=b=c"]],
  ["with bytes over ASCII", ["a=\xe4"]],
  ["of 33 members", [members(33)]],
  ["over 512 bytes", [`a=${"x".repeat(511)}`]],
])("drops a state %s, but not the parent", (_, tracestates) => {
  expect(traceContext([parent], tracestates)).toEqual({ traceparent: parent, tracestate: "" });
});

function members(count: number): string {
  return Array.from({ length: count }, (_, at) => `k${at}=v`).join(",");
}

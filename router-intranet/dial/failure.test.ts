import { TunnelError } from "@sallyport/proto/error";
import { expect, test } from "vitest";
import { type Phase, toTunnelError } from "./failure.ts";

test.each<[Phase, string, string, string]>([
  ["connecting", "ECONNREFUSED", "DESTINATION_UNREACHABLE", "connection refused by the destination"],
  ["connecting", "ENOTFOUND", "DESTINATION_UNREACHABLE", "name does not resolve"],
  ["connecting", "EHOSTUNREACH", "DESTINATION_UNREACHABLE", "no way to the destination's network"],
  ["connecting", "ETIMEDOUT", "DESTINATION_UNREACHABLE", "no connection to the destination in time"],
  ["connecting", "UND_ERR_CONNECT_TIMEOUT", "DESTINATION_UNREACHABLE", "no connection to the destination in time"],
  ["connecting", "DESTINATION_RESET", "DESTINATION_UNREACHABLE", "while it was set up"],
  ["connecting", "DEPTH_ZERO_SELF_SIGNED_CERT", "DESTINATION_UNREACHABLE", "TLS with the destination failed"],
  ["connecting", "ERR_TLS_CERT_ALTNAME_INVALID", "DESTINATION_UNREACHABLE", "TLS with the destination failed"],
  ["connecting", "EMFILE", "DESTINATION_UNREACHABLE", "no connection to the destination (EMFILE)"],
  ["connecting", "UND_ERR_INVALID_ARG", "BAD_REQUEST", "the request's head cannot be sent on"],
  ["waiting", "DESTINATION_RESET", "DESTINATION_FAILED", "before it answered"],
  ["waiting", "HPE_INVALID_CONSTANT", "DESTINATION_FAILED", "is not HTTP/1.1 (HPE_INVALID_CONSTANT)"],
  ["waiting", "UND_ERR_HEADERS_OVERFLOW", "DESTINATION_FAILED", "response head is too large"],
  ["waiting", "HPE_HEADER_OVERFLOW", "DESTINATION_FAILED", "response head is too large"],
  ["answering", "HPE_INVALID_EOF_STATE", "DESTINATION_FAILED", "in the middle of its response"],
  ["answering", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "DESTINATION_FAILED", "in the middle of its response"],
])("%s, %s becomes %s", (phase, code, name, message) => {
  const cause = Object.assign(new Error("connect 10.1.2.3:80"), { code });
  const error = toTunnelError("default/calc", phase, cause);
  expect(error.code).toBe(name);
  expect(error.message).toContain(`route default/calc: `);
  expect(error.message).toContain(message);
  expect(error.message).not.toContain("10.1.2.3");
  expect(error.cause).toBe(cause);
});

test("an error of the tunnel stays what it is", () => {
  const policy = new TunnelError("POLICY", "no");
  expect(toTunnelError("default/calc", "connecting", policy)).toBe(policy);
});

test("what is no error is told without its content", () => {
  const error = toTunnelError("default/calc", "connecting", "10.1.2.3");
  expect(error.message).toBe("route default/calc: no connection to the destination (unknown)");
});

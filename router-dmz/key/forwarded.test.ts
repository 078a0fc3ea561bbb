import { expect, test } from "vitest";
import { forwardedHeaders, isForwarded } from "./forwarded.ts";

test.each([
  ["1.2.3.4", "a", "for=1.2.3.4;host=a;proto=http"],
  ["1.2.3.4", "a:80", 'for=1.2.3.4;host="a:80";proto=http'],
  ["::1", "[::1]", 'for="[::1]";host="[::1]";proto=http'],
  ["1.2.3.4", "a(b)", 'for=1.2.3.4;host="a(b)";proto=http'],
  ["unknown", "", "for=unknown;proto=http"],
])("Forwarded for %s to '%s' follows RFC 7239", (address, host, expected) => {
  expect(forwardedHeaders({ address, host, proto: "http" }).slice(-2)).toEqual(["Forwarded", expected]);
});

test.each([
  ...["forwarded", "x-forwarded-for", "x-forwarded-anything", "x_forwarded_for", "x-forwarded_proto", "x-forwarded"],
  ...["x-real-ip", "x_real_ip", "sallyport-tenant", "sallyport_tenant"],
])("%s is for R1 alone to set", (name) => {
  expect(isForwarded(name)).toBe(true);
});

test.each(["x-forward", "x-real", "host", "x-request-id", "sallyports", "xforwarded-for", "via"])(
  "%s is not",
  (name) => {
    expect(isForwarded(name)).toBe(false);
  },
);

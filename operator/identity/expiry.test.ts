import { expect, it } from "vitest";
import { asking, nothing, settle, start, wish } from "../testing/identity-state.ts";
import { certificatesStatus } from "./expiry.ts";

const leaf = { notAfter: "2027-02-22T12:00:00Z", renewalTime: "2027-01-23T12:00:00Z" };

it("tells when each certificate ends and is renewed", async () => {
  const { state } = await settle(start, nothing);
  expect(certificatesStatus(state, wish)).toEqual([
    { name: "ca", notAfter: "2031-11-23T12:00:00Z", renewalTime: "2030-03-25T03:58:20Z" },
    { name: "dmz", ...leaf },
    { name: "intranet", ...leaf },
    { name: "operator", ...leaf },
  ]);
});

it("tells of a CA that is being replaced", async () => {
  const before = (await settle(start, nothing)).state;
  const { state } = await settle(start, before, asking("1"));
  expect(certificatesStatus(state, wish).map(({ name }) => name)).toEqual([
    "ca",
    "previous-ca",
    "dmz",
    "intranet",
    "operator",
  ]);
});

it("tells no time of renewal where someone else renews", async () => {
  const { leaves } = (await settle(start, nothing)).state;
  expect(certificatesStatus({ ca: undefined, leaves }, { renewBeforeMs: undefined })[0]).toEqual({
    name: "dmz",
    notAfter: leaf.notAfter,
  });
});

it("says nothing of what is not there or cannot be read", () => {
  const secret = { data: { "tls.crt": "x" }, annotations: {} };
  expect(certificatesStatus({ ...nothing, ca: secret }, wish)).toEqual([]);
});

import { type Role, roles } from "@sallyport/proto/spiffe";
import { beforeAll, describe, expect, it } from "vitest";
import { later, nothing, settle, start, wish, withLeaf } from "../testing/identity-state.ts";
import { checkOwnSecrets, type NamedSecret } from "./own-secrets.ts";
import { dayMs, type IdentityState } from "./plan.ts";

const names = { dmz: "dmz/r1", intranet: "apps/r2", operator: "apps/op" };

let good: IdentityState;
let another: IdentityState;
beforeAll(async () => {
  good = (await settle(start, nothing)).state;
  another = (await settle(start, nothing)).state;
});

function check(state: IdentityState, now = start) {
  const named = roles.map((role) => [role, { name: names[role], secret: state.leaves[role] }]);
  return checkOwnSecrets(Object.fromEntries(named) as Record<Role, NamedSecret>, wish, now);
}

it("Secrets of one's own are good until the first of them expires", () => {
  expect(check(good)).toEqual({ t: "ok", until: later(start, 90 * dayMs) });
});

it("a ca.crt may have more CAs than are in use", () => {
  const bundle = `${another.ca!.data["tls.crt"]}\nsome words\n${good.ca!.data["tls.crt"]}`;
  expect(check(withLeaf(good, "dmz", { "ca.crt": bundle })).t).toBe("ok");
});

describe("Secrets of one's own are refused, with cause and mend,", () => {
  const dmzId = "spiffe://sallyport/tunnel/tunnels/partners/dmz";
  const refused: Record<string, [change: () => IdentityState, reason: string, message: string, now?: Date]> = {
    "when one is not there": [
      () => withLeaf(good, "operator", undefined),
      "SecretNotFound",
      "there is no Secret apps/op; make it, with tls.crt, tls.key and ca.crt",
    ],
    "without a certificate": [
      () => withLeaf(good, "dmz", { "tls.crt": "" }),
      "InvalidCertificate",
      "tls.crt of Secret dmz/r1 is not certificates in PEM; write it anew",
    ],
    "with a key that is none": [
      () => withLeaf(good, "dmz", { "tls.key": "secret words" }),
      "InvalidCertificate",
      "tls.key of Secret dmz/r1 is not a private key without a passphrase in PEM; write it anew",
    ],
    "with a key of another certificate": [
      () => withLeaf(good, "intranet", { "tls.key": good.leaves.dmz!.data["tls.key"]! }),
      "InvalidCertificate",
      "tls.key of Secret apps/r2 is not the key of its tls.crt; write both anew",
    ],
    "without CAs": [
      () => withLeaf(good, "dmz", { "ca.crt": "none" }),
      "InvalidCertificate",
      "ca.crt of Secret dmz/r1 is not certificates in PEM; write it anew",
    ],
    "after their end": [
      () => good,
      "CertificateExpired",
      "the certificate of Secret dmz/r1 expired on 2027-02-22T12:00:00.000Z; renew it",
      later(start, 90 * dayMs),
    ],
    "before their time": [
      () => good,
      "CertificateNotYetValid",
      "the certificate of Secret dmz/r1 is valid from 2026-11-24T11:55:00.000Z on; wait, or renew it",
      later(start, -dayMs),
    ],
    "of the other side": [
      () => withLeaf(good, "dmz", good.leaves.intranet!.data),
      "IdentityMismatch",
      `the certificate of Secret dmz/r1 names ${dmzId.replace(/dmz$/, "intranet")}; make one with the URI ${dmzId} and no other`,
    ],
    "whose CA the other side does not trust": [
      () => withLeaf(good, "dmz", another.leaves.dmz!.data),
      "UntrustedCertificate",
      "ca.crt of Secret apps/r2 does not have the CA of the certificate in Secret dmz/r1; add that CA to ca.crt, or its intermediates to tls.crt",
    ],
    "who do not trust the operator's": [
      () =>
        withLeaf(good, "operator", { ...another.leaves.operator!.data, "ca.crt": good.leaves.dmz!.data["ca.crt"]! }),
      "UntrustedCertificate",
      "ca.crt of Secret apps/r2 does not have the CA of the certificate in Secret apps/op; add that CA to ca.crt, or its intermediates to tls.crt",
    ],
  };
  it.each(Object.entries(refused))("%s", (_, [change, reason, message, now]) => {
    expect(check(change(), now)).toEqual({ t: "bad", reason, message });
  });
});

import { parseDocuments } from "@sallyport/proto/documents";
import { expect, it } from "vitest";
import { dayMs } from "./plan.ts";
import { identityWish } from "./wish.ts";

const options = { trustDomain: "example.com", caSettleMs: 600_000 };

const tunnelOf = (metadata: object, identity: object) => {
  const spec = { dmz: { listeners: [{ name: "http", protocol: "HTTP", port: 80 }] }, identity };
  const document = { apiVersion: "sallyport.dev/v1alpha1", kind: "ReverseTunnel", metadata, spec };
  return parseDocuments(JSON.stringify(document), "f.yaml").tunnels[0]!;
};

it("a tunnel that says nothing has leaves of 90 days, renewed 30 days before their end", () => {
  expect(identityWish(tunnelOf({ name: "p", namespace: "t" }, {}), options)).toEqual({
    ...{ trustDomain: "example.com", tunnel: "t/p", settleMs: 600_000 },
    leafLifetimeMs: 90 * dayMs,
    renewBeforeMs: 30 * dayMs,
    renewCa: undefined,
  });
});

it("a tunnel may say how long they are and when they are renewed, and ask for a new CA", () => {
  const annotations = { "sallyport.dev/renew-ca": "2026-11-24" };
  const certificate = { duration: "48h", renewBefore: "1h30m" };
  expect(identityWish(tunnelOf({ name: "p", annotations }, { certificate }), options)).toMatchObject({
    leafLifetimeMs: 2 * dayMs,
    renewBeforeMs: 5_400_000,
    renewCa: "2026-11-24",
  });
});

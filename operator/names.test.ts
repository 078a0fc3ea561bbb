import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { labelsOf, nameLengthMax, namesOf, prefixOf, selectorOf } from "./names.ts";

const tunnel = { namespace: "tunnels", name: "partners" };

describe("names of what the operator makes", () => {
  it("start with the tunnel's name and 20 digits of the SHA-256 of its full name", () => {
    const hash = createHash("sha256").update("tunnels/partners").digest("hex").slice(0, 20);
    expect(prefixOf(tunnel)).toBe(`sp-partners-${hash}`);
  });

  it("are those of ADR 11", () => {
    const names = namesOf(tunnel);
    const p = names.prefix;
    expect([
      names.clientService,
      names.routes,
      names.shard(3),
      names.router("dmz", 0),
      names.router("intranet", 1),
    ]).toEqual([p, `${p}-routes`, `${p}-routes-3`, `${p}-r1-0`, `${p}-r2-1`]);
    expect([names.config, names.budget, names.policy]).toEqual(Array(3).fill({ dmz: `${p}-r1`, intranet: `${p}-r2` }));
    expect(names.identity).toEqual({
      ...{ dmz: `${p}-r1-tls`, intranet: `${p}-r2-tls`, operator: `${p}-operator-tls`, ca: `${p}-ca` },
    });
  });

  it.each(["a".repeat(63), `${"a".repeat(33)}-${"b".repeat(29)}`, `${"a".repeat(34)}.b`])(
    "stay within 63 characters and are labels, whatever the tunnel is called (%s)",
    (name) => {
      const names = namesOf({ namespace: "n".repeat(63), name });
      const all = [
        ...[names.clientService, names.routes, names.shard(15), names.router("dmz", 15), names.router("intranet", 15)],
        ...Object.values(names.identity),
      ];
      for (const one of all) {
        expect(one.length).toBeLessThanOrEqual(nameLengthMax);
        expect(one).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
        expect(one).not.toMatch(/--/);
      }
    },
  );

  it("differ for tunnels that are called alike at first", () => {
    const long = "a".repeat(60);
    expect(prefixOf({ namespace: "x", name: `${long}-1` })).not.toBe(prefixOf({ namespace: "x", name: `${long}-2` }));
    expect(prefixOf({ namespace: "a", name: "b" })).not.toBe(prefixOf({ namespace: "b", name: "b" }));
  });
});

describe("labels", () => {
  it("say whose an object is; a selector asks for no more than it needs", () => {
    const hash = prefixOf(tunnel).slice(-20);
    expect(labelsOf(tunnel, { side: "dmz", pair: 1 })).toEqual({
      "app.kubernetes.io/name": "sallyport-r1",
      "app.kubernetes.io/instance": prefixOf(tunnel),
      "app.kubernetes.io/part-of": "sallyport",
      "app.kubernetes.io/managed-by": "sallyport-operator",
      "sallyport.dev/tunnel": hash,
      "sallyport.dev/side": "dmz",
      "sallyport.dev/pair": "1",
    });
    expect(labelsOf(tunnel)["app.kubernetes.io/name"]).toBe("sallyport");
    expect(selectorOf(tunnel, { side: "intranet" })).toEqual({
      "sallyport.dev/tunnel": hash,
      "sallyport.dev/side": "intranet",
    });
  });
});

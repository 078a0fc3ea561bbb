import { checkLeaf, isTrusted, type Leaf } from "@sallyport/proto/leaf-check";
import { type Role, roles } from "@sallyport/proto/spiffe";
import { expect, it } from "vitest";
import { asking, later, nothing, settle, start, wish } from "../testing/identity-state.ts";
import { dayMs, type IdentityState, leafText } from "./plan.ts";

/** What a side may be running with: its Secret of now, and each that it was less than `settleMs` ago. */
interface Version {
  readonly leaf: Leaf;
  /** Undefined: it is the Secret of now. */
  goneAt: Date | undefined;
}

it("over ten years no side ever meets a peer that it does not trust, however late within the limit it reads its Secret", async () => {
  const versions: Record<Role, Version[]> = { dmz: [], intranet: [], operator: [] };
  const end = later(start, 10 * 365 * dayMs);
  const cas = new Set<string>();
  let [now, state, steps] = [start, nothing, 0];
  while (now < end) {
    // Someone asks for a new CA in the fifth year.
    const asked = now > later(start, 4.5 * 365 * dayMs) ? asking("again") : wish;
    const { state: next, plans } = await settle(now, state, asked);
    note(versions, state, next, now);
    expect(strangers(versions, now)).toEqual([]);
    cas.add(next.ca!.data["tls.crt"]!);
    const { nextAt } = plans.at(-1)!;
    expect(nextAt.getTime()).toBeGreaterThan(now.getTime());
    [state, steps] = [next, steps + 1];
    now = nextAt;
  }
  // One at the start, at two thirds of five years, when asked, and at two thirds after that.
  expect(cas.size).toBe(4);
  expect(steps).toBeLessThan(100);
});

function note(versions: Record<Role, Version[]>, before: IdentityState, after: IdentityState, now: Date): void {
  for (const role of roles) {
    const secret = after.leaves[role]!;
    if (secret === before.leaves[role]) continue;
    const last = versions[role].at(-1);
    if (last !== undefined) last.goneAt = now;
    const checked = checkLeaf(leafText(secret), { ...wish, role }, now);
    if (checked.t === "bad") throw new Error(JSON.stringify(checked.problem));
    versions[role].push({ leaf: checked.leaf, goneAt: undefined });
  }
}

function strangers(versions: Readonly<Record<Role, readonly Version[]>>, now: Date): string[] {
  const current = (role: Role) =>
    versions[role].filter(({ goneAt }) => goneAt === undefined || now.getTime() - goneAt.getTime() < wish.settleMs);
  const pairs = [
    ["dmz", "intranet"],
    ["intranet", "dmz"],
    ["operator", "intranet"],
    ["intranet", "operator"],
  ] as const;
  return pairs.flatMap(([shows, trusts]) =>
    current(shows).flatMap((one) =>
      current(trusts)
        .filter((peer) => !isTrusted(one.leaf.chain, peer.leaf.trustedCas) || one.leaf.certificate.validToDate <= now)
        .map(() => `${trusts} does not take ${shows} at ${now.toISOString()}`),
    ),
  );
}

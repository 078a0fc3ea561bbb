import type { Role } from "@sallyport/proto/spiffe";
import { carryOut } from "../identity/carry-out.ts";
import { dayMs, type IdentityPlan, type IdentityState, type IdentityWish, planIdentity } from "../identity/plan.ts";

/** A tunnel's certificates as they are kept in a cluster, with a clock that is turned by hand. */

export const start = new Date("2026-11-24T12:00:00Z");

export const wish: IdentityWish = {
  ...{ trustDomain: "sallyport", tunnel: "tunnels/partners" },
  leafLifetimeMs: 90 * dayMs,
  renewBeforeMs: 30 * dayMs,
  settleMs: 600_000,
  renewCa: undefined,
};

export const nothing: IdentityState = {
  ca: undefined,
  leaves: { dmz: undefined, intranet: undefined, operator: undefined },
};

/** Plans and carries out until there is nothing to do: the Secrets then, and every plan. */
export async function settle(
  now: Date,
  state: IdentityState,
  asked: IdentityWish = wish,
): Promise<{ readonly state: IdentityState; readonly plans: readonly IdentityPlan[] }> {
  const plans: IdentityPlan[] = [];
  let current = state;
  for (let round = 0; round < 8; round += 1) {
    const plan = planIdentity(now, asked, current);
    plans.push(plan);
    if (plan.nextAt > now) return { state: current, plans };
    current = await applied(now, asked, current, plan);
  }
  throw new Error(`no end of plans: ${JSON.stringify(plans.at(-1))}`);
}

async function applied(
  now: Date,
  asked: IdentityWish,
  state: IdentityState,
  plan: IdentityPlan,
): Promise<IdentityState> {
  const change = await carryOut(now, asked, state, plan);
  return { ca: change.ca ?? state.ca, leaves: { ...state.leaves, ...change.leaves } };
}

export function withLeaf(
  state: IdentityState,
  role: Role,
  data: Readonly<Record<string, string>> | undefined,
): IdentityState {
  const old = state.leaves[role];
  const secret =
    data === undefined ? undefined : { data: { ...old?.data, ...data }, annotations: old?.annotations ?? {} };
  return { ...state, leaves: { ...state.leaves, [role]: secret } };
}

export function later(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}

export const asking = (value: string): IdentityWish => ({ ...wish, renewCa: value });

import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { asking, later, nothing, settle, start, wish, withLeaf } from "../testing/identity-state.ts";
import {
  annotations,
  backdatedMs,
  caLifetimeMs,
  dayMs,
  type IdentityPlan,
  type IdentityState,
  planIdentity,
} from "./plan.ts";

const { settleMs } = wish;
const keep = { t: "keep" };
const trust = { t: "trust" };
const issue = (why: string) => ({ t: "issue", why });
const all = (step: object) => ({ dmz: step, intranet: step, operator: step });

let fresh: IdentityState;
let other: IdentityState;
beforeAll(async () => {
  fresh = (await settle(start, nothing)).state;
  other = (await settle(start, nothing, { ...wish, tunnel: "tunnels/customers" })).state;
});

const leafDue = later(start, 60 * dayMs);

describe("what becomes of a tunnel's certificates", () => {
  it("all are made where there is none", () => {
    expect(planIdentity(start, wish, nothing)).toEqual({
      phase: "Steady",
      ca: { t: "create", previous: "", why: "there is no CA" },
      leaves: all(issue("there is no certificate")),
      nextAt: start,
    });
  });

  it("all are kept until a leaf is past two thirds of its life", () => {
    const kept = { phase: "Steady", ca: keep, leaves: all(keep), nextAt: leafDue };
    expect(planIdentity(start, wish, fresh)).toEqual(kept);
    expect(planIdentity(later(leafDue, -1), wish, fresh)).toEqual(kept);
  });

  it("leaves are renewed when they are due", () => {
    const plan = planIdentity(leafDue, wish, fresh);
    expect(plan).toMatchObject({ ca: keep, leaves: all(issue("the certificate is due for renewal")), nextAt: leafDue });
  });

  it("leaves are renewed as long before their end as the tunnel says", () => {
    const due = later(start, 89 * dayMs);
    expect(planIdentity(start, { ...wish, renewBeforeMs: dayMs }, fresh).nextAt).toEqual(due);
  });

  it("a leaf that is shorter than that is renewed at two thirds of its life", async () => {
    const short = { ...wish, leafLifetimeMs: 3 * 3_600_000, renewBeforeMs: 8 * 3_600_000 };
    const { state } = await settle(start, nothing, short);
    const lifetimeMs = short.leafLifetimeMs + backdatedMs;
    expect(planIdentity(start, short, state).nextAt).toEqual(later(start, short.leafLifetimeMs - lifetimeMs / 3));
  });

  const broken: Record<string, [change: () => IdentityState, why: string]> = {
    "is gone": [() => withLeaf(fresh, "dmz", undefined), "there is no certificate"],
    "is no certificate": [
      () => withLeaf(fresh, "dmz", { "tls.crt": "x" }),
      "the certificate cannot be used: unreadable",
    ],
    "has another's key": [
      () => withLeaf(fresh, "dmz", { "tls.key": fresh.leaves.intranet!.data["tls.key"]! }),
      "the certificate cannot be used: otherKey",
    ],
    "is another side's": [
      () => withLeaf(fresh, "dmz", fresh.leaves.intranet!.data),
      "the certificate cannot be used: otherIdentity",
    ],
    "is another tunnel's": [
      () => withLeaf(fresh, "dmz", other.leaves.dmz!.data),
      "the certificate cannot be used: otherIdentity",
    ],
  };
  it.each(Object.entries(broken))("a leaf that %s is replaced, and no other", (_, [change, why]) => {
    const plan = planIdentity(start, wish, change());
    expect(plan).toMatchObject({ ca: keep, leaves: { ...all(keep), dmz: issue(why) } });
  });

  it("a leaf of another CA is replaced", async () => {
    const { state } = await settle(start, nothing);
    const plan = planIdentity(start, wish, withLeaf(fresh, "operator", state.leaves.operator!.data));
    expect(plan.leaves.operator).toEqual(issue("the certificate is of another CA"));
  });

  it("a leaf whose ca.crt someone changed trusts the CA again", () => {
    const plan = planIdentity(start, wish, withLeaf(fresh, "dmz", { "ca.crt": other.ca!.data["tls.crt"]! }));
    expect(plan).toMatchObject({ ca: keep, leaves: { ...all(keep), dmz: trust } });
  });

  it("expired leaves are replaced", () => {
    const late = later(start, 91 * dayMs);
    expect(planIdentity(late, wish, fresh).leaves).toEqual(all(issue("the certificate cannot be used: expired")));
  });
});

describe("a CA is replaced", () => {
  it("when it is past two thirds of its life", async () => {
    const due = later(start, ((caLifetimeMs + backdatedMs) * 2) / 3 - backdatedMs);
    const before = (await settle(later(due, -1), fresh)).plans;
    expect(before.every(({ ca }) => ca.t === "keep")).toBe(true);
    const [plan] = (await settle(due, fresh)).plans as [IdentityPlan];
    expect(plan.ca).toMatchObject({ t: "create", why: "the CA is past two thirds of its life" });
  });

  it("when the annotation asks for it, once for each value", async () => {
    const first = planIdentity(start, asking("1"), fresh);
    expect(first).toEqual({
      phase: "Trust",
      ca: {
        t: "create",
        previous: fresh.ca!.data["tls.crt"],
        why: `the annotation ${annotations.renewCa} asks for it`,
      },
      leaves: all(trust),
      nextAt: start,
    });
    const { state } = await rolled(fresh, asking("1"));
    expect(planIdentity(later(start, dayMs), asking("1"), state).ca).toEqual(keep);
    expect(planIdentity(later(start, dayMs), asking("2"), state).ca.t).toBe("create");
  });

  it("not again before the one that is being replaced is dropped", async () => {
    const { state } = await settle(start, fresh, asking("1"));
    expect(planIdentity(start, asking("2"), state)).toMatchObject({ phase: "Trust", ca: keep });
  });

  it("at once, when its key is lost; what was trusted stays trusted meanwhile", () => {
    const plan = planIdentity(start, wish, { ...fresh, ca: undefined });
    const previous = fresh.leaves.intranet!.data["ca.crt"];
    expect(plan).toEqual({
      phase: "Trust",
      ca: { t: "create", previous, why: "there is no CA" },
      leaves: all(trust),
      nextAt: start,
    });
  });

  it("without the CAs that only the DMZ's Secret has", () => {
    const smuggled = `${fresh.leaves.dmz!.data["ca.crt"]}${other.ca!.data["tls.crt"]}`;
    const plan = planIdentity(start, wish, { ...withLeaf(fresh, "dmz", { "ca.crt": smuggled }), ca: undefined });
    expect(plan.ca).toMatchObject({ previous: fresh.ca!.data["tls.crt"] });
  });

  it("when it is another tunnel's, or of another trust domain", () => {
    const why = (state: IdentityState, trustDomain: string) => {
      const { ca } = planIdentity(start, { ...wish, trustDomain }, state);
      return ca.t === "create" ? ca.why : ca.t;
    };
    expect(why({ ...fresh, ca: other.ca }, "sallyport")).toBe(
      "the CA is of tunnels/customers in trust domain sallyport",
    );
    expect(why(fresh, "example.com")).toBe("the CA is of tunnels/partners in trust domain sallyport");
  });

  it("in three phases: it is trusted, then it signs, then the old one is dropped", async () => {
    const trusted = await settle(start, fresh, asking("1"));
    const [oldCa, newCa] = [fresh.ca!.data["tls.crt"]!, trusted.state.ca!.data["tls.crt"]!];
    expect(view(trusted.state)).toEqual({ cas: [newCa, oldCa], issuer: oldCa });

    const tooEarly = await settle(later(start, settleMs - 1), trusted.state, asking("1"));
    expect(tooEarly.state).toEqual(trusted.state);
    expect(tooEarly.plans.at(-1)).toMatchObject({ phase: "Trust", nextAt: later(start, settleMs) });

    const signed = await settle(later(start, settleMs), trusted.state, asking("1"));
    expect(view(signed.state)).toEqual({ cas: [newCa, oldCa], issuer: newCa });
    expect(signed.plans.at(-1)).toMatchObject({ phase: "Sign", nextAt: later(start, 2 * settleMs) });

    const dropped = await settle(later(start, 2 * settleMs), signed.state, asking("1"));
    expect(view(dropped.state)).toEqual({ cas: [newCa], issuer: newCa });
    expect(dropped.state.ca!.data).not.toHaveProperty("previous.crt");
    expect(dropped.plans.at(-1)).toMatchObject({ phase: "Steady", ca: keep, leaves: all(keep) });
  });

  it("no leaf is of it before the last Secret has it for long enough", async () => {
    const { state } = await settle(start, fresh, asking("1"));
    const dmz = state.leaves.dmz!;
    const lateAnnotations = { [annotations.trustSince]: later(start, dayMs).toISOString() };
    const late: IdentityState = {
      ...state,
      leaves: { ...state.leaves, dmz: { ...dmz, annotations: lateAnnotations } },
    };
    const before = later(start, dayMs + settleMs - 1);
    expect(planIdentity(before, asking("1"), late)).toMatchObject({ phase: "Trust", leaves: all(keep) });
    expect(planIdentity(later(before, 1), asking("1"), late).leaves).toEqual(all(issue("the CA is being replaced")));
  });

  it("a leaf that is lost meanwhile is of the new one", async () => {
    const { state } = await settle(start, fresh, asking("1"));
    const again = (await settle(start, withLeaf(state, "dmz", undefined), asking("1"))).state;
    const leaf = new X509Certificate(again.leaves.dmz!.data["tls.crt"]!);
    expect(leaf.checkIssued(new X509Certificate(again.ca!.data["tls.crt"]!))).toBe(true);
    expect(planIdentity(start, asking("1"), again).phase).toBe("Trust");
  });
});

/** All of a roll-over of the CA. */
async function rolled(state: IdentityState, asked: typeof wish) {
  let result = await settle(start, state, asked);
  for (const ms of [settleMs, 2 * settleMs]) result = await settle(later(start, ms), result.state, asked);
  return result;
}

/** What every leaf's Secret trusts, and which of it signed the leaf. */
function view({ leaves }: IdentityState) {
  const views = Object.values(leaves).map((secret) => {
    const { "tls.crt": leaf, "ca.crt": bundle } = secret!.data;
    const cas = bundle!.split(/(?<=-----END CERTIFICATE-----\n)/);
    const certificate = new X509Certificate(leaf!);
    return { cas, issuer: cas.find((ca) => certificate.verify(new X509Certificate(ca).publicKey)) };
  });
  expect(new Set(views.map((each) => JSON.stringify(each))).size).toBe(1);
  return views[0];
}

it("a phase of a CA's replacement lasts as long as the operator was told", async () => {
  const quick = { ...asking("quick"), settleMs: 5_000 };
  const trusted = await settle(start, fresh, quick);
  expect(trusted.plans.at(-1)).toMatchObject({ phase: "Trust", nextAt: later(start, 5_000) });
  const signed = await settle(later(start, 5_000), trusted.state, quick);
  expect(signed.plans.at(-1)).toMatchObject({ phase: "Sign", nextAt: later(start, 10_000) });
});

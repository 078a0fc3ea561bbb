import { X509Certificate } from "node:crypto";
import { checkLeaf } from "@sallyport/proto/leaf-check";
import { bundleOf, certificatesOf, isIssuedBy, normalPem } from "@sallyport/proto/pem";
import { type Owner, type Role, roles } from "@sallyport/proto/spiffe";
import { type AuthorityFacts, describeAuthority } from "./authority.ts";

/**
 * Decides what becomes of a tunnel's certificates. A CA is replaced in three phases, so that no router ever meets a peer
 * that it does not trust: the new one is trusted everywhere beside the old one; then it signs; when every leaf is of it,
 * the old one is dropped. Each phase begins when the one before has been in every Secret for `settleMs`.
 */

/** What of a Secret counts; its data as text. */
export interface StoredSecret {
  readonly data: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The Secrets that there are: the CA's, and one for each role. */
export interface IdentityState {
  readonly ca: StoredSecret | undefined;
  readonly leaves: Readonly<Record<Role, StoredSecret | undefined>>;
}

export interface IdentityWish extends Owner {
  readonly leafLifetimeMs: number;
  /** How long before its end a leaf is renewed. */
  readonly renewBeforeMs: number;
  /** How long a phase of a CA's replacement lasts at least. */
  readonly settleMs: number;
  /** The tunnel's annotation `sallyport.dev/renew-ca`: a value that was not there before asks for a new CA. */
  readonly renewCa: string | undefined;
}

export type CaStep =
  | { readonly t: "keep" }
  /** `previous`: PEM of what is trusted until now, for a while beside the new one; "" when that is nothing. */
  | { readonly t: "create"; readonly previous: string; readonly why: string }
  | { readonly t: "dropPrevious" };

export type LeafStep =
  | { readonly t: "keep" }
  /** The same certificate, but other CAs to trust. */
  | { readonly t: "trust" }
  | { readonly t: "issue"; readonly why: string };

export type Phase = "Steady" | "Trust" | "Sign";

export interface IdentityPlan {
  readonly phase: Phase;
  readonly ca: CaStep;
  readonly leaves: Readonly<Record<Role, LeafStep>>;
  /** When to plan again if nothing else happens. */
  readonly nextAt: Date;
}

export const dayMs = 86_400_000;
export const caLifetimeMs = 5 * 365 * dayMs;
/** Clocks differ a little. */
export const backdatedMs = 5 * 60_000;
/** The kubelet brings a Secret to its pods within some two minutes, and routers read it anew at once. */
export const caSettleTime = "10m";

export const annotations = {
  /** On the tunnel: asks for a new CA. On the CA's Secret: what was asked for last. */
  renewCa: "sallyport.dev/renew-ca",
  /** On a leaf's Secret: since when its ca.crt is what it is. RFC 3339. */
  trustSince: "sallyport.dev/trust-since",
} as const;

/** What to do now. Pure: reads no clock. */
export function planIdentity(now: Date, wish: IdentityWish, state: IdentityState): IdentityPlan {
  const ca = readCa(now, wish, state.ca);
  if (ca.t === "unusable") return newCaPlan(now, wish, state, knownCas(state), ca.why);
  const why = ca.previous.length > 0 ? undefined : reasonToReplace(now, wish, ca);
  if (why !== undefined) return newCaPlan(now, wish, state, normalPem(state.ca!.data["tls.crt"]!), why);
  return planWith(now, wish, state, ca);
}

interface UsableCa {
  readonly t: "usable";
  readonly certificate: X509Certificate;
  readonly previous: readonly X509Certificate[];
  readonly facts: AuthorityFacts;
  /** The value of the annotation that asked for it. */
  readonly askedBy: string | undefined;
}

function readCa(
  now: Date,
  wish: IdentityWish,
  secret: StoredSecret | undefined,
): UsableCa | { readonly t: "unusable"; readonly why: string } {
  if (secret === undefined) return { t: "unusable", why: "there is no CA" };
  const { "tls.crt": certificate = "", "tls.key": privateKey = "", "previous.crt": previous = "" } = secret.data;
  try {
    const facts = describeAuthority({ certificate, privateKey }, now);
    const askedBy = secret.annotations[annotations.renewCa];
    const isOwn = facts.tunnel === wish.tunnel && facts.trustDomain === wish.trustDomain;
    if (!isOwn) return { t: "unusable", why: `the CA is of ${facts.tunnel} in trust domain ${facts.trustDomain}` };
    const read = { certificate: new X509Certificate(certificate), previous: certificatesOf(previous) ?? [] };
    return { t: "usable", ...read, facts, askedBy };
  } catch (error) {
    return { t: "unusable", why: error instanceof Error ? error.message : String(error) };
  }
}

function reasonToReplace(now: Date, wish: IdentityWish, { facts, askedBy }: UsableCa): string | undefined {
  if (wish.renewCa !== undefined && wish.renewCa !== askedBy)
    return `the annotation ${annotations.renewCa} asks for it`;
  return now >= caDue(facts) ? "the CA is past two thirds of its life" : undefined;
}

/** Two thirds of its life. */
function caDue({ validFrom, validUntil }: AuthorityFacts): Date {
  return new Date(validFrom.getTime() + ((validUntil.getTime() - validFrom.getTime()) * 2) / 3);
}

/**
 * What routers trust, when the CA's own Secret cannot tell. The intranet's Secret alone is believed: who could write one
 * in the DMZ could otherwise have a CA of his own trusted.
 */
function knownCas({ leaves }: IdentityState): string {
  return bundleOf(certificatesOf(leaves.intranet?.data["ca.crt"] ?? "") ?? []);
}

function newCaPlan(now: Date, wish: IdentityWish, state: IdentityState, previous: string, why: string): IdentityPlan {
  const old = certificatesOf(previous) ?? [];
  const stepOf = (role: Role): LeafStep => {
    const unusable = leafProblem(now, wish, role, state.leaves[role], old);
    return unusable === undefined ? { t: "trust" } : { t: "issue", why: unusable };
  };
  const leaves = { dmz: stepOf("dmz"), intranet: stepOf("intranet"), operator: stepOf("operator") };
  return { phase: old.length > 0 ? "Trust" : "Steady", ca: { t: "create", previous, why }, leaves, nextAt: now };
}

/** Why a leaf cannot be shown to peers that trust `cas`; undefined when it can. */
function leafProblem(
  now: Date,
  wish: IdentityWish,
  role: Role,
  secret: StoredSecret | undefined,
  cas: readonly X509Certificate[],
): string | undefined {
  if (secret === undefined) return "there is no certificate";
  const checked = checkLeaf(leafText(secret), { ...wish, role }, now);
  if (checked.t === "bad") return `the certificate cannot be used: ${checked.problem.t}`;
  const { certificate } = checked.leaf;
  return cas.some((ca) => isIssuedBy(certificate, ca)) ? undefined : "the certificate is of another CA";
}

export function leafText({ data }: StoredSecret) {
  const { "tls.crt": certificateChain = "", "tls.key": privateKey = "", "ca.crt": trustedCas = "" } = data;
  return { certificateChain, privateKey, trustedCas };
}

function planWith(now: Date, wish: IdentityWish, state: IdentityState, ca: UsableCa): IdentityPlan {
  const bundle = bundleOf([ca.certificate, ...ca.previous]);
  const seen = roles.map((role) => seeLeaf(now, wish, role, state.leaves[role], ca, bundle));
  const phase = phaseOf(now, ca, seen);
  if (phase === "Sign" && seen.every((leaf) => leaf.isOfCa && leaf.settledAt <= now)) {
    const trust: LeafStep = { t: "trust" };
    const leaves = { dmz: trust, intranet: trust, operator: trust };
    return { phase: "Steady", ca: { t: "dropPrevious" }, leaves, nextAt: now };
  }
  const [dmz, intranet, operator] = seen.map((leaf) => stepOf(now, leaf, phase)) as [LeafStep, LeafStep, LeafStep];
  const leaves = { dmz, intranet, operator };
  const isDone = Object.values(leaves).every(({ t }) => t === "keep");
  return { phase, ca: { t: "keep" }, leaves, nextAt: isDone ? nextTime(phase, ca, seen) : now };
}

/** A leaf as it is, against the CA as it is. */
interface SeenLeaf {
  /** Why it must be replaced at once, whatever the phase. */
  readonly problem: string | undefined;
  /** Of the current CA, not of a previous one. */
  readonly isOfCa: boolean;
  readonly trusts: boolean;
  /** When it is to be renewed. */
  readonly due: Date;
  /** When whoever uses it has it surely. */
  readonly settledAt: Date;
  /** When whoever uses it trusts surely what its Secret says. */
  readonly trustSettledAt: Date;
}

function seeLeaf(
  now: Date,
  wish: IdentityWish,
  role: Role,
  secret: StoredSecret | undefined,
  ca: UsableCa,
  bundle: string,
): SeenLeaf {
  const problem = leafProblem(now, wish, role, secret, [ca.certificate, ...ca.previous]);
  if (problem !== undefined || secret === undefined) {
    const [due, settledAt, trustSettledAt] = [now, now, now];
    return { problem: problem ?? "", isOfCa: false, trusts: false, due, settledAt, trustSettledAt };
  }
  const certificate = new X509Certificate(secret.data["tls.crt"]!);
  const since = Date.parse(secret.annotations[annotations.trustSince] ?? "");
  return {
    problem,
    isOfCa: isIssuedBy(certificate, ca.certificate),
    trusts: secret.data["ca.crt"] === bundle && !Number.isNaN(since),
    due: leafDue(certificate, wish),
    settledAt: new Date(certificate.validFromDate.getTime() + backdatedMs + wish.settleMs),
    trustSettledAt: new Date(since + wish.settleMs),
  };
}

/** A leaf whose life the end of its CA has cut short is renewed at two thirds of it. */
function leafDue({ validFromDate, validToDate }: X509Certificate, { renewBeforeMs }: IdentityWish): Date {
  const lifetimeMs = validToDate.getTime() - validFromDate.getTime();
  const beforeMs = renewBeforeMs < lifetimeMs ? renewBeforeMs : lifetimeMs / 3;
  return new Date(validToDate.getTime() - beforeMs);
}

function phaseOf(now: Date, { previous }: UsableCa, seen: readonly SeenLeaf[]): Phase {
  if (previous.length === 0) return "Steady";
  const isTrusted = seen.every((leaf) => leaf.trusts && leaf.trustSettledAt <= now);
  // Once one leaf is of the new CA there is no way back.
  return isTrusted || seen.every((leaf) => leaf.isOfCa) ? "Sign" : "Trust";
}

function stepOf(now: Date, leaf: SeenLeaf, phase: Phase): LeafStep {
  if (leaf.problem !== undefined) return { t: "issue", why: leaf.problem };
  if (phase === "Sign" && !leaf.isOfCa) return { t: "issue", why: "the CA is being replaced" };
  // The old CA's key is gone and the new one is not trusted yet; it will be in minutes.
  if (phase !== "Trust" && leaf.due <= now) return { t: "issue", why: "the certificate is due for renewal" };
  return leaf.trusts ? { t: "keep" } : { t: "trust" };
}

function nextTime(phase: Phase, { facts }: UsableCa, seen: readonly SeenLeaf[]): Date {
  const times = {
    Steady: () => Math.min(caDue(facts).getTime(), ...seen.map(({ due }) => due.getTime())),
    Trust: () => Math.max(...seen.map(({ trustSettledAt }) => trustSettledAt.getTime())),
    Sign: () => Math.max(...seen.map(({ settledAt }) => settledAt.getTime())),
  };
  return new Date(times[phase]());
}

import { bundleOf, certificatesOf } from "@sallyport/proto/pem";
import { type Role, roles } from "@sallyport/proto/spiffe";
import { createAuthorityFiles, openAuthority, type Period } from "./authority.ts";
import {
  annotations,
  backdatedMs,
  caLifetimeMs,
  type IdentityPlan,
  type IdentityState,
  type IdentityWish,
  type LeafStep,
  type StoredSecret,
} from "./plan.ts";

/** The Secrets that are to be written; the others stay as they are. */
export interface IdentityChange {
  readonly ca?: StoredSecret;
  readonly leaves: Readonly<Partial<Record<Role, StoredSecret>>>;
}

/** Makes the keys and certificates that a plan asks for. `now` is the time that they are made of. */
export async function carryOut(
  now: Date,
  wish: IdentityWish,
  state: IdentityState,
  plan: IdentityPlan,
): Promise<IdentityChange> {
  const ca = await nextCa(now, wish, state, plan);
  const leaves = await Promise.all(
    roles.map(
      async (role) =>
        [role, await nextLeaf(now, wish, { role, ca, old: state.leaves[role], step: plan.leaves[role] })] as const,
    ),
  );
  return {
    ...(plan.ca.t === "keep" ? {} : { ca }),
    leaves: Object.fromEntries(leaves.filter(([, secret]) => secret !== undefined)),
  };
}

async function nextCa(
  now: Date,
  wish: IdentityWish,
  state: IdentityState,
  { ca: step }: IdentityPlan,
): Promise<StoredSecret> {
  if (step.t === "create") {
    const { certificate, privateKey } = await createAuthorityFiles(wish, periodFrom(now, caLifetimeMs));
    const previous = step.previous === "" ? {} : { "previous.crt": step.previous };
    const askedBy = wish.renewCa === undefined ? {} : { [annotations.renewCa]: wish.renewCa };
    return { data: { "tls.crt": certificate, "tls.key": privateKey, ...previous }, annotations: askedBy };
  }
  if (state.ca === undefined) throw new Error("a plan that keeps the CA was made without one");
  if (step.t === "keep") return state.ca;
  const { "previous.crt": _dropped, ...data } = state.ca.data;
  return { ...state.ca, data };
}

interface LeafOrder {
  readonly role: Role;
  readonly ca: StoredSecret;
  readonly old: StoredSecret | undefined;
  readonly step: LeafStep;
}

async function nextLeaf(
  now: Date,
  wish: IdentityWish,
  { role, ca, old, step }: LeafOrder,
): Promise<StoredSecret | undefined> {
  if (step.t === "keep") return undefined;
  const bundle = bundleOf([...caCertificates(ca, "tls.crt"), ...caCertificates(ca, "previous.crt")]);
  const since = old?.annotations[annotations.trustSince];
  const isSame = old?.data["ca.crt"] === bundle && !Number.isNaN(Date.parse(since ?? ""));
  const own = step.t === "issue" ? await issue(now, wish, role, ca) : keep(old!);
  return {
    data: { ...own, "ca.crt": bundle },
    annotations: { [annotations.trustSince]: isSame ? since! : now.toISOString() },
  };
}

function caCertificates({ data }: StoredSecret, key: string) {
  return certificatesOf(data[key] ?? "") ?? [];
}

async function issue(now: Date, wish: IdentityWish, role: Role, { data }: StoredSecret) {
  const files = { certificate: data["tls.crt"]!, privateKey: data["tls.key"]! };
  const authority = await openAuthority(files, periodFrom(now, wish.leafLifetimeMs), now);
  const { certificateChain, privateKey } = await authority.issue(role);
  return { "tls.crt": certificateChain, "tls.key": privateKey };
}

function keep({ data }: StoredSecret) {
  return { "tls.crt": data["tls.crt"]!, "tls.key": data["tls.key"]! };
}

function periodFrom(now: Date, lifetimeMs: number): Period {
  return { notBefore: new Date(now.getTime() - backdatedMs), notAfter: new Date(now.getTime() + lifetimeMs) };
}

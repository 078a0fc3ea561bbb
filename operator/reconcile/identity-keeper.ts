import { createHash, X509Certificate } from "node:crypto";
import type { ReverseTunnel } from "@sallyport/proto/resource";
import type { ReverseTunnelStatus } from "@sallyport/proto/resource-status";
import { type Role, roles } from "@sallyport/proto/spiffe";
import type { Clock } from "../clock.ts";
import type { Cluster, Clusters } from "../cluster.ts";
import { ownedObject } from "../desired/owned-object.ts";
import { type Finding, namespacesOf } from "../facts.ts";
import { carryOut } from "../identity/carry-out.ts";
import { certificatesStatus } from "../identity/expiry.ts";
import { checkOwnSecrets } from "../identity/own-secrets.ts";
import { type IdentityPlan, type IdentityState, leafText, planIdentity, type StoredSecret } from "../identity/plan.ts";
import { identityWish } from "../identity/wish.ts";
import { type KubeObject, keyOf, type ObjectRef } from "../kube-object.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { namesOf } from "../names.ts";
import type { ReportIdentity } from "../report/router-report.ts";
import { tunnelOf } from "./owned-index.ts";
import type { Repairs } from "./repairs.ts";

export interface KeptIdentity {
  readonly certificates: NonNullable<ReverseTunnelStatus["certificates"]>;
  /** The operator's own leaf; undefined: there is none yet. */
  readonly operator: ReportIdentity | undefined;
  /** SHA-256 of each side's leaf, DER, in hexadecimal digits; undefined: there is none yet. */
  readonly leafDigests: Readonly<Record<Role, string | undefined>>;
  /** Changes with what a side trusts or shows. */
  readonly marks: Readonly<Record<Role, string>>;
  /** When to look again, for a renewal; undefined: when something changes. */
  readonly againMs: number | undefined;
}

export interface IdentityKeeperOptions {
  readonly clusters: Clusters;
  readonly clock: Clock;
  readonly trustDomain: string;
  readonly caSettleMs: number;
  readonly metrics: OperatorMetrics;
  readonly repairs: Repairs;
}

/** A new CA is made, trusted and used in three steps; more than a few at once is a mistake of ours. */
const stepsMax = 6;

type Part = Role | "ca";
const parts = ["ca", ...roles] as const;

/** Keeps a tunnel's Secrets as its identity plan has them, or finds those that others keep. */
export class IdentityKeeper {
  readonly #options: IdentityKeeperOptions;

  constructor(options: IdentityKeeperOptions) {
    this.#options = options;
  }

  /** What is wrong with Secrets of one's own; undefined where the operator or cert-manager makes them. */
  async problemOf(tunnel: ReverseTunnel): Promise<Finding | undefined> {
    if (tunnel.spec.identity.secrets === undefined) return undefined;
    const state = await this.#read(tunnel);
    const named = (role: Role) => ({ name: keyOf(this.#refOf(tunnel, role)), secret: state.leaves[role] });
    const owner = { trustDomain: this.#options.trustDomain, tunnel: keyOf(tunnel.metadata) };
    const secrets = { dmz: named("dmz"), intranet: named("intranet"), operator: named("operator") };
    const checked = checkOwnSecrets(secrets, owner, this.#options.clock.wall());
    if (checked.t === "ok") return undefined;
    return { holds: false, reason: checked.reason, message: `spec.identity.secrets: ${checked.message}` };
  }

  /** Throws KubeError. */
  async keep(tunnel: ReverseTunnel): Promise<KeptIdentity> {
    const { issuerRef, secrets } = tunnel.spec.identity;
    if (issuerRef !== undefined || secrets !== undefined) return this.#found(tunnel);
    const wish = identityWish(tunnel, this.#options);
    let state = this.#known(tunnel);
    for (let step = 0; step < stepsMax; step += 1) {
      const now = this.#options.clock.wall();
      const plan = planIdentity(now, wish, state);
      if (isDone(plan)) return this.#kept(state, { renewBeforeMs: wish.renewBeforeMs, nextAt: plan.nextAt });
      // The stores may lag behind, and a CA made twice shuts routers out: ask the API server before anything is made.
      const { fresh, versions } = await this.#fresh(tunnel);
      const change = await carryOut(now, wish, fresh, planIdentity(now, wish, fresh));
      if (change.ca !== undefined) await this.#write(tunnel, "ca", change.ca, versions);
      for (const role of roles) {
        const leaf = change.leaves[role];
        if (leaf !== undefined) await this.#write(tunnel, role, leaf, versions);
      }
      this.#tellLost(tunnel, fresh);
      state = { ca: change.ca ?? fresh.ca, leaves: { ...fresh.leaves, ...change.leaves } };
    }
    throw new Error(
      `the certificates of tunnel ${keyOf(tunnel.metadata)} did not settle; its Secrets may be changed by others`,
    );
  }

  /** A Secret that is missing while others are there has been deleted: all are made in one go. */
  #tellLost(tunnel: ReverseTunnel, { ca, leaves }: IdentityState): void {
    const found = { ca, ...leaves };
    if (parts.every((part) => found[part] === undefined)) return;
    const lost = parts.filter((part) => found[part] === undefined);
    for (const part of lost) {
      this.#options.repairs.tell(keyOf(tunnel.metadata), this.#refOf(tunnel, part), "was gone");
    }
  }

  /** Refs of the Secrets that the operator keeps or cert-manager makes: not to be pruned. */
  refs(tunnel: ReverseTunnel): ObjectRef[] {
    const { issuerRef, secrets } = tunnel.spec.identity;
    if (secrets !== undefined) return [];
    return parts.filter((part) => part !== "ca" || issuerRef === undefined).map((part) => this.#refOf(tunnel, part));
  }

  async #found(tunnel: ReverseTunnel): Promise<KeptIdentity> {
    return this.#kept(await this.#read(tunnel), { renewBeforeMs: undefined, nextAt: undefined });
  }

  #kept(
    state: IdentityState,
    { renewBeforeMs, nextAt }: { readonly renewBeforeMs: number | undefined; readonly nextAt: Date | undefined },
  ): KeptIdentity {
    const { leaves } = state;
    const operator = leaves.operator === undefined ? undefined : leafText(leaves.operator);
    const againMs =
      nextAt === undefined ? undefined : Math.max(1_000, nextAt.getTime() - this.#options.clock.wall().getTime());
    return {
      certificates: certificatesStatus(state, { renewBeforeMs }),
      operator,
      leafDigests: {
        dmz: digestOf(leaves.dmz),
        intranet: digestOf(leaves.intranet),
        operator: digestOf(leaves.operator),
      },
      marks: { dmz: markOf(leaves.dmz), intranet: markOf(leaves.intranet), operator: markOf(leaves.operator) },
      againMs,
    };
  }

  /** As the stores have them. */
  #known(tunnel: ReverseTunnel): IdentityState {
    const find = (part: Part): StoredSecret | undefined => {
      const { namespace, name } = this.#refOf(tunnel, part);
      return storedSecret(this.#clusterOf(part).get("Secret", namespace, name));
    };
    return stateOf(find);
  }

  async #read(tunnel: ReverseTunnel): Promise<IdentityState> {
    return (await this.#fresh(tunnel)).fresh;
  }

  async #fresh(
    tunnel: ReverseTunnel,
  ): Promise<{ readonly fresh: IdentityState; readonly versions: Map<Part, string> }> {
    const found = new Map<Part, KubeObject>();
    const versions = new Map<Part, string>();
    for (const part of parts) {
      const secret = await this.#clusterOf(part).api.get(this.#refOf(tunnel, part));
      if (secret === undefined) continue;
      found.set(part, secret);
      versions.set(part, secret.metadata.resourceVersion ?? "");
      // One whose labels somebody took off is no longer told by the watch; it is written again as it is.
      if (tunnelOf(secret) === keyOf(tunnel.metadata)) this.#clusterOf(part).store("Secret").put(secret);
      else if (this.#isOurs(tunnel)) await this.#write(tunnel, part, storedSecret(secret)!, versions);
    }
    return { fresh: stateOf((part) => storedSecret(found.get(part))), versions };
  }

  #isOurs(tunnel: ReverseTunnel): boolean {
    return tunnel.spec.identity.issuerRef === undefined && tunnel.spec.identity.secrets === undefined;
  }

  async #write(tunnel: ReverseTunnel, part: Part, secret: StoredSecret, versions: Map<Part, string>): Promise<void> {
    const { namespace = "", name } = this.#refOf(tunnel, part);
    const side = part === "dmz" || part === "intranet" ? { side: part } : {};
    const data = Object.fromEntries(
      Object.entries(secret.data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
    );
    const object = ownedObject(
      "Secret",
      tunnel.metadata,
      { namespace, name, annotations: secret.annotations, ...side },
      { type: "kubernetes.io/tls", data },
    );
    const resourceVersion = versions.get(part);
    const metadata = resourceVersion === undefined ? object.metadata : { ...object.metadata, resourceVersion };
    const cluster = this.#clusterOf(part);
    const written = await cluster.api.apply({ ...object, metadata });
    this.#options.metrics.writes.inc({ verb: "apply", kind: "Secret" });
    versions.set(part, written.metadata.resourceVersion ?? "");
    cluster.store("Secret").put(written);
  }

  #refOf(tunnel: ReverseTunnel, part: Part): ObjectRef {
    const namespaces = namespacesOf(tunnel);
    const own = part === "ca" ? undefined : tunnel.spec.identity.secrets?.[part].secretName;
    return {
      kind: "Secret",
      namespace: part === "dmz" ? namespaces.dmz : namespaces.intranet,
      name: own ?? namesOf(tunnel.metadata).identity[part],
    };
  }

  #clusterOf(part: Part): Cluster {
    return part === "dmz" ? this.#options.clusters.dmz : this.#options.clusters.intranet;
  }
}

function isDone({ ca, leaves }: IdentityPlan): boolean {
  return ca.t === "keep" && Object.values(leaves).every(({ t }) => t === "keep");
}

function stateOf(find: (part: Part) => StoredSecret | undefined): IdentityState {
  return { ca: find("ca"), leaves: { dmz: find("dmz"), intranet: find("intranet"), operator: find("operator") } };
}

function storedSecret(secret: KubeObject | undefined): StoredSecret | undefined {
  if (secret === undefined) return undefined;
  const data = (secret.data ?? {}) as Readonly<Record<string, string>>;
  const texts = Object.entries(data).map(
    ([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")] as const,
  );
  return { data: Object.fromEntries(texts), annotations: ownAnnotations(secret) };
}

/** Those that the identity plan set; others are not its to write. */
function ownAnnotations({ metadata }: KubeObject): Readonly<Record<string, string>> {
  const own = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => key === "sallyport.dev/renew-ca" || key === "sallyport.dev/trust-since",
  );
  return Object.fromEntries(own);
}

function digestOf(secret: StoredSecret | undefined): string | undefined {
  try {
    const { raw } = new X509Certificate(secret?.data["tls.crt"] ?? "");
    return createHash("sha256").update(raw).digest("hex");
  } catch {
    return undefined;
  }
}

function markOf(secret: StoredSecret | undefined): string {
  const counted = `${secret?.data["tls.crt"] ?? ""}\n${secret?.data["ca.crt"] ?? ""}`;
  return createHash("sha256").update(counted).digest("hex").slice(0, 12);
}

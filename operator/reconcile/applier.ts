import type { Cluster, Clusters, StoredKind } from "../cluster.ts";
import { KubeError } from "../kube-error.ts";
import { type KubeObject, type ObjectRef, refOf, refText } from "../kube-object.ts";
import type { Log } from "../log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { annotation, label } from "../names.ts";
import { asStored, covers, marked } from "./drift.ts";
import { type OwnedObject, tunnelOf } from "./owned-index.ts";
import type { Repairs } from "./repairs.ts";

/** Makes objects as they are wanted, and writes nothing that is so already. */
export class Applier {
  readonly #clusters: Clusters;
  readonly #metrics: OperatorMetrics;
  readonly #log: Log;
  readonly #repairs: Repairs;
  /** What the API server made of what was applied, by object: one entry for each that there is. */
  readonly #stored = new Map<string, { readonly mark: string; readonly stored: unknown }>();

  constructor(clusters: Clusters, repairs: Repairs, metrics: OperatorMetrics, log: Log) {
    this.#clusters = clusters;
    this.#repairs = repairs;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Whether the object is not as it is wanted: missing, changed by hand, or wanted otherwise than before. */
  differs(wanted: KubeObject): boolean {
    const { object, mark } = withMark(wanted);
    const live = this.live(wanted);
    if (live === undefined || live.metadata.annotations?.[annotation.applied] !== mark) return true;
    const name = refText(refOf(wanted));
    const known = this.#stored.get(name);
    const isCovered = covers(live, known?.mark === mark ? known.stored : object);
    // An operator that has just started knows by this what it will miss.
    if (isCovered && known?.mark !== mark) this.#stored.set(name, { mark, stored: object });
    return !isCovered;
  }

  live(wanted: KubeObject): KubeObject | undefined {
    const { kind, namespace, name } = refOf(wanted);
    return this.#clusterOf(wanted).get(kind as StoredKind, namespace, name);
  }

  /** Throws KubeError. */
  async apply(wanted: KubeObject): Promise<void> {
    const ref = refOf(wanted);
    const { object, mark } = withMark(wanted);
    if (!this.differs(wanted)) return;
    refuseOthers(wanted, this.live(wanted));
    const repaired = this.#repaired(ref, mark, this.live(wanted));
    const cluster = this.#clusterOf(wanted);
    const written = await cluster.api.apply(object);
    this.#metrics.writes.inc({ verb: "apply", kind: wanted.kind });
    this.#log.debug({ object: refText(ref) }, "applied");
    this.#stored.set(refText(ref), { mark, stored: asStored(written, object) });
    const tunnel = tunnelOf(wanted);
    if (repaired !== undefined && tunnel !== undefined) this.#repairs.tell(tunnel, ref, repaired);
    // The watch will say the same later; until then nobody shall take the old one for the new.
    cluster.store(wanted.kind as StoredKind).put(written);
  }

  /** What somebody else did to an object that differs; undefined: it is new, or wanted otherwise than before. */
  #repaired(ref: ObjectRef, mark: string, live: KubeObject | undefined): "was gone" | "was changed" | undefined {
    if (live === undefined) return this.#stored.has(refText(ref)) ? "was gone" : undefined;
    const found = live.metadata.annotations?.[annotation.applied];
    const known = this.#stored.get(refText(ref))?.mark;
    return found === mark || (known === mark && found !== known) ? "was changed" : undefined;
  }

  /** Deletes what is there and not to be kept. Throws KubeError. */
  async prune(owned: readonly OwnedObject[], keep: readonly ObjectRef[]): Promise<void> {
    const kept = new Set(keep.map(refText));
    for (const { cluster, object } of owned) {
      const ref = refOf(object);
      if (kept.has(refText(ref)) || object.metadata.deletionTimestamp !== undefined) continue;
      await this.delete(cluster, object);
    }
  }

  /** Throws KubeError. */
  async delete(cluster: Cluster, object: KubeObject): Promise<void> {
    const ref = refOf(object);
    await cluster.api.delete(ref, { uid: object.metadata.uid });
    this.#metrics.writes.inc({ verb: "delete", kind: ref.kind });
    this.#log.debug({ object: refText(ref) }, "deleted");
    this.#stored.delete(refText(ref));
    cluster.store(ref.kind as StoredKind).remove(object);
  }

  #clusterOf({ metadata }: KubeObject): Cluster {
    return metadata.labels?.[label.side] === "dmz" ? this.#clusters.dmz : this.#clusters.intranet;
  }
}

/** Names hold a hash that nobody can aim at; an object of another tunnel under one of ours is still left alone. */
function refuseOthers(wanted: KubeObject, live: KubeObject | undefined): void {
  const owner = live && tunnelOf(live);
  if (owner === undefined || owner === tunnelOf(wanted)) return;
  const message = `${refText(refOf(wanted))} belongs to tunnel ${owner}; rename one of the two`;
  throw new KubeError(message, { status: 409, reason: "Conflict" });
}

function withMark(wanted: KubeObject): { readonly object: KubeObject; readonly mark: string } {
  const object = marked(wanted);
  return { object, mark: object.metadata.annotations?.[annotation.applied] ?? "" };
}

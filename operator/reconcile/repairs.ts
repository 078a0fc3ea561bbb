import type { Clusters } from "../cluster.ts";
import type { EventRecorder } from "../event-recorder.ts";
import { type ObjectRef, refText } from "../kube-object.ts";

/** Tells, as an Event of the tunnel, that an object was not left as it is wanted and has been put right. */
export class Repairs {
  readonly #clusters: Clusters;
  readonly #events: EventRecorder;

  constructor(clusters: Clusters, events: EventRecorder) {
    this.#clusters = clusters;
    this.#events = events;
  }

  /** `tunnel`: "<namespace>/<name>". */
  tell(tunnel: string, ref: ObjectRef, what: "was gone" | "was changed"): void {
    const [namespace, name = ""] = tunnel.split("/");
    const regarding = this.#clusters.intranet.get("ReverseTunnel", namespace, name);
    // Before its first status it was never whole: what is missing is what an operator did not get to.
    if (regarding?.status === undefined) return;
    const done = what === "was gone" ? "made again" : "put right";
    const note = `${refText(ref)} ${what}, and has been ${done}`;
    this.#events.record({ regarding, type: "Normal", reason: "Repaired", action: "Reconcile", note });
  }
}

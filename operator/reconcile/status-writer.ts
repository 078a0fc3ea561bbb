import { isDeepStrictEqual } from "node:util";
import type { ReverseTunnelStatus, TunnelRouteStatus } from "@sallyport/proto/resource-status";
import type { Cluster } from "../cluster.ts";
import type { EventRecorder } from "../event-recorder.ts";
import { isConflict, isNotFound } from "../kube-error.ts";
import { type KubeObject, refOf } from "../kube-object.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { reasons } from "../validate/reasons.ts";

type Status = ReverseTunnelStatus | TunnelRouteStatus;

/** Somebody else's write may come in between so often. */
const triesMax = 3;

export interface StatusWriterOptions {
  readonly cluster: Cluster;
  readonly events: EventRecorder;
  readonly metrics: OperatorMetrics;
}

/** Writes statuses that differ from what is there, and tells what matters of the change as an Event. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** `make` works out the status for the object as it is; it is asked again when that has changed. Throws KubeError. */
  async write(object: KubeObject, make: (object: KubeObject) => Status): Promise<void> {
    const { cluster } = this.#options;
    let current = object;
    for (let tries = 1; ; tries += 1) {
      const status = make(current);
      const before = statusOf(current);
      if (isDeepStrictEqual(before, status)) return;
      try {
        await this.#patch(current, before, status);
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error) || tries === triesMax) throw error;
        const fresh = await cluster.api.get(refOf(object));
        if (fresh === undefined || fresh.metadata.uid !== object.metadata.uid) return;
        current = fresh;
      }
    }
  }

  async #patch(object: KubeObject, before: Status, status: Status): Promise<void> {
    const { cluster, events, metrics } = this.#options;
    const written = await cluster.api.patchStatus(
      refOf(object),
      withRemovals(before, status),
      object.metadata.resourceVersion,
    );
    metrics.writes.inc({ verb: "status", kind: object.kind });
    cluster.store(object.kind as "ReverseTunnel" | "TunnelRoute").put(written);
    if (before.status === status.status || !isNews(object, status)) return;
    const telling = status.conditions?.find(({ reason }) => reason === status.status);
    const isGood = status.conditions?.every((one) => one.status === "True") ?? false;
    events.record({
      regarding: object,
      type: isGood ? "Normal" : "Warning",
      reason: status.status ?? "Unknown",
      action: "Reconcile",
      note: telling?.message ?? "",
    });
  }
}

/** Thousands of routes that go live are no news; one that cannot is. */
function isNews({ kind }: KubeObject, { status }: Status): boolean {
  const usual: readonly string[] = [reasons.programmed, reasons.pending, reasons.notReported];
  return kind === "ReverseTunnel" || !usual.includes(status ?? "");
}

function statusOf(object: KubeObject): Status {
  return (object.status ?? {}) as Status;
}

/** A merge patch leaves alone what it does not name. */
function withRemovals(before: Status, status: Status): object {
  const removed = Object.keys(before).filter((key) => !(key in status));
  return { ...status, ...Object.fromEntries(removed.map((key) => [key, null])) };
}

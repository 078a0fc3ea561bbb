import type { Clock } from "../clock.ts";
import type { ClusterApi } from "../cluster-api.ts";
import { isNotFound } from "../kube-error.ts";
import type { Log } from "../log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { annotation } from "../names.ts";
import type { PodState } from "../status/pair-state.ts";

/** Every change of a pod makes its kubelet look at the pod's volumes; its own round takes up to a minute and a half. */
const firstAgainMs = 1_000;
const lastAgainMs = 30_000;
/** Tries at one and the same content; then the kubelet's own round has to do. */
export const triesMax = 12;
/** Pods that are remembered; the oldest are forgotten, and at worst told again. */
export const podsMax = 4_096;

export interface RefresherOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
}

/** What a pod is to have. */
export interface Refresh {
  readonly pod: PodState;
  /** Changes with the content of the pod's volumes. */
  readonly content: string;
  /** Whether the pod has it; undefined: it cannot tell. */
  readonly hasIt: boolean | undefined;
}

interface Tries {
  readonly content: string;
  readonly count: number;
  readonly nextMs: number;
}

/** Makes kubelets bring new content to the pods at once: it touches the pods until they say that they have it. */
export class Refresher {
  readonly #options: RefresherOptions;
  readonly #tries = new Map<string, Tries>();

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Answers when to come back, in ms; undefined: everything is there, or nothing more can be done. Throws KubeError. */
  async refresh(api: ClusterApi, wanted: readonly Refresh[]): Promise<number | undefined> {
    const waits: number[] = [];
    for (const one of wanted) {
      const waitMs = await this.#refresh(api, one);
      if (waitMs !== undefined) waits.push(waitMs);
    }
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  async #refresh(api: ClusterApi, { pod, content, hasIt }: Refresh): Promise<number | undefined> {
    const { clock } = this.#options;
    // Its volumes are still to be made.
    if (!pod.isRunning) return undefined;
    const known = this.#tries.get(pod.uid);
    if (hasIt === true) {
      // A pod that had it from its start is not touched at all.
      this.#remember(pod.uid, { content, count: 0, nextMs: 0 });
      return undefined;
    }
    // One that cannot tell has what there was when it was seen first: it was made with it, or told of it before.
    if (known === undefined && hasIt === undefined)
      this.#remember(pod.uid, { content, count: blindTriesMax, nextMs: 0 });
    const before = this.#triesAt(pod.uid, content);
    if (before.count >= (hasIt === undefined ? blindTriesMax : triesMax)) return undefined;
    if (clock.now() < before.nextMs) return before.nextMs - clock.now();
    const count = before.count + 1;
    const againMs = Math.min(lastAgainMs, firstAgainMs * 2 ** Math.max(0, count - steadyTries));
    this.#remember(pod.uid, { content, count, nextMs: clock.now() + againMs });
    await this.#touch(api, pod, `${content}-${count}`);
    return againMs;
  }

  #triesAt(uid: string, content: string): Tries {
    const known = this.#tries.get(uid);
    return known?.content === content ? known : { content, count: 0, nextMs: 0 };
  }

  async #touch(api: ClusterApi, { namespace, name }: PodState, value: string): Promise<void> {
    const { metrics, log } = this.#options;
    metrics.refreshes.inc();
    log.debug({ pod: `${namespace}/${name}`, value }, "pod told to refresh");
    try {
      await api.patchMeta({ kind: "Pod", namespace, name }, { annotations: { [annotation.refresh]: value } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #remember(uid: string, tries: Tries): void {
    this.#tries.delete(uid);
    this.#tries.set(uid, tries);
    const [oldest] = this.#tries.keys();
    if (this.#tries.size > podsMax && oldest !== undefined) this.#tries.delete(oldest);
  }
}

/** So many come a second apart: live within five seconds, even when the kubelet's cache was late. */
const steadyTries = 4;
const blindTriesMax = 3;

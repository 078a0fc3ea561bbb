import { durationMs } from "@sallyport/proto/duration";
import { namespacesOf } from "../facts.ts";
import type { KubeObject } from "../kube-object.ts";
import { namesOf, selectorOf } from "../names.ts";
import { ownedObject } from "./owned-object.ts";
import { type PodOptions, podTemplate } from "./pod.ts";

/** One router: a Deployment of one pod, so that each has a name, an address and a turn in a rollout of its own. */
export function deployment(options: PodOptions): KubeObject {
  const { tunnel, side, pair } = options;
  const { metadata } = tunnel;
  return ownedObject(
    "Deployment",
    metadata,
    { namespace: namespacesOf(tunnel)[side], name: namesOf(metadata).router(side, pair), side, pair },
    {
      spec: {
        replicas: 1,
        // The next pair's R1 goes when load balancers have noticed this one.
        ...(side === "dmz" ? { minReadySeconds: Math.ceil(durationMs(tunnel.spec.drain.notice) / 1000) } : {}),
        // Two R1s behind one address would make R2 register with either; a new R2 is connected before the old one goes.
        strategy:
          side === "dmz"
            ? { type: "Recreate" }
            : { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        revisionHistoryLimit: 2,
        selector: { matchLabels: selectorOf(metadata, { side, pair }) },
        template: podTemplate(options),
      },
    },
  );
}

import type { ReverseTunnel } from "@sallyport/proto/resource";
import { type Env, namespacesOf } from "../facts.ts";
import type { KubeObject } from "../kube-object.ts";
import { label, namesOf, port, type Side, selectorOf } from "../names.ts";
import { containerPorts } from "./container-ports.ts";
import { ownedObject } from "./owned-object.ts";

const namespaceName = "kubernetes.io/metadata.name";
const anyPod = { namespaceSelector: {} };

/** R1 takes clients and R2s, and dials nothing. Probes come from the node, which no policy keeps out. */
export function dmzPolicy(tunnel: ReverseTunnel): KubeObject {
  const { intranet } = namespacesOf(tunnel);
  const routers = {
    namespaceSelector: { matchLabels: { [namespaceName]: intranet } },
    podSelector: { matchLabels: selectorOf(tunnel.metadata, { side: "intranet" }) },
  };
  const listeners = [...containerPorts(tunnel.spec.dmz.listeners).values()];
  return policy(tunnel, "dmz", {
    ingress: [
      { ports: tcp(...listeners, port.health) },
      { ports: tcp(port.tunnel), from: [routers] },
      { ports: tcp(port.admin), from: [anyPod] },
    ],
    egress: [],
  });
}

/** R2 is called by nobody but those who look after it. What it may dial is its routes' to say. */
export function intranetPolicy(tunnel: ReverseTunnel, env: Env): KubeObject {
  const operator = {
    namespaceSelector: { matchLabels: { [namespaceName]: env.operatorNamespace } },
    podSelector: { matchLabels: { [label.partOf]: "sallyport", [label.component]: "operator" } },
  };
  return policy(tunnel, "intranet", {
    ingress: [
      { ports: tcp(port.admin), from: [anyPod] },
      // An operator outside of the cluster is no pod that one could name; its certificate has to do.
      { ports: tcp(port.operator), ...(env.operatorNamespace === "" ? {} : { from: [operator] }) },
    ],
  });
}

interface Rules {
  readonly ingress: readonly object[];
  /** Left out: everything. Empty: nothing. */
  readonly egress?: readonly object[];
}

function policy(tunnel: ReverseTunnel, side: Side, { ingress, egress }: Rules): KubeObject {
  const { metadata } = tunnel;
  return ownedObject(
    "NetworkPolicy",
    metadata,
    { namespace: namespacesOf(tunnel)[side], name: namesOf(metadata).policy[side], side },
    {
      spec: {
        podSelector: { matchLabels: selectorOf(metadata, { side }) },
        policyTypes: egress === undefined ? ["Ingress"] : ["Ingress", "Egress"],
        ingress,
        ...(egress === undefined ? {} : { egress }),
      },
    },
  );
}

function tcp(...ports: readonly number[]): object[] {
  return ports.map((number) => ({ protocol: "TCP", port: number }));
}

import type { ReverseTunnel } from "@sallyport/proto/resource";
import { namespacesOf } from "../facts.ts";
import type { KubeObject } from "../kube-object.ts";
import { namesOf, port, selectorOf } from "../names.ts";
import { containerPorts } from "./container-ports.ts";
import { ownedObject } from "./owned-object.ts";

/** Where clients call: every R1 that is ready. */
export function clientService(tunnel: ReverseTunnel): KubeObject {
  const { metadata } = tunnel;
  const { listeners, service } = tunnel.spec.dmz;
  const ports = containerPorts(listeners);
  const nodePorts = new Map(service.nodePorts?.map(({ listener, port }) => [listener, port]));
  const { type, annotations, loadBalancerClass, loadBalancerSourceRanges, externalTrafficPolicy } = service;
  return ownedObject(
    "Service",
    metadata,
    { namespace: namespacesOf(tunnel).dmz, name: namesOf(metadata).clientService, side: "dmz", annotations },
    {
      spec: {
        type,
        ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
        ...(loadBalancerSourceRanges === undefined ? {} : { loadBalancerSourceRanges }),
        ...(externalTrafficPolicy === undefined ? {} : { externalTrafficPolicy }),
        selector: selectorOf(metadata, { side: "dmz" }),
        ports: listeners.map(({ name, port }) => ({
          name,
          protocol: "TCP",
          port,
          targetPort: ports.get(name)!,
          ...(nodePorts.has(name) ? { nodePort: nodePorts.get(name)! } : {}),
        })),
      },
    },
  );
}

/** Where R2s dial one R1. It is ready only once an R2 is connected, so they have to find it before. */
export function tunnelService(tunnel: ReverseTunnel, pair: number): KubeObject {
  const { metadata } = tunnel;
  return ownedObject(
    "Service",
    metadata,
    { namespace: namespacesOf(tunnel).dmz, name: namesOf(metadata).router("dmz", pair), side: "dmz", pair },
    {
      spec: {
        type: "ClusterIP",
        publishNotReadyAddresses: true,
        selector: selectorOf(metadata, { side: "dmz", pair }),
        ports: [{ name: "tunnel", protocol: "TCP", port: port.tunnel, targetPort: port.tunnel }],
      },
    },
  );
}

import type { KubeObject } from "../operator/kube-object.ts";

/** How much the operator is given. */
export interface Size {
  readonly tunnels: number;
  readonly routes: number;
}

/** What there is of people's own: namespaces and Services first, then tunnels of one pair each, then their routes. */
export interface Documents {
  readonly surroundings: readonly KubeObject[];
  readonly tunnels: readonly KubeObject[];
  readonly routes: readonly KubeObject[];
}

const sallyport = "sallyport.dev/v1alpha1";
const tunnelsPerNamespace = 10;

/** The routes are spread evenly over the tunnels, and ten tunnels share a namespace on either side. */
export function documentsOf({ tunnels, routes }: Size): Documents {
  const places = Array.from({ length: Math.ceil(tunnels / tunnelsPerNamespace) }, (_, place) => place);
  const homeOf = (tunnel: number): number => Math.floor(tunnel / tunnelsPerNamespace);
  return {
    surroundings: places.flatMap((place) => [namespace(`home-${place}`), dmz(place), service(`home-${place}`)]),
    tunnels: Array.from({ length: tunnels }, (_, tunnel) => reverseTunnel(tunnel, homeOf(tunnel))),
    routes: Array.from({ length: routes }, (_, route) => tunnelRoute(route, route % tunnels, homeOf(route % tunnels))),
  };
}

/** The route with another path: the nth edit of it. */
export function edited(route: KubeObject, edit: number): KubeObject {
  const { name } = route.metadata;
  const spec = route.spec as object;
  return { ...route, spec: { ...spec, matches: [{ path: { type: "PathPrefix", value: `/${name}/edit-${edit}` } }] } };
}

function namespace(name: string, labels: Readonly<Record<string, string>> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function dmz(place: number): KubeObject {
  return namespace(`dmz-${place}`, { "sallyport.dev/tunnels-from": `home-${place}` });
}

function service(home: string): KubeObject {
  return {
    ...{ apiVersion: "v1", kind: "Service", metadata: { name: "calc", namespace: home } },
    spec: { selector: { app: "calc" }, ports: [{ name: "http", port: 80 }] },
  };
}

function reverseTunnel(tunnel: number, place: number): KubeObject {
  return {
    ...{ apiVersion: sallyport, kind: "ReverseTunnel" },
    metadata: { name: `tunnel-${tunnel}`, namespace: `home-${place}` },
    spec: {
      pairs: 1,
      dmz: { namespace: `dmz-${place}`, listeners: [{ name: "http", protocol: "HTTP", port: 80 }] },
    },
  };
}

function tunnelRoute(route: number, tunnel: number, place: number): KubeObject {
  const name = `route-${route}`;
  return {
    ...{ apiVersion: sallyport, kind: "TunnelRoute", metadata: { name, namespace: `home-${place}` } },
    spec: {
      parentRefs: [{ name: `tunnel-${tunnel}` }],
      matches: [{ path: { type: "PathPrefix", value: `/${name}` } }],
      backendRefs: [{ name: "calc", port: 80 }],
    },
  };
}

import { emptyOpen, type Open } from "@sallyport/proto/frame";
import { apiVersion, type TunnelRoute, tunnelRouteSchema } from "@sallyport/proto/resource";

/** For tests: documents and calls with only what a test is about. */

export interface SampleRoute {
  readonly name?: string;
  readonly namespace?: string;
  readonly creationTimestamp?: string;
  readonly parentRefs?: readonly object[];
  readonly matches?: readonly object[];
  readonly backendRefs?: readonly object[];
  readonly limits?: object;
  readonly retry?: object;
}

export const sampleTunnel = { namespace: "default", name: "partners" };

export function sampleRoute({ name, namespace, creationTimestamp, ...spec }: SampleRoute): TunnelRoute {
  return tunnelRouteSchema.parse({
    apiVersion,
    kind: "TunnelRoute",
    metadata: { name: name ?? "calc", namespace: namespace ?? "default", creationTimestamp },
    spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: "http://calc:80" }], ...spec },
  });
}

/** A GET of "/" but for what is given; `headers` by name. */
export function sampleOpen({ headers, ...open }: Omit<Partial<Open>, "headers"> & { headers?: object } = {}): Open {
  return { ...emptyOpen, method: "GET", target: "/", ...open, headers: Object.entries(headers ?? {}).flat() };
}

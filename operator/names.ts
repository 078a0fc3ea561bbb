import { createHash } from "node:crypto";
import { keyOf } from "./kube-object.ts";

/** Names, labels and ports of what the operator makes: docs/adr/0011. */

export interface TunnelKey {
  readonly namespace: string;
  readonly name: string;
}

export type Side = "dmz" | "intranet";

export const nameLengthMax = 63;

/** The longest of what comes behind the prefix: "-operator-tls". */
const suffixLengthMax = "-operator-tls".length;

/** So many that nobody finds a name with another tunnel's hash, which would select that one's pods. */
const hashLength = 20;

/** The first 20 hexadecimal digits of the SHA-256 of "namespace/name". */
export function tunnelHash(tunnel: TunnelKey): string {
  return createHash("sha256").update(keyOf(tunnel)).digest("hex").slice(0, hashLength);
}

/** What the name of everything of the tunnel starts with. */
export function prefixOf(tunnel: TunnelKey): string {
  const roomForName = nameLengthMax - "sp--".length - hashLength - suffixLengthMax;
  // A name of a Service has no dots.
  const cut = tunnel.name.replaceAll(".", "-").slice(0, roomForName).replace(/-+$/, "");
  return `sp-${cut}-${tunnelHash(tunnel)}`;
}

export interface TunnelNames {
  readonly prefix: string;
  readonly clientService: string;
  readonly config: Readonly<Record<Side, string>>;
  readonly identity: Readonly<Record<Side | "operator" | "ca", string>>;
  readonly budget: Readonly<Record<Side, string>>;
  readonly policy: Readonly<Record<Side, string>>;
  readonly routes: string;
  readonly shard: (index: number) => string;
  /** The Deployment of pair `index`, and of R1 its Service. */
  readonly router: (side: Side, index: number) => string;
}

export function namesOf(tunnel: TunnelKey): TunnelNames {
  const prefix = prefixOf(tunnel);
  const bySide = { dmz: `${prefix}-r1`, intranet: `${prefix}-r2` };
  return {
    prefix,
    clientService: prefix,
    config: bySide,
    budget: bySide,
    policy: bySide,
    identity: {
      dmz: `${prefix}-r1-tls`,
      intranet: `${prefix}-r2-tls`,
      operator: `${prefix}-operator-tls`,
      ca: `${prefix}-ca`,
    },
    routes: `${prefix}-routes`,
    shard: (index) => `${prefix}-routes-${index}`,
    router: (side, index) => `${bySide[side]}-${index}`,
  };
}

export const fieldManager = "sallyport-operator";
export const finalizer = "sallyport.dev/tunnel-cleanup";

export const label = {
  name: "app.kubernetes.io/name",
  instance: "app.kubernetes.io/instance",
  /** Of the operator's own pods, as the chart makes them. */
  component: "app.kubernetes.io/component",
  partOf: "app.kubernetes.io/part-of",
  managedBy: "app.kubernetes.io/managed-by",
  tunnel: "sallyport.dev/tunnel",
  side: "sallyport.dev/side",
  pair: "sallyport.dev/pair",
} as const;

export const annotation = {
  /** "namespace/name" of the tunnel. */
  tunnel: "sallyport.dev/tunnel",
  /** Of pods: makes the kubelet refresh their volumes. */
  refresh: "sallyport.dev/refresh",
  /** Of what was applied last: tells that a field was taken back. */
  applied: "sallyport.dev/applied",
  /** Of a pod template: what a router reads only when it starts. */
  restart: "sallyport.dev/restart",
} as const;

/** On a namespace: the tunnels of which namespace may place routers there; or "All". */
export const tunnelsFromLabel = "sallyport.dev/tunnels-from";

export const closedNamespaces: readonly string[] = ["kube-system", "kube-public", "kube-node-lease"];

export interface LabelOptions {
  readonly side?: Side;
  readonly pair?: number;
}

/** The labels of an object of the tunnel. */
export function labelsOf(tunnel: TunnelKey, { side, pair }: LabelOptions = {}): Record<string, string> {
  return {
    [label.name]: side === undefined ? "sallyport" : { dmz: "sallyport-r1", intranet: "sallyport-r2" }[side],
    [label.instance]: prefixOf(tunnel),
    [label.partOf]: "sallyport",
    [label.managedBy]: fieldManager,
    [label.tunnel]: tunnelHash(tunnel),
    ...(side === undefined ? {} : { [label.side]: side }),
    ...(pair === undefined ? {} : { [label.pair]: String(pair) }),
  };
}

/** What selects the pods of a side, or of one pair's router on it. */
export function selectorOf(tunnel: TunnelKey, { side, pair }: LabelOptions): Record<string, string> {
  return {
    [label.tunnel]: tunnelHash(tunnel),
    ...(side === undefined ? {} : { [label.side]: side }),
    ...(pair === undefined ? {} : { [label.pair]: String(pair) }),
  };
}

/** The label selector of everything that the operator makes. */
export const ownedSelector = `${label.managedBy}=${fieldManager}`;

/** Ports of the containers. */
export const port = { tunnel: 7443, health: 8085, admin: 8086, operator: 7444 } as const;

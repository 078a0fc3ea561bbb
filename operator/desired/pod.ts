import { durationMs } from "@sallyport/proto/duration";
import type { PodTemplate } from "@sallyport/proto/pod-template";
import type { ReverseTunnel } from "@sallyport/proto/resource";
import { manifestFile, shardsMax } from "@sallyport/proto/route-shards";
import type { Env } from "../facts.ts";
import { keyOf } from "../kube-object.ts";
import { annotation, label, labelsOf, namesOf, port, type Side, selectorOf, tunnelHash } from "../names.ts";
import { containerPorts } from "./container-ports.ts";
import { shardFile } from "./route-shards.ts";
import { configFile, directory } from "./router-config.ts";

export interface PodOptions {
  readonly tunnel: ReverseTunnel;
  readonly side: Side;
  readonly pair: number;
  readonly restartHash: string;
  readonly env: Env;
}

/** Not root, and no name anyone has: the images' own user. */
const userId = 65_532;
/** Between the end of the drain and SIGKILL. */
const marginSeconds = 10;

const containerName = { dmz: "r1", intranet: "r2" } as const;

/** A router's pod. It holds under the Pod Security Standard `restricted`, and no token of the cluster is in it. */
export function podTemplate({ tunnel, side, pair, restartHash, env }: PodOptions): object {
  const template = tunnel.spec[side].template;
  const pullSecrets = [...env.imagePullSecrets.map((name) => ({ name })), ...(template.imagePullSecrets ?? [])];
  return {
    metadata: {
      labels: { ...template.labels, ...labelsOf(tunnel.metadata, { side, pair }) },
      annotations: {
        ...template.annotations,
        [annotation.tunnel]: keyOf(tunnel.metadata),
        [annotation.restart]: restartHash,
      },
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: graceSeconds(tunnel, side),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: userId,
        runAsGroup: userId,
        // Makes the files of Secrets, 0440, readable.
        fsGroup: userId,
        seccompProfile: { type: "RuntimeDefault" },
      },
      ...placement(template, tunnel, side, pair),
      ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets }),
      containers: [container(tunnel, side, env)],
      volumes: volumes(tunnel, side),
    },
  };
}

/** How long a router may take to finish its calls. R1 first lets load balancers notice. */
export function graceSeconds(tunnel: ReverseTunnel, side: Side): number {
  const { notice, timeout } = tunnel.spec.drain;
  const noticeMs = side === "dmz" ? durationMs(notice) : 0;
  return Math.ceil((noticeMs + durationMs(timeout)) / 1000) + marginSeconds;
}

function container(tunnel: ReverseTunnel, side: Side, env: Env): object {
  const { dmzImage, intranetImage, imagePullPolicy } = env;
  return {
    name: containerName[side],
    image: side === "dmz" ? dmzImage : intranetImage,
    imagePullPolicy,
    args: [containerName[side], "--config", `${directory.config}/${configFile[side]}`],
    ports: ports(tunnel, side),
    resources: tunnel.spec[side].template.resources ?? defaultResources,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    startupProbe: { ...probe("/livez", port.admin), periodSeconds: 1, failureThreshold: 60 },
    livenessProbe: { ...probe("/livez", port.admin), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: {
      ...(side === "dmz" ? probe("/healthcheck", port.health) : probe("/readyz", port.admin)),
      periodSeconds: 2,
      failureThreshold: 2,
    },
    volumeMounts: [
      { name: "config", mountPath: directory.config, readOnly: true },
      { name: "identity", mountPath: directory.identity, readOnly: true },
      ...(side === "dmz" ? [] : [{ name: "routes", mountPath: directory.routes, readOnly: true }]),
    ],
  };
}

/** Room for the routers' default budgets; no limit of CPU, which would only add to latency. */
const defaultResources = { requests: { cpu: "100m", memory: "192Mi" }, limits: { memory: "512Mi" } };

function probe(path: string, at: number): object {
  return { httpGet: { path, port: at, scheme: "HTTP" }, timeoutSeconds: 3, successThreshold: 1 };
}

function ports(tunnel: ReverseTunnel, side: Side): object[] {
  const named = (name: string, containerPort: number) => ({ name, containerPort, protocol: "TCP" });
  if (side === "intranet") return [named("admin", port.admin), named("operator", port.operator)];
  // A listener's name may be longer than a port's may be, so theirs have none.
  const listeners = [...containerPorts(tunnel.spec.dmz.listeners).values()];
  return [
    ...[named("tunnel", port.tunnel), named("health", port.health), named("admin", port.admin)],
    ...listeners.map((containerPort) => ({ containerPort, protocol: "TCP" })),
  ];
}

function volumes(tunnel: ReverseTunnel, side: Side): object[] {
  const names = namesOf(tunnel.metadata);
  const secretName = tunnel.spec.identity.secrets?.[side].secretName ?? names.identity[side];
  const both = [
    { name: "config", configMap: { name: names.config[side], defaultMode: 0o444 } },
    { name: "identity", secret: { secretName, defaultMode: 0o440 } },
  ];
  if (side === "dmz") return both;
  // All shards there can be, so that a new one needs no new pod.
  const shards = Array.from({ length: shardsMax }, (_, index) => source(names.shard(index), shardFile(index)));
  const sources = [source(names.routes, manifestFile), ...shards];
  return [...both, { name: "routes", projected: { defaultMode: 0o444, sources } }];
}

function source(name: string, file: string): object {
  return { configMap: { name, optional: true, items: [{ key: file, path: file }] } };
}

function placement(template: PodTemplate, tunnel: ReverseTunnel, side: Side, pair: number): object {
  const { nodeSelector, tolerations, priorityClassName } = template;
  return {
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(priorityClassName === undefined ? {} : { priorityClassName }),
    ...(tunnel.spec.pairs === 1 && template.affinity === undefined
      ? {}
      : { affinity: affinity(template, tunnel, side, pair) }),
    ...(tunnel.spec.pairs === 1 ? {} : { topologySpreadConstraints: [acrossZones(tunnel, side)] }),
  };
}

interface Affinity {
  readonly podAntiAffinity?: {
    readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly object[];
    readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly object[];
  };
  readonly [field: string]: unknown;
}

/** Keeps the routers of different pairs apart; those of one pair not, or its next pod would wait for another node. */
function affinity(template: PodTemplate, tunnel: ReverseTunnel, side: Side, pair: number): object {
  const given = (template.affinity ?? {}) as Affinity;
  if (tunnel.spec.pairs === 1) return given;
  const term = {
    topologyKey: "kubernetes.io/hostname",
    labelSelector: {
      matchLabels: selectorOf(tunnel.metadata, { side }),
      matchExpressions: [{ key: label.pair, operator: "NotIn", values: [String(pair)] }],
    },
  };
  const apart = given.podAntiAffinity ?? {};
  const required = apart.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const preferred = apart.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const podAntiAffinity =
    template.spread === "Required"
      ? { ...apart, requiredDuringSchedulingIgnoredDuringExecution: [...required, term] }
      : {
          ...apart,
          preferredDuringSchedulingIgnoredDuringExecution: [...preferred, { weight: 100, podAffinityTerm: term }],
        };
  return { ...given, podAntiAffinity };
}

function acrossZones(tunnel: ReverseTunnel, side: Side): object {
  return {
    maxSkew: 1,
    topologyKey: "topology.kubernetes.io/zone",
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: { [label.tunnel]: tunnelHash(tunnel.metadata), [label.side]: side } },
  };
}

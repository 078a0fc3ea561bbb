import type { Values } from "./render.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

/** Every value of the chart is set by one of these to something else than its default: chart.test.ts checks that. */
export const cases: Readonly<Record<string, Values>> = {
  default: {},
  // As a registry of one's own, in three namespaces, wants it.
  "watched-namespaces": {
    watchNamespaces: ["apps", "dmz", "tunnels"],
    leaderElection: { namespace: "leases" },
    trustDomain: "example.org",
    clusterDomain: "cluster.example",
    logLevel: "debug",
    crds: { keep: false },
    image: { registry: "images.example.com", repository: "mirror/operator", digest, pullPolicy: "Always" },
    imagePullSecrets: [{ name: "mirror" }],
    routers: {
      dmz: { image: { registry: "images.example.com", repository: "mirror/r1", tag: "1.2.3", digest } },
      intranet: { image: { registry: "images.example.com", repository: "mirror/r2", tag: "1.2.3", digest } },
      pullPolicy: "Always",
      imagePullSecrets: [{ name: "mirror" }, { name: "other" }],
    },
    prometheus: { podMonitor: { enabled: true } },
  },
  monitoring: {
    service: { port: 9090, annotations: { "example.com/scrape": "yes" } },
    prometheus: {
      serviceMonitor: {
        ...{ enabled: true, namespace: "monitoring", interval: "15s", scrapeTimeout: "5s" },
        ...{ labels: { release: "prometheus" }, annotations: { "example.com/owner": "platform" } },
      },
      podMonitor: {
        ...{ enabled: true, namespace: "monitoring", interval: "15s", scrapeTimeout: "5s" },
        ...{ labels: { release: "prometheus" }, annotations: { "example.com/owner": "platform" } },
      },
      rules: {
        ...{ enabled: true, namespace: "monitoring", runbookBaseUrl: "https://docs.example.com/sallyport/" },
        ...{ labels: { release: "prometheus" }, annotations: { "example.com/owner": "platform" } },
      },
    },
    grafana: {
      dashboard: {
        ...{ enabled: true, namespace: "monitoring", label: "dashboards.example.com", labelValue: "yes" },
        ...{
          folderAnnotation: "folder.example.com",
          folder: "Tunnels",
          annotations: { "example.com/owner": "platform" },
        },
      },
    },
  },
  "high-availability": {
    replicas: 2,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    revisionHistoryLimit: 3,
    podDisruptionBudget: { enabled: true, minAvailable: 1 },
    networkPolicy: {
      enabled: true,
      metricsFrom: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
      apiServerPorts: [443, 6443, 8443],
      extraEgress: [{ to: [{ ipBlock: { cidr: "192.0.2.0/24" } }] }],
    },
    priorityClassName: "system-cluster-critical",
    terminationGracePeriodSeconds: 20,
    nodeSelector: { "kubernetes.io/os": "linux", "example.com/pool": "infra" },
    tolerations: [{ key: "example.com/infra", operator: "Exists" }],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: "kubernetes.io/hostname",
            labelSelector: { matchLabels: { "app.kubernetes.io/component": "operator" } },
          },
        ],
      },
    },
    topologySpreadConstraints: [
      {
        ...{ maxSkew: 1, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
        labelSelector: { matchLabels: { "app.kubernetes.io/component": "operator" } },
      },
    ],
    resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { cpu: "1", memory: "1Gi" } },
    livenessProbe: { periodSeconds: 20 },
    readinessProbe: { periodSeconds: 20 },
  },
  "percentage-budget": { podDisruptionBudget: { enabled: true, maxUnavailable: "50%" }, replicas: 3 },
  extras: {
    ...{ nameOverride: "gate", fullnameOverride: "gate", commonLabels: { "example.com/team": "edge" } },
    ...{ deploymentAnnotations: { "example.com/a": "1" }, podAnnotations: { "example.com/b": "2" } },
    podLabels: { "example.com/c": "3" },
    image: { tag: "1.2.3" },
    podSecurityContext: { runAsUser: 20000, runAsGroup: 20000 },
    securityContext: { runAsNonRoot: true },
    extraArgs: ["--resync-seconds=60"],
    extraEnv: [{ name: "HTTPS_PROXY", value: "http://proxy.example.com:3128" }],
    extraVolumes: [{ name: "cas", configMap: { name: "cas" } }],
    extraVolumeMounts: [{ name: "cas", mountPath: "/etc/cas", readOnly: true }],
    extraObjects: [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "{{ .Release.Name }}-cas" }, data: { "ca.crt": "" } },
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-text\n",
    ],
    serviceAccount: { name: "gate-operator", annotations: { "example.com/role": "gate" } },
    tests: { node: "/usr/local/bin/node" },
  },
  "operator-alone": {
    crds: { enabled: false },
    serviceAccount: { create: false },
    rbac: { create: false, aggregateClusterRoles: false },
    service: { enabled: false },
    tests: { enabled: false },
    prometheus: { podMonitor: { enabled: true } },
  },
};

/** The longest names that Helm lets one give. */
export const longestRelease = "release-".padEnd(53, "x");

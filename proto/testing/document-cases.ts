/** Documents on whose fate the schemas here and the API server must agree, each by a sentence. */

export interface Document {
  readonly apiVersion: "sallyport.dev/v1alpha1";
  readonly kind: "ReverseTunnel" | "TunnelRoute";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: object;
}

export interface RefusedDocument {
  readonly document: Document;
  /** Part of the API server's message: what would mend it. */
  readonly mend: string;
}

type Fields = Readonly<Record<string, unknown>>;

const apiVersion = "sallyport.dev/v1alpha1";
const http = { name: "http", protocol: "HTTP", port: 8080 };

function tunnel(spec: Fields = {}, name = "partners"): Document {
  const metadata = { name, namespace: "default" };
  return { apiVersion, kind: "ReverseTunnel", metadata, spec: { dmz: { listeners: [http] }, ...spec } };
}

const dmz = (fields: Fields) => tunnel({ dmz: { listeners: [http], ...fields } });
const listener = (fields: Fields) => dmz({ listeners: [{ ...http, ...fields }] });
const service = (fields: Fields) => dmz({ service: fields });
const template = (fields: Fields) => tunnel({ intranet: { template: fields } });
const identity = (fields: Fields) => tunnel({ identity: fields });
const namespaces = (fields: Fields) => listener({ allowedRoutes: { namespaces: fields } });

function route(spec: Fields = {}, name = "calc"): Document {
  const metadata = { name, namespace: "default" };
  const parentRefs = [{ name: "partners" }];
  return {
    apiVersion,
    kind: "TunnelRoute",
    metadata,
    spec: { parentRefs, backendRefs: [{ url: "http://x" }], ...spec },
  };
}

const match = (fields: Fields) => route({ matches: [fields] });
const backend = (fields: Fields) => route({ backendRefs: [fields] });

const secrets = {
  dmz: { secretName: "r1" },
  intranet: { secretName: "r2.example" },
  operator: { secretName: "operator" },
};
const textByKey = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));
const many = <Entry>(count: number, entry: (index: number) => Entry) =>
  Array.from({ length: count }, (_, i) => entry(i));

export const takenDocuments: Readonly<Record<string, Document>> = {
  "a tunnel with a listener and nothing else": tunnel(),
  "a tunnel with a name of 63 characters": tunnel({}, "a".repeat(63)),
  "a tunnel with one field of each group, or none": tunnel({
    dmz: {
      listeners: [{ ...http, allowedRoutes: {} }],
      ...{ service: { annotations: {} }, tunnelEndpoint: {}, quotas: { callsPerClientMax: 1 } },
      ...{ waiting: { callsMax: 1 }, template: { labels: {}, tolerations: [{ key: "dmz" }] } },
    },
    ...{ intranet: { template: {} }, pool: { max: 3 }, identity: { certificate: {} }, drain: { notice: "1s" } },
  }),
  "a tunnel that leaves one field of each group out": tunnel({
    dmz: { listeners: [http], waiting: { timeout: "1s" }, quotas: { callsMax: 1, callsPerSecondPerClient: 1 } },
    ...{ pool: { min: 3 }, drain: { timeout: "1s" }, identity: { issuerRef: { name: "corporate" } } },
  }),
  "a tunnel of one pair": tunnel({ pairs: 1 }),
  "a tunnel of 16 pairs": tunnel({ pairs: 16 }),
  "64 listeners": dmz({
    listeners: many(64, (index) => ({ name: `l${index}`, protocol: "HTTP", port: 8000 + index })),
  }),
  "a listener with the name of another port than R1's": listener({ name: "operator" }),
  "a listener for routes of every namespace": namespaces({ from: "All" }),
  "a listener for routes of its own namespace": namespaces({ from: "Same" }),
  "a listener for routes of namespaces with a label": namespaces({
    from: "Selector",
    selector: { matchLabels: { "example.com/team": "sums" } },
  }),
  "a listener for routes of namespaces that fit expressions": namespaces({
    from: "Selector",
    selector: {
      matchExpressions: [
        { key: "env", operator: "In", values: ["test", "prod"] },
        { key: "env", operator: "NotIn", values: ["dev"] },
        { key: "closed", operator: "DoesNotExist" },
        { key: "open", operator: "Exists", values: [] },
      ],
    },
  }),
  "a Service of type LoadBalancer with all there is to it": service({
    type: "LoadBalancer",
    annotations: { "service.example.com/internal": "true" },
    loadBalancerClass: "example.com/lb",
    loadBalancerSourceRanges: ["192.0.2.0/24"],
    externalTrafficPolicy: "Local",
    nodePorts: [{ listener: "http", port: 30080 }],
  }),
  "a Service of type NodePort": service({ type: "NodePort", externalTrafficPolicy: "Cluster" }),
  "a Service of type ClusterIP": service({ type: "ClusterIP" }),
  "a tunnel endpoint of type ClusterIP": dmz({ tunnelEndpoint: { type: "ClusterIP" } }),
  "quotas of all kinds": dmz({ quotas: { callsMax: 0, callsPerClientMax: 1, callsPerSecondPerClient: 1_000_000 } }),
  "calls that wait not at all": dmz({ waiting: { callsMax: 0, timeout: "0s" } }),
  "calls that wait for a duration of several units": dmz({ waiting: { timeout: "1m30s500ms" } }),
  "namespaces of their own": tunnel({ dmz: { namespace: "dmz", listeners: [http] }, intranet: { namespace: "apps" } }),
  "allowed destinations of all forms": tunnel({
    intranet: {
      allowedDestinations: ["*", "calc.example.com", "*.example.com:8080", "192.0.2.1", "[2001:db8::1]:80", "*:443"],
    },
  }),
  "a pool as wide as it may be": tunnel({ pool: { min: 1, max: 256 } }),
  "a pool of one size": tunnel({ pool: { min: 16 } }),
  "a template with everything": template({
    labels: { team: "sums", empty: "" },
    annotations: { "example.com/scrape": "true", long: "x".repeat(4096) },
    resources: {
      requests: { cpu: "500m", memory: "256Mi", "ephemeral-storage": 0 },
      limits: { cpu: 2, memory: "1e9" },
    },
    nodeSelector: { "node-role.kubernetes.io/dmz": "" },
    tolerations: [
      { operator: "Exists" },
      { key: "dmz", value: "only", effect: "NoExecute", tolerationSeconds: 30 },
      { key: "dmz", operator: "Exists", effect: "NoSchedule" },
    ],
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    spread: "Required",
    imagePullSecrets: [{ name: "registry" }, { name: "registry.two" }],
    priorityClassName: "system-cluster-critical",
  }),
  "32 labels": template({ labels: textByKey(32) }),
  "an issuer of cert-manager": identity({ issuerRef: { name: "corporate", kind: "ClusterIssuer" } }),
  "an issuer of another group": identity({ issuerRef: { name: "corporate", kind: "AwsIssuer", group: "example.com" } }),
  "Secrets of one's own": identity({ secrets }),
  "certificates of another length": identity({ certificate: { duration: "24h", renewBefore: "8h" } }),
  "a drain of no time": tunnel({ drain: { notice: "0s", timeout: "0ms" } }),
  "a log level": tunnel({ logLevel: "debug" }),
  "a route with a parent and a destination": route(),
  "a route with dots in its name": route({}, "calc.v2"),
  "a route to a listener of a tunnel elsewhere": route({
    parentRefs: [{ name: "partners", namespace: "tunnels", sectionName: "http" }],
  }),
  "a route without matches": route({ matches: [] }),
  "T9: a match by everything at once": match({
    soap: {
      action: { type: "RegularExpression", value: "urn:(a|b)\\.[A-Z]+" },
      header: { name: "Mandant_1", namespace: "urn:x", type: "Contains", value: "test" },
    },
    path: { value: "/calc" },
    host: "*.example.com",
    method: "POST",
    headers: [{ name: "X-Tenant", value: "a" }],
    queryParams: [{ name: "v", type: "Prefix", value: "1?#" }],
  }),
  "T9: a path by an expression": match({ path: { type: "RegularExpression", value: "/v[0-9]+(/.*)?" } }),
  "T9: a path alone": match({ path: { type: "Exact", value: "/" } }),
  "a match of nothing, which fits everything": match({}),
  "64 matches": route({ matches: many(64, (index) => ({ host: `h${index}` })) }),
  "limits and retries": route({ limits: { maxCalls: 1, callsPerSecond: 1_000_000 }, retry: { onLinkLoss: "Always" } }),
  "a limit alone, and retries as they are by default": route({ limits: { maxCalls: 10 }, retry: {} }),
  "destinations of both kinds, shared out": route({
    backendRefs: [
      { name: "calc", namespace: "apps", port: 80, weight: 3 },
      { url: "https://calc.example.com:8443/", weight: 0 },
      { url: "http://[::1]:8080" },
    ],
  }),
};

export const refusedDocuments: Readonly<Record<string, RefusedDocument>> = {
  "a tunnel without a DMZ": {
    document: { ...tunnel(), spec: {} },
    mend: "spec.dmz: Required value",
  },
  "a tunnel without listeners": { document: dmz({ listeners: [] }), mend: "should have at least 1 items" },
  "65 listeners": {
    document: dmz({ listeners: many(65, (index) => ({ name: `l${index}`, protocol: "HTTP", port: 8000 + index })) }),
    mend: "must have at most 64 items",
  },
  "a tunnel with a name of 64 characters": {
    document: tunnel({}, "a".repeat(64)),
    mend: "must have a name of at most 63 characters; shorten metadata.name",
  },
  "a tunnel with a dot in its name": {
    document: tunnel({}, "partners.test"),
    mend: "must have a name without dots, since Services are named after it; change metadata.name",
  },
  "no pair": { document: tunnel({ pairs: 0 }), mend: "should be greater than or equal to 1" },
  "17 pairs": { document: tunnel({ pairs: 17 }), mend: "should be less than or equal to 16" },
  "pairs as text": { document: tunnel({ pairs: "2" }), mend: 'must be of type integer: "string"' },
  "a field that is misspelt": {
    document: dmz({ listener: [] }),
    mend: 'unknown field "spec.dmz.listener"',
  },
  "a field of the design that is not served yet": {
    document: dmz({ clusterRef: { secretName: "dmz" } }),
    mend: 'unknown field "spec.dmz.clusterRef"',
  },
  "a listener without a port": {
    document: dmz({ listeners: [{ name: "http", protocol: "HTTP" }] }),
    mend: "spec.dmz.listeners[0].port: Required value",
  },
  "a listener on port 0": { document: listener({ port: 0 }), mend: "should be greater than or equal to 1" },
  "a listener of a protocol to come": { document: listener({ protocol: "HTTPS" }), mend: 'supported values: "HTTP"' },
  "a listener with a name in capitals": {
    document: listener({ name: "Web" }),
    mend: "must be a Kubernetes label: lower-case letters, digits and '-', a letter or digit at each end",
  },
  "a listener with the name of a port of R1's": {
    document: listener({ name: "health" }),
    mend: "must have another name than a router's own ports (tunnel, health, admin); choose one",
  },
  "two listeners of one name": {
    document: dmz({ listeners: [http, { ...http, port: 8081 }] }),
    mend: 'Duplicate value: {"name":"http"}',
  },
  "two listeners on one port": {
    document: dmz({ listeners: [http, { ...http, name: "more" }] }),
    mend: "must each have a port of their own; give one of those with the same port another one",
  },
  "namespaces of a kind that there is not": {
    document: namespaces({ from: "Some" }),
    mend: '"Same", "All", "Selector"',
  },
  "a selector without from: Selector": {
    document: namespaces({ selector: { matchLabels: { a: "b" } } }),
    mend: "must have a selector with from: Selector, and none otherwise; give or leave out selector",
  },
  "from: Selector without a selector": {
    document: namespaces({ from: "Selector" }),
    mend: "must have a selector with from: Selector, and none otherwise; give or leave out selector",
  },
  "a selector by a value that no label has": {
    document: namespaces({ from: "Selector", selector: { matchLabels: { team: "a b" } } }),
    mend: "must be a label's value: letters, digits, '-', '_' and '.', a letter or digit at each end",
  },
  "an expression without the values that it needs": {
    document: namespaces({ from: "Selector", selector: { matchExpressions: [{ key: "env", operator: "In" }] } }),
    mend: "must have values with operator In or NotIn; give at least one",
  },
  "an expression with values that it does not need": {
    document: namespaces({
      from: "Selector",
      selector: { matchExpressions: [{ key: "env", operator: "Exists", values: ["a"] }] },
    }),
    mend: "must have no values with operator Exists or DoesNotExist; leave values out",
  },
  "a fixed port of nodes that no listener has": {
    document: service({ type: "NodePort", nodePorts: [{ listener: "web", port: 30080 }] }),
    mend: "must name listeners in service.nodePorts that are there; correct the name, or leave the entry out",
  },
  "fixed ports of nodes without any": {
    document: service({ nodePorts: [{ listener: "http", port: 30080 }] }),
    mend: "leave them out, or take type NodePort or LoadBalancer",
  },
  "a traffic policy within the cluster": {
    document: service({ type: "ClusterIP", externalTrafficPolicy: "Local" }),
    mend: "leave them out, or take type NodePort or LoadBalancer",
  },
  "a load balancer's class without one": {
    document: service({ type: "NodePort", loadBalancerClass: "example.com/lb" }),
    mend: "leave them out, or take that type",
  },
  "a Service of a type that there is not": {
    document: service({ type: "ExternalName" }),
    mend: '"ClusterIP", "NodePort", "LoadBalancer"',
  },
  "a tunnel endpoint of a type to come": {
    document: dmz({ tunnelEndpoint: { type: "LoadBalancer" } }),
    mend: 'supported values: "ClusterIP"',
  },
  "an annotation with a key that none has": {
    document: service({ annotations: { "a b": "c" } }),
    mend: 'must have keys such as "app" or "example.com/app"; rename the other ones',
  },
  "33 labels": { document: template({ labels: textByKey(33) }), mend: "must have at most 32 items" },
  "a label of the operator's": {
    document: template({ labels: { "app.kubernetes.io/name": "mine" } }),
    mend: "must leave app.kubernetes.io/ and sallyport.dev/ to the operator; choose another prefix",
  },
  "an amount of memory in other units": {
    document: template({ resources: { limits: { memory: "256MB" } } }),
    mend: "should match",
  },
  "a resource that routers do not use": {
    document: template({ resources: { limits: { "nvidia.com/gpu": 1 } } }),
    mend: 'unknown field "spec.intranet.template.resources.limits.nvidia.com/gpu"',
  },
  "a toleration of a value with operator Exists": {
    document: template({ tolerations: [{ key: "dmz", operator: "Exists", value: "only" }] }),
    mend: "must have no value with operator Exists; leave value out, or take operator Equal",
  },
  "a toleration of no key with operator Equal": {
    document: template({ tolerations: [{ value: "only" }] }),
    mend: "must have a key with operator Equal; give the taint's key, or operator Exists for every taint",
  },
  "two image pull secrets of one name": {
    document: template({ imagePullSecrets: [{ name: "a" }, { name: "a" }] }),
    mend: 'Duplicate value: {"name":"a"}',
  },
  "a duration without a unit": {
    document: dmz({ waiting: { timeout: "30" } }),
    mend: 'must be a duration such as "30s", "1h30m" or "500ms"; put the unit behind the number',
  },
  "a duration in days": {
    document: identity({ certificate: { duration: "90d" } }),
    mend: 'must be a duration such as "30s", "1h30m" or "500ms"; put the unit behind the number',
  },
  "a duration that is too long": {
    document: dmz({ waiting: { timeout: "61m" } }),
    mend: 'must be from 0s to 1h; give a duration such as "0s" in these bounds',
  },
  "a certificate that is renewed before it is made": {
    document: identity({ certificate: { duration: "24h", renewBefore: "24h" } }),
    mend: "must be shorter than duration, 24h; shorten it or lengthen that",
  },
  "an issuer beside Secrets": {
    document: identity({ issuerRef: { name: "a" }, secrets }),
    mend: "must not have both issuerRef and secrets; leave out one of them",
  },
  "Secrets of which one is missing": {
    document: identity({ secrets: { dmz: secrets.dmz, intranet: secrets.intranet } }),
    mend: "spec.identity.secrets.operator: Required value",
  },
  "more links at least than at most": {
    document: tunnel({ pool: { min: 17 } }),
    mend: "must not be more than max; lower min or raise max",
  },
  "an allowed destination that is a URL": {
    document: tunnel({ intranet: { allowedDestinations: ["http://calc.example.com"] } }),
    mend: 'must be a host such as "calc.example.com", "*.example.com" or "*", perhaps with ":port" behind it',
  },
  "a log level that there is not": {
    document: tunnel({ logLevel: "verbose" }),
    mend: '"trace", "debug", "info", "warn", "error"',
  },
  "a route without parents": {
    document: route({ parentRefs: [] }),
    mend: "should have at least 1 items",
  },
  "a route with a name of 64 characters": {
    document: route({}, "a".repeat(64)),
    mend: "must have a name of at most 63 characters; shorten metadata.name",
  },
  "a route without a destination": {
    document: { ...route(), spec: { parentRefs: [{ name: "partners" }] } },
    mend: "spec.backendRefs: Required value",
  },
  "a destination that names none": {
    document: backend({ weight: 1 }),
    mend: "must name one destination; give url (any address), or name and port (a Service)",
  },
  "a destination that names two": {
    document: backend({ url: "http://x", name: "calc", port: 80 }),
    mend: "must name one destination; give url (any address), or name and port (a Service)",
  },
  "a Service without its port": {
    document: backend({ name: "calc" }),
    mend: "must have name and port together, and neither beside url",
  },
  "a url with a port beside it": {
    document: backend({ url: "http://x", port: 80 }),
    mend: "must have name and port together, and neither beside url",
  },
  "a namespace beside a url": {
    document: backend({ url: "http://x", namespace: "apps" }),
    mend: "must not have a namespace without a name",
  },
  "a url of another scheme": {
    document: backend({ url: "ftp://x" }),
    mend: "must be http://, https://, tcp:// or tls:// with host:port",
  },
  "a url with a path": {
    document: backend({ url: "http://x/calc" }),
    mend: "leave the rest out",
  },
  "a url with a port 0": {
    document: backend({ url: "http://x:0" }),
    mend: "must not name port 0; give the port that the service listens on",
  },
  "a weight below 0": {
    document: backend({ url: "http://x", weight: -1 }),
    mend: "should be greater than or equal to 0",
  },
  "limits of nothing": { document: route({ limits: {} }), mend: "should have at least 1 properties" },
  "a limit of no calls": {
    document: route({ limits: { maxCalls: 0 } }),
    mend: "should be greater than or equal to 1",
  },
  "retries of a kind that there is not": {
    document: route({ retry: { onLinkLoss: "Never" } }),
    mend: 'supported values: "Idempotent", "Always"',
  },
  "T9: a match by nothing of SOAP": {
    document: match({ soap: {} }),
    mend: "should have at least 1 properties",
  },
  "T9: a SOAP header with a prefix": {
    document: match({ soap: { header: { name: "t:Route", value: "test" } } }),
    mend: "write it without a prefix, and its namespace by 'namespace'",
  },
  "T9: a path from nowhere": {
    document: match({ path: { value: "calc" } }),
    mend: "must start with '/'; write the path from its root on",
  },
  "T9: a path with a query": {
    document: match({ path: { value: "/calc?wsdl" } }),
    mend: "must be a path alone; match what follows '?' by queryParams",
  },
  "T9: an expression that is none": {
    document: match({ path: { type: "RegularExpression", value: "/(a" } }),
    mend: "missing closing )",
  },
  "T9: an expression with what RE2 has not": {
    document: match({ soap: { action: { type: "RegularExpression", value: "(?=a)b" } } }),
    mend: "invalid or unsupported Perl syntax",
  },
  "T9: a header with a name that none has": {
    document: match({ headers: [{ name: "X Tenant", value: "a" }] }),
    mend: "must be a name that an HTTP header can have",
  },
  "T9: a host with a port": {
    document: match({ host: "calc.example.com:80" }),
    mend: "must be a host name in lower-case letters, without a port, perhaps after '*.'",
  },
  "T9: a method in small letters": {
    document: match({ method: "post" }),
    mend: "must be an HTTP method in capital letters",
  },
  "T9: an empty value": {
    document: match({ headers: [{ name: "X", value: "" }] }),
    mend: "should be at least 1 chars long",
  },
};

import { z } from "zod";
import { durationBetween, durationMs } from "./duration.ts";
import { label, port, refuse, refuseMinOverMax, refuseRepeats, subdomain, textOfForm } from "./field.ts";
import { atomic, mapBy, rules } from "./kubernetes-hint.ts";
import { listenerProtocols, protocolProblem, protocolTraits } from "./listener-protocol.ts";
import { annotations, labelSelectorSchema, podTemplateSchema } from "./pod-template.ts";
import { proxyProtocolSchema } from "./proxy-protocol.ts";

/** The spec of a `ReverseTunnel`. On one machine only pairs, listeners, quotas, waiting, drain, logLevel and pool count. */

export const tunnelLimits = { listenersMax: 64, pairsMax: 16, linksMax: 256 } as const;

/** A listener, here and in R1's configuration. */
export const listenerSchema = z.strictObject({
  name: label.describe("How routes name the listener, in parentRefs[].sectionName."),
  protocol: z
    .enum(listenerProtocols, { error: ({ input }) => protocolProblem(input) })
    .describe(
      "What clients speak. HTTP: HTTP/1.1, and what it is upgraded to. TCP: any bytes. NetTCP: WCF's net.tcp. TLS: passed on as it comes, by the name that it calls.",
    ),
  port: port.describe("The port that clients call."),
  proxyProtocol: proxyProtocolSchema
    .optional()
    .describe("TCP and TLS: load balancers tell clients' addresses by the PROXY protocol. Left out: nobody does."),
});

/** Refuses what a listener's protocol does not have. */
export function refuseForeignSettings(
  listeners: readonly Pick<z.output<typeof listenerSchema>, "protocol" | "proxyProtocol">[],
  context: z.RefinementCtx,
): void {
  for (const [index, { protocol, proxyProtocol }] of listeners.entries()) {
    if (proxyProtocol === undefined || protocolTraits(protocol).isRaw) continue;
    refuse(context, [index, "proxyProtocol"], `is not for ${protocol} listeners in this version; leave it out`);
  }
}

/** Clear words for what a later version serves; undefined for what none does. */
function toCome(input: unknown, later: readonly string[], today: readonly string[]): string | undefined {
  if (typeof input !== "string" || !later.includes(input)) return undefined;
  return `is not served by this version; ${today.join(", ")} is`;
}

const from = ["Same", "All", "Selector"] as const;

const routeNamespaces = z
  .strictObject({
    from: z
      .enum(from)
      .default("Same")
      .describe("Same: the tunnel's namespace. All: every one. Selector: those that fit selector."),
    selector: labelSelectorSchema.optional().describe("Labels of the namespaces, with from: Selector."),
  })
  .superRefine((namespaces, context) => {
    const isSelector = namespaces.from === "Selector";
    if (isSelector && namespaces.selector === undefined) {
      refuse(context, ["selector"], "is missing; give the namespaces' labels, or take another from");
    } else if (!isSelector && namespaces.selector !== undefined) {
      refuse(context, ["selector"], "is of no use without from: Selector; leave it out, or take that");
    }
  })
  .meta(
    rules({
      rule: "has(self.selector) == (self.from == 'Selector')",
      message: "must have a selector with from: Selector, and none otherwise; give or leave out selector",
    }),
  );

const allowedRoutes = z.strictObject({
  namespaces: routeNamespaces.prefault({}).describe("The namespaces whose routes the listener takes."),
});

/** Names that R1's own ports have. */
const ownPorts = ["tunnel", "health", "admin"];

const tunnelListener = listenerSchema
  .extend({ allowedRoutes: allowedRoutes.prefault({}).describe("Which routes the listener takes.") })
  .superRefine(({ name }, context) => {
    if (ownPorts.includes(name)) refuse(context, ["name"], "is a router's own port; choose another name");
  })
  .meta(
    rules(
      {
        rule: `!(self.name in [${ownPorts.map((name) => `'${name}'`).join(", ")}])`,
        message: `must have another name than a router's own ports (${ownPorts.join(", ")}); choose one`,
        fieldPath: ".name",
      },
      {
        rule: "!has(self.proxyProtocol) || self.protocol != 'HTTP'",
        message: "must not have proxyProtocol with protocol HTTP in this version; leave it out",
      },
    ),
  );

const listeners = z
  .array(tunnelListener)
  .min(1)
  .max(tunnelLimits.listenersMax)
  .superRefine((entries, context) => {
    refuseRepeats(entries, context, { keyOf: (listener) => listener.name, path: ["name"], what: "name" });
    refuseRepeats(entries, context, { keyOf: (listener) => listener.port, path: ["port"], what: "port" });
    refuseForeignSettings(entries, context);
  })
  .meta({
    ...mapBy("name"),
    ...rules({
      rule: "self.all(one, self.exists_one(other, other.port == one.port))",
      message: "must each have a port of their own; give one of those with the same port another one",
    }),
  });

const serviceTypes = ["ClusterIP", "NodePort", "LoadBalancer"] as const;

const nodePorts = z
  .array(
    z.strictObject({
      listener: label.describe("The listener's name."),
      port: port.describe("The port on every node; a cluster takes 30000 to 32767 unless it was set up otherwise."),
    }),
  )
  .max(tunnelLimits.listenersMax)
  .superRefine((entries, context) => {
    refuseRepeats(entries, context, { keyOf: (entry) => entry.listener, path: ["listener"], what: "listener" });
    refuseRepeats(entries, context, { keyOf: (entry) => entry.port, path: ["port"], what: "port" });
  })
  .meta({
    ...mapBy("listener"),
    ...rules({
      rule: "self.all(one, self.exists_one(other, other.port == one.port))",
      message: "must each be a port of their own; give one of those with the same port another one",
    }),
  });

const clientService = z
  .strictObject({
    type: z
      .enum(serviceTypes)
      .default("ClusterIP")
      .describe("How clients reach the listeners: within the cluster, by a port of every node, or by a load balancer."),
    annotations: annotations.optional().describe("Annotations of the Service, as a cloud's load balancer reads them."),
    loadBalancerClass: z
      .string()
      .min(1)
      .max(317)
      .optional()
      .describe("Which load balancer implementation takes the Service. Left out: the cluster's own."),
    loadBalancerSourceRanges: z
      .array(z.string().min(1).max(64))
      .max(64)
      .meta(atomic)
      .optional()
      .describe('Networks whose clients the load balancer lets through, such as "192.0.2.0/24". Left out: all.'),
    externalTrafficPolicy: z
      .enum(["Cluster", "Local"])
      .optional()
      .describe(
        "Local: calls go to routers on the node that they reached, and R1 sees the client's address. Cluster: to any.",
      ),
    nodePorts: nodePorts.optional().describe("Fixed ports of the nodes, by listener. Left out: the cluster chooses."),
  })
  .superRefine((service, context) => {
    for (const field of ["externalTrafficPolicy", "nodePorts"] as const) {
      if (service.type !== "ClusterIP" || service[field] === undefined) continue;
      refuse(context, [field], "is of no use with type ClusterIP; leave it out, or take NodePort or LoadBalancer");
    }
    for (const field of ["loadBalancerClass", "loadBalancerSourceRanges"] as const) {
      if (service.type === "LoadBalancer" || service[field] === undefined) continue;
      refuse(context, [field], `is of no use with type ${service.type}; leave it out, or take LoadBalancer`);
    }
  })
  .meta(
    rules(
      {
        rule: "self.type != 'ClusterIP' || !has(self.externalTrafficPolicy) && !has(self.nodePorts)",
        message:
          "must have neither externalTrafficPolicy nor nodePorts with type ClusterIP; leave them out, or take type NodePort or LoadBalancer",
      },
      {
        rule: "self.type == 'LoadBalancer' || !has(self.loadBalancerClass) && !has(self.loadBalancerSourceRanges)",
        message:
          "must have neither loadBalancerClass nor loadBalancerSourceRanges unless type is LoadBalancer; leave them out, or take that type",
      },
    ),
  );

const endpointTypes = ["ClusterIP"] as const;

const tunnelEndpoint = z.strictObject({
  type: z
    .enum(endpointTypes, {
      error: ({ input }) => toCome(input, ["NodePort", "LoadBalancer", "Addresses"], endpointTypes),
    })
    .default("ClusterIP")
    .describe("How R2s reach each R1. ClusterIP: by a Service within the cluster."),
});

const count = (max: number) => z.int().min(0).max(max);

const quotas = z.strictObject({
  callsMax: count(1_000_000).default(10_000).describe("Calls at once at each R1, waiting ones included. 0: no limit."),
  callsPerClientMax: count(1_000_000)
    .default(0)
    .describe("Calls at once of one client at each R1. A client is an address, of IPv6 a /64. 0: no limit."),
  callsPerSecondPerClient: count(1_000_000).default(0).describe("Calls per second of one client. 0: no limit."),
});

const waiting = z.strictObject({
  callsMax: count(100_000).default(1_000).describe("How many calls may wait for a link at each R1."),
  timeout: durationBetween("0s", "1h").default("5s").describe("How long a call waits before it gets a busy answer."),
});

/** A host's name, "*.name" for every name below it, "*" for all, an IPv4 address or an IPv6 one in brackets; and a port. */
const allowedDestination = textOfForm(
  'a host such as "calc.example.com", "*.example.com" or "*", perhaps with ":port" behind it',
  /^(\*|(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$/,
  260,
);

const drain = z.strictObject({
  notice: durationBetween("0s", "10m")
    .default("5s")
    .describe(
      "How long an R1 that is to stop goes on accepting while it is not ready, so that a load balancer notices.",
    ),
  timeout: durationBetween("0s", "1h").default("25s").describe("How long a router that stops lets its calls finish."),
});

const secret = z.strictObject({
  secretName: subdomain.describe("A Secret with tls.crt (leaf first), tls.key and ca.crt (all CAs to trust)."),
});

const secrets = z.strictObject({
  dmz: secret.describe(
    "R1's, in the DMZ's namespace; its URI is spiffe://<trust domain>/tunnel/<namespace>/<name>/dmz.",
  ),
  intranet: secret.describe("R2's, in the intranet's namespace; its URI ends in /intranet."),
  operator: secret.describe(
    "The operator's for R2's operator port, in the intranet's namespace; its URI ends in /operator.",
  ),
});

const issuerRef = z.strictObject({
  name: subdomain.describe("The issuer's name."),
  kind: z
    .string()
    .min(1)
    .max(63)
    .default("Issuer")
    .describe(
      "Issuer, one in the DMZ's namespace and one in the intranet's, or ClusterIssuer; both must sign by one CA.",
    ),
  group: z.string().min(1).max(253).default("cert-manager.io").describe("The issuer's API group."),
});

const certificate = z
  .strictObject({
    duration: durationBetween("1h", "8760h").default("2160h").describe("How long a router's certificate is valid."),
    renewBefore: durationBetween("5m", "8760h")
      .optional()
      .describe("How long before its end it is renewed. Left out: a third of duration."),
  })
  .superRefine(({ duration, renewBefore }, context) => {
    if (renewBefore === undefined || durationMs(renewBefore) < durationMs(duration)) return;
    refuse(context, ["renewBefore"], `is not shorter than duration, ${duration}; shorten it or lengthen that`);
  })
  .meta(
    rules({
      rule: "!has(self.renewBefore) || duration(self.renewBefore) < duration(self.duration)",
      message: "must be shorter than duration; shorten it or lengthen that",
      messageExpression: "'must be shorter than duration, ' + self.duration + '; shorten it or lengthen that'",
      fieldPath: ".renewBefore",
    }),
  );

const identity = z
  .strictObject({
    issuerRef: issuerRef.optional().describe("An issuer of cert-manager that signs the certificates."),
    secrets: secrets.optional().describe("Secrets of one's own instead; nobody renews them."),
    certificate: certificate.prefault({}).describe("The certificates that the operator or cert-manager makes."),
  })
  .superRefine((one, context) => {
    if (one.issuerRef === undefined || one.secrets === undefined) return;
    refuse(context, ["secrets"], "is of no use beside issuerRef; leave out one of them");
  })
  .meta(
    rules({
      rule: "!has(self.issuerRef) || !has(self.secrets)",
      message: "must not have both issuerRef and secrets; leave out one of them",
    }),
  );

const namespace = label
  .optional()
  .describe("The namespace of the pods; another than the tunnel's must allow it by a label. Left out: the tunnel's.");

const dmz = z
  .strictObject({
    namespace,
    listeners: listeners.describe("Where clients call."),
    service: clientService.prefault({}).describe("The Service that clients call, one port for each listener."),
    tunnelEndpoint: tunnelEndpoint.prefault({}).describe("Where R2s dial in."),
    quotas: quotas.prefault({}).describe("What is let in at once; over it a caller gets a busy answer."),
    waiting: waiting.prefault({}).describe("Calls that wait for a link."),
    template: podTemplateSchema.prefault({}).describe("R1's pods."),
  })
  .superRefine(({ listeners: there, service }, context) => {
    const names = new Set(there.map(({ name }) => name));
    for (const [index, { listener }] of (service.nodePorts ?? []).entries()) {
      if (names.has(listener)) continue;
      const message = `is no listener here; listeners: ${[...names].join(", ")}`;
      refuse(context, ["service", "nodePorts", index, "listener"], message);
    }
  })
  .meta(
    rules({
      rule: "!has(self.service.nodePorts) || self.service.nodePorts.all(one, self.listeners.exists(listener, listener.name == one.listener))",
      message: "must name listeners in service.nodePorts that are there; correct the name, or leave the entry out",
      fieldPath: ".service",
    }),
  );

const intranet = z.strictObject({
  namespace,
  allowedDestinations: z
    .array(allowedDestination)
    .max(64)
    .meta(atomic)
    .optional()
    .describe(
      'Hosts that url backends may name: "calc.example.com", "*.example.com", "*", each perhaps with ":port". Left out: only routes of the tunnel\'s own namespace may have url backends, to any host.',
    ),
  template: podTemplateSchema.prefault({}).describe("R2's pods."),
});

const pool = z
  .strictObject({
    min: z.int().min(1).max(tunnelLimits.linksMax).default(2).describe("Links that are always there."),
    max: z.int().min(1).max(tunnelLimits.linksMax).default(16).describe("Links under the greatest load."),
  })
  .superRefine(refuseMinOverMax)
  .meta(
    rules({
      rule: "self.min <= self.max",
      message: "must not be more than max; lower min or raise max",
      fieldPath: ".min",
    }),
  );

export const reverseTunnelSpec = z.strictObject({
  pairs: z
    .int()
    .min(1)
    .max(tunnelLimits.pairsMax)
    .default(2)
    .describe(
      "How many pairs of one R1 and one R2 serve the tunnel. From two on the loss of any router loses no service.",
    ),
  dmz: dmz.describe("The side that clients call."),
  intranet: intranet.prefault({}).describe("The side that the services are on."),
  pool: pool.prefault({}).describe("Links per R1, over all its R2s."),
  identity: identity
    .prefault({})
    .describe("Whose certificates the routers show each other. Left out: the operator's, of a CA for this tunnel."),
  drain: drain.prefault({}).describe("What becomes of calls when a router stops."),
  logLevel: z
    .enum(["trace", "debug", "info", "warn", "error"])
    .default("info")
    .describe("What the routers log at least."),
});

export type ReverseTunnelSpec = z.output<typeof reverseTunnelSpec>;

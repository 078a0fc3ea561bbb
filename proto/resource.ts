import { z } from "zod";
import { backendKind, backendUrlPattern, backendUrlProblem } from "./backend-url.ts";
import { listenerProtocols, protocolProblem, protocolTraits } from "./listener-protocol.ts";
import { proxyProtocolOut, proxyProtocolSchema } from "./proxy-protocol.ts";
import { regularExpressionProblem } from "./regular-expression.ts";

/**
 * The two resources, `ReverseTunnel` and `TunnelRoute`, group sallyport.dev, version v1alpha1: the one source for
 * documents on a machine and in a cluster. Every default is filled in, unknown keys are refused. Messages are predicates
 * of the value at fault: problem.ts puts it in front of them.
 */

export const apiVersion = "sallyport.dev/v1alpha1";

/** Limits of a document; Kubernetes needs such bounds to price its validation rules. */
export const documentLimits = {
  listenersMax: 64,
  matchesMax: 64,
  backendRefsMax: 16,
  parentRefsMax: 16,
  nameLengthMax: 253,
  valueLengthMax: 1024,
  pairsMax: 16,
  linksMax: 256,
  routeCallsMax: 1_000_000,
} as const;

const name = z
  .string()
  .max(documentLimits.nameLengthMax)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    "is not a Kubernetes name: lower-case letters, digits, '-' and '.', a letter or digit at each end",
  );
const label = z
  .string()
  .max(63)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    "is not a Kubernetes label: lower-case letters, digits and '-', a letter or digit at each end",
  );
const port = z.int().min(1).max(65535);
const value = z.string().min(1).max(documentLimits.valueLengthMax);

const knownVersion = z.literal(apiVersion, {
  error: ({ input }) => (input === undefined ? undefined : `is not known; known: ${apiVersion}`),
});

const metadata = z.looseObject({
  name,
  namespace: label.default("default"),
  /** RFC 3339; older routes win over younger ones that are as specific. */
  creationTimestamp: z.iso.datetime({ error: 'is not a time in UTC such as "2026-11-23T12:00:00Z"' }).optional(),
});

export const listenerSchema = z.strictObject({
  name: label,
  protocol: z.enum(listenerProtocols, { error: (issue) => protocolProblem(issue.input) }),
  port,
  /** TCP and TLS. Left out: connections begin with the client's own bytes. */
  proxyProtocol: proxyProtocolSchema.optional(),
});

/** Refuses what a listener's protocol does not have. */
export function refuseForeignSettings(
  listeners: readonly Pick<Listener, "protocol" | "proxyProtocol">[],
  context: z.RefinementCtx,
): void {
  for (const [index, { protocol, proxyProtocol }] of listeners.entries()) {
    if (proxyProtocol === undefined || protocolTraits(protocol).isRaw) continue;
    refuse(context, [index, "proxyProtocol"], `is not for ${protocol} listeners in this version; leave it out`);
  }
}

export const reverseTunnelSchema = z.strictObject({
  apiVersion: knownVersion,
  kind: z.literal("ReverseTunnel"),
  metadata,
  spec: z.strictObject({
    /** How many R1/R2 pairs serve the tunnel. */
    pairs: z.int().min(1).max(documentLimits.pairsMax).default(2),
    dmz: z.strictObject({
      namespace: label.optional(),
      listeners: z
        .array(listenerSchema)
        .min(1)
        .max(documentLimits.listenersMax)
        .superRefine((listeners, context) => {
          refuseRepeats(listeners, context, { keyOf: (listener) => listener.name, path: ["name"], what: "name" });
          refuseRepeats(listeners, context, { keyOf: (listener) => listener.port, path: ["port"], what: "port" });
          refuseForeignSettings(listeners, context);
        }),
    }),
    intranet: z.strictObject({ namespace: label.optional() }).default({}),
    /** Links per R1, over all its R2s. */
    pool: z
      .strictObject({
        min: z.int().min(1).max(documentLimits.linksMax).default(2),
        max: z.int().min(1).max(documentLimits.linksMax).default(16),
      })
      .superRefine(refuseMinOverMax)
      .default({ min: 2, max: 16 }),
  }),
});

/** Refuses each entry of a list that is an earlier one's equal by `keyOf`; the problem lies at `path` within the entry. */
export function refuseRepeats<Entry>(
  entries: readonly Entry[],
  context: z.RefinementCtx,
  rule: { readonly keyOf: (entry: Entry) => string | number; readonly path: PropertyKey[]; readonly what: string },
): void {
  const first = new Map<string | number, number>();
  for (const [index, entry] of entries.entries()) {
    const earlier = first.get(rule.keyOf(entry));
    if (earlier === undefined) first.set(rule.keyOf(entry), index);
    else refuse(context, [index, ...rule.path], `is the ${rule.what} of entry ${earlier} already; give each its own`);
  }
}

/** `pool`'s rule, here and in the routers' configuration. */
export function refuseMinOverMax(pool: { readonly min: number; readonly max: number }, context: z.RefinementCtx): void {
  if (pool.min <= pool.max) return;
  refuse(context, ["min"], `is more than max, ${pool.max}; lower min or raise max`);
}

/** Adds a problem of its own; `message` is a predicate of the value at `path`. */
export function refuse(context: z.RefinementCtx, path: PropertyKey[], message: string): void {
  context.addIssue({ code: "custom", path, message });
}

const textType = z.enum(["Exact", "Prefix", "Contains", "RegularExpression"]).default("Exact");

function refuseBadExpression(match: { readonly type: string; readonly value: string }, context: z.RefinementCtx): void {
  const problem = match.type === "RegularExpression" ? regularExpressionProblem(match.value) : undefined;
  if (problem !== undefined) refuse(context, ["value"], problem);
}

const textMatch = z.strictObject({ type: textType, value }).superRefine(refuseBadExpression);

const headerName = value.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "is not a name that an HTTP header can have");
const headerMatch = z.strictObject({ name: headerName, type: textType, value }).superRefine(refuseBadExpression);
const queryParamMatch = z.strictObject({ name: value, type: textType, value }).superRefine(refuseBadExpression);

const pathMatch = z
  .strictObject({ type: z.enum(["PathPrefix", "Exact", "RegularExpression"]).default("PathPrefix"), value })
  .superRefine(refuseBadExpression)
  .superRefine((path, context) => {
    if (path.type === "RegularExpression") return;
    if (!path.value.startsWith("/")) refuse(context, ["value"], 'does not start with "/"');
    else if (/[?#]/.test(path.value))
      refuse(context, ["value"], "is more than a path; match what follows '?' by queryParams");
  });

const headerBlockName = value.regex(
  // A name of XML without a prefix, but for the rarer characters that it may not have.
  /^[^-.0-9\s!-,/:-@[-^`{-~][^\s!-,/:-@[-^`{-~]*$/,
  "is not a name that an XML element can have; write it without a prefix, and its namespace by 'namespace'",
);
const headerBlockMatch = z
  .strictObject({
    name: headerBlockName,
    /** Left out: any, and none. */
    namespace: value.optional(),
    type: textType,
    value,
  })
  .superRefine(refuseBadExpression);

const soapMatch = z
  .strictObject({ action: textMatch.optional(), header: headerBlockMatch.optional() })
  .superRefine(({ action, header }, context) => {
    if (action === undefined && header === undefined)
      refuse(context, [], "asks for nothing; give action, header or both");
  })
  .meta({ minProperties: 1 });

/** All given fields must hold. */
export const routeMatchSchema = z.strictObject({
  soap: soapMatch.optional(),
  path: pathMatch.optional(),
  /** "calc.example.com", or "*.example.com" for every name below it. */
  host: z
    .string()
    .max(253)
    .regex(
      /^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
      "is not a host name in lower-case letters, without a port, perhaps after '*.'",
    )
    .optional(),
  method: z
    .string()
    .regex(/^[A-Z]{1,32}$/, "is not an HTTP method in capital letters")
    .optional(),
  headers: z.array(headerMatch).max(16).optional(),
  queryParams: z.array(queryParamMatch).max(16).optional(),
});

const weight = z.int().min(0).max(1_000_000).default(1);

const backendUrl = z
  .string()
  .max(documentLimits.valueLengthMax)
  .superRefine((url, context) => {
    const problem = backendUrlProblem(url);
    if (problem !== undefined) refuse(context, [], problem);
  })
  .meta({ format: "uri", pattern: backendUrlPattern });

const eitherForm = "give url (any address), or name and port (a Service)";

function backendProblem(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  if (typeof input !== "object" || input === null) return `is not a mapping; ${eitherForm}`;
  const hasUrl = Object.hasOwn(input, "url");
  if (hasUrl && Object.hasOwn(input, "name")) return `has both url and name; ${eitherForm}`;
  const isBare = Object.keys(input).every((key) => key === "weight" || key === "proxyProtocol");
  return isBare ? `names no destination; ${eitherForm}` : undefined;
}

const serviceRefSchema = z.strictObject(
  { name: label, namespace: label.optional(), port, weight },
  { error: backendProblem },
);
const urlRefSchema = z.strictObject(
  {
    url: backendUrl,
    weight,
    /** tcp and tls: each connection begins with a header that tells the client's address. */
    proxyProtocol: proxyProtocolOut.optional(),
  },
  { error: backendProblem },
);

type UrlRef = z.output<typeof urlRefSchema>;

/** A route carries HTTP or bytes, and what it sends before the bytes belongs to these alone. */
function refuseMixedBackends(refs: readonly (UrlRef | object)[], context: z.RefinementCtx): void {
  const first = refs.find((ref): ref is UrlRef => "url" in ref);
  for (const [index, ref] of refs.entries()) {
    if (!("url" in ref) || first === undefined) continue;
    // What is wrong with a URL was told already.
    if (backendUrlProblem(ref.url) !== undefined || backendUrlProblem(first.url) !== undefined) continue;
    const kind = backendKind(ref.url);
    if (kind !== backendKind(first.url)) {
      refuse(context, [index, "url"], `carries other calls than ${first.url}; make two routes of it`);
    } else if (kind === "http" && ref.proxyProtocol !== undefined) {
      refuse(context, [index, "proxyProtocol"], "is for tcp:// and tls:// alone; leave it out");
    }
  }
}

const callCount = z.int().min(1).max(documentLimits.routeCallsMax);

/** What the route may carry at each R2. */
const routeLimits = z
  .strictObject({
    /** At once. */
    maxCalls: callCount.optional(),
    callsPerSecond: callCount.optional(),
  })
  .superRefine(({ maxCalls, callsPerSecond }, context) => {
    if (maxCalls === undefined && callsPerSecond === undefined)
      refuse(context, [], "limits nothing; give maxCalls, callsPerSecond or both");
  })
  .meta({ minProperties: 1 });

const routeRetry = z.strictObject({
  /**
   * Which calls are sent again when the link breaks before their answer, although they may have been delivered: those of
   * idempotent methods (RFC 9110), or all.
   */
  onLinkLoss: z.enum(["Idempotent", "Always"]).default("Idempotent"),
});

export const tunnelRouteSchema = z.strictObject({
  apiVersion: knownVersion,
  kind: z.literal("TunnelRoute"),
  metadata,
  spec: z.strictObject({
    parentRefs: z
      .array(z.strictObject({ name, namespace: label.optional(), sectionName: label.optional() }))
      .min(1)
      .max(documentLimits.parentRefsMax),
    /** Any one suffices; none takes everything. */
    matches: z.array(routeMatchSchema).max(documentLimits.matchesMax).default([]),
    backendRefs: z
      .array(z.union([serviceRefSchema, urlRefSchema], { error: backendProblem }))
      .min(1)
      .max(documentLimits.backendRefsMax)
      .superRefine(refuseMixedBackends),
    limits: routeLimits.optional(),
    retry: routeRetry.optional(),
  }),
});

/** Every kind of document. */
export const kinds = { ReverseTunnel: reverseTunnelSchema, TunnelRoute: tunnelRouteSchema } as const;

/** What every document starts with, for one whose kind is none of these. */
export const documentHeadSchema = z.looseObject({
  apiVersion: knownVersion,
  kind: z.enum(["ReverseTunnel", "TunnelRoute"] satisfies Kind[]),
});

export type Kind = keyof typeof kinds;
export type Listener = z.output<typeof listenerSchema>;
export type ReverseTunnel = z.output<typeof reverseTunnelSchema>;
export type RouteMatch = z.output<typeof routeMatchSchema>;
export type TunnelRoute = z.output<typeof tunnelRouteSchema>;
export type RouteLimits = z.output<typeof routeLimits>;
export type BackendRef = TunnelRoute["spec"]["backendRefs"][number];

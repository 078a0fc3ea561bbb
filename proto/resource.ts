import { z } from "zod";
import { backendKind, backendUrlPattern, backendUrlProblem } from "./backend-url.ts";
import { label, port, refuse, subdomainUpTo, text, textOfForm, valueLengthMax } from "./field.ts";
import { atomic, matchesRule, rules } from "./kubernetes-hint.ts";
import { proxyProtocolOut } from "./proxy-protocol.ts";
import { regularExpressionProblem } from "./regular-expression.ts";
import { reverseTunnelSpec, tunnelLimits } from "./reverse-tunnel.ts";

/**
 * The two resources, `ReverseTunnel` and `TunnelRoute`, group sallyport.dev, version v1alpha1: the one source for
 * documents on a machine and in a cluster. Every default is filled in, unknown keys are refused. Messages are predicates
 * of the value at fault: problem.ts puts it in front of them.
 */

export const apiVersion = "sallyport.dev/v1alpha1";

/** Limits of a document; Kubernetes needs such bounds to price its validation rules. */
export const documentLimits = {
  ...tunnelLimits,
  matchesMax: 64,
  backendRefsMax: 16,
  parentRefsMax: 16,
  nameLengthMax: 63,
  valueLengthMax,
  routeCallsMax: 1_000_000,
} as const;

const knownVersion = z.literal(apiVersion, {
  error: ({ input }) => (input === undefined ? undefined : `is not known; known: ${apiVersion}`),
});

const metadataOf = <Name extends z.ZodType<string>>(name: Name) =>
  z.looseObject({
    name,
    namespace: label.default("default"),
    /** RFC 3339; older routes win over younger ones that are as specific. */
    creationTimestamp: z.iso.datetime({ error: 'is not a time in UTC such as "2026-11-23T12:00:00Z"' }).optional(),
  });

const nameRule = {
  rule: `size(self.metadata.name) <= ${documentLimits.nameLengthMax}`,
  message: `must have a name of at most ${documentLimits.nameLengthMax} characters; shorten metadata.name`,
};

/** Written by the operator; on a machine it means nothing, and documents taken from a cluster have it. */
const status = z.looseObject({}).optional();

export const reverseTunnelSchema = z
  .strictObject({
    apiVersion: knownVersion,
    kind: z.literal("ReverseTunnel"),
    metadata: metadataOf(label),
    spec: reverseTunnelSpec.describe("What is wanted."),
    status,
  })
  .meta({
    description:
      "A tunnel: pairs of an R1, which takes calls in the DMZ, and an R2, which dials R1 from the intranet and carries the calls to services there.",
    ...rules(nameRule, {
      rule: "!self.metadata.name.contains('.')",
      message: "must have a name without dots, since Services are named after it; change metadata.name",
    }),
  });

const textType = z
  .enum(["Exact", "Prefix", "Contains", "RegularExpression"])
  .default("Exact")
  .describe("How value is compared. RegularExpression: RE2 syntax, the whole value.");
const matchValue = text.describe("What is compared with.");

function refuseBadExpression(match: { readonly type: string; readonly value: string }, context: z.RefinementCtx): void {
  const problem = match.type === "RegularExpression" ? regularExpressionProblem(match.value) : undefined;
  if (problem !== undefined) refuse(context, ["value"], problem);
}

/** An expression that RE2 refuses makes the rule fail with RE2's own words. */
const expressionRule = {
  rule: "self.type != 'RegularExpression' || ''.matches(self.value) in [true, false]",
  message: "must be a regular expression in RE2's syntax; correct it",
  fieldPath: ".value",
};

const textMatch = z
  .strictObject({ type: textType, value: matchValue })
  .superRefine(refuseBadExpression)
  .meta(rules(expressionRule));

const headerName = textOfForm(
  "a name that an HTTP header can have: letters, digits and any of !#$%&'*+.^_`|~-",
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  valueLengthMax,
);
const headerMatch = z
  .strictObject({ name: headerName.describe("The header's name, in any case."), type: textType, value: matchValue })
  .superRefine(refuseBadExpression)
  .meta(rules(expressionRule));
const queryParamMatch = z
  .strictObject({ name: text.describe("The parameter's name."), type: textType, value: matchValue })
  .superRefine(refuseBadExpression)
  .meta(rules(expressionRule));

const pathMatch = z
  .strictObject({
    type: z
      .enum(["PathPrefix", "Exact", "RegularExpression"])
      .default("PathPrefix")
      .describe("How value is compared. PathPrefix: by whole segments. RegularExpression: RE2 syntax, the whole path."),
    value: matchValue,
  })
  .superRefine(refuseBadExpression)
  .superRefine((path, context) => {
    if (path.type === "RegularExpression") return;
    if (!path.value.startsWith("/")) refuse(context, ["value"], 'does not start with "/"');
    else if (/[?#]/.test(path.value))
      refuse(context, ["value"], "is more than a path; match what follows '?' by queryParams");
  })
  .meta(
    rules(
      expressionRule,
      {
        rule: "self.type == 'RegularExpression' || self.value.startsWith('/')",
        message: "must start with '/'; write the path from its root on",
        fieldPath: ".value",
      },
      {
        rule: "self.type == 'RegularExpression' || !self.value.contains('?') && !self.value.contains('#')",
        message: "must be a path alone; match what follows '?' by queryParams",
        fieldPath: ".value",
      },
    ),
  );

const headerBlockName = textOfForm(
  "a name that an XML element can have; write it without a prefix, and its namespace by 'namespace'",
  // A name of XML without a prefix, but for the rarer characters that it may not have.
  /^[^-.0-9\s!-,/:-@[-^`{-~][^\s!-,/:-@[-^`{-~]*$/,
  valueLengthMax,
);
const headerBlockMatch = z
  .strictObject({
    name: headerBlockName.describe("The header block's local name, without a prefix."),
    namespace: text.optional().describe("The XML namespace of the block. Left out: any, and none."),
    type: textType,
    value: matchValue,
  })
  .superRefine(refuseBadExpression)
  .meta(rules(expressionRule));

const soapMatch = z
  .strictObject({
    action: textMatch
      .optional()
      .describe("The SOAP action: of SOAPAction, Content-Type's action or the envelope's wsa:Action."),
    header: headerBlockMatch.optional().describe("A block of the SOAP envelope's header, by its text."),
  })
  .superRefine(({ action, header }, context) => {
    if (action === undefined && header === undefined)
      refuse(context, [], "asks for nothing; give action, header or both");
  })
  .meta({
    minProperties: 1,
    ...rules({
      rule: "has(self.action) || has(self.header)",
      message: "must ask for something; give action, header or both",
    }),
  });

/** All given fields must hold. */
export const routeMatchSchema = z.strictObject({
  soap: soapMatch.optional().describe("What of SOAP the call must have."),
  path: pathMatch.optional().describe("The path of the call's URL, without its query."),
  host: textOfForm(
    "a host name in lower-case letters, without a port, perhaps after '*.'",
    /^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
    253,
  )
    .optional()
    .describe('The host that is called: "calc.example.com", or "*.example.com" for every name below it.'),
  method: textOfForm("an HTTP method in capital letters", /^[A-Z]{1,32}$/, 32)
    .optional()
    .describe("The HTTP method, in capital letters."),
  headers: z.array(headerMatch).max(16).meta(atomic).optional().describe("HTTP headers that must all be there."),
  queryParams: z
    .array(queryParamMatch)
    .max(16)
    .meta(atomic)
    .optional()
    .describe("Parameters of the URL's query that must all be there."),
});

const weight = z
  .int()
  .min(0)
  .max(1_000_000)
  .default(1)
  .describe("Its share of the calls, against the other backendRefs' weights. 0: none.");

const backendUrl = z
  .string()
  .max(documentLimits.valueLengthMax)
  .superRefine((url, context) => {
    const problem = backendUrlProblem(url);
    if (problem !== undefined) refuse(context, [], problem);
  })
  .meta({
    format: "uri",
    pattern: backendUrlPattern,
    ...rules(
      {
        rule: matchesRule(backendUrlPattern),
        message: "must be http://, https://, tcp:// or tls:// with host:port; leave the rest out",
      },
      {
        rule: "!isURL(self) || url(self).getPort() != '0'",
        message: "must not name port 0; give the port that the service listens on",
      },
      {
        rule: "!isURL(self) || self.startsWith('http') || url(self).getPort() != ''",
        message: "must name a port: tcp:// and tls:// have none of their own; add it",
      },
    ),
  });

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
  {
    name: label.describe("The Service's name."),
    namespace: label
      .optional()
      .describe("The Service's namespace. Left out: the route's. Another one needs a ReferenceGrant."),
    port: port.describe("The Service's port."),
    weight,
  },
  { error: backendProblem },
);
const urlRefSchema = z.strictObject(
  {
    url: backendUrl.describe(
      "Any address: http://host:port or https://host:port, and for bytes tcp://host:port or tls://host:port.",
    ),
    weight,
    proxyProtocol: proxyProtocolOut
      .optional()
      .describe("tcp and tls: connections begin with a header of the PROXY protocol that tells the client's address."),
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
    } else if (kind !== "bytes" && ref.proxyProtocol !== undefined) {
      refuse(context, [index, "proxyProtocol"], "is for tcp:// and tls:// alone; leave it out");
    }
  }
}

const sameKindRule = {
  rule: "self.all(one, !has(one.url) || self.all(other, !has(other.url) || one.url.startsWith('http') == other.url.startsWith('http')))",
  message: "must all carry the same: http:// and https://, or tcp:// and tls://; make two routes of it",
};

const callCount = z.int().min(1).max(documentLimits.routeCallsMax);

/** What the route may carry at each R2. */
const routeLimits = z
  .strictObject({
    maxCalls: callCount.optional().describe("Calls at once at each R2."),
    callsPerSecond: callCount.optional().describe("Calls per second at each R2."),
  })
  .superRefine(({ maxCalls, callsPerSecond }, context) => {
    if (maxCalls === undefined && callsPerSecond === undefined)
      refuse(context, [], "limits nothing; give maxCalls, callsPerSecond or both");
  })
  .meta({
    minProperties: 1,
    ...rules({
      rule: "has(self.maxCalls) || has(self.callsPerSecond)",
      message: "must limit something; give maxCalls, callsPerSecond or both",
    }),
  });

const routeRetry = z.strictObject({
  onLinkLoss: z
    .enum(["Idempotent", "Always"])
    .default("Idempotent")
    .describe(
      "Which calls are sent again when the link breaks before their answer, although they may have been delivered: those of idempotent methods (RFC 9110), or all.",
    ),
});

const backendRef = z.union([serviceRefSchema, urlRefSchema], { error: backendProblem }).meta(
  rules(
    {
      rule: "has(self.url) != has(self.name)",
      message: `must name one destination; ${eitherForm}`,
    },
    {
      rule: "has(self.name) == has(self.port)",
      message: `must have name and port together, and neither beside url; ${eitherForm}`,
    },
    {
      rule: "!has(self.__namespace__) || has(self.name)",
      message: `must not have a namespace without a name; ${eitherForm}`,
    },
    {
      rule: "!has(self.proxyProtocol) || has(self.url) && !self.url.startsWith('http')",
      message: "must not have proxyProtocol but with tcp:// or tls://; leave it out",
    },
  ),
);

const parentRef = z.strictObject({
  name: label.describe("The ReverseTunnel's name."),
  namespace: label.optional().describe("The ReverseTunnel's namespace. Left out: the route's."),
  sectionName: label.optional().describe("The listener that calls come from. Left out: every one."),
});

const tunnelRouteSpec = z.strictObject({
  parentRefs: z
    .array(parentRef)
    .min(1)
    .max(documentLimits.parentRefsMax)
    .meta(atomic)
    .describe("The tunnels whose calls the route takes."),
  matches: z
    .array(routeMatchSchema)
    .max(documentLimits.matchesMax)
    .meta(atomic)
    .default([])
    .describe("Which calls: any one match suffices, and all fields of it must hold. None takes every call."),
  backendRefs: z
    .array(backendRef)
    .min(1)
    .max(documentLimits.backendRefsMax)
    .superRefine(refuseMixedBackends)
    .meta({ ...atomic, ...rules(sameKindRule) })
    .describe("Where the calls go, shared out by weight."),
  limits: routeLimits.optional().describe("What the route may carry; over it a caller gets a busy answer."),
  retry: routeRetry.optional().describe("Which calls may be repeated."),
});

export const tunnelRouteSchema = z
  .strictObject({
    apiVersion: knownVersion,
    kind: z.literal("TunnelRoute"),
    // Unlike a tunnel's, it may have dots: nothing is named after it.
    metadata: metadataOf(subdomainUpTo(documentLimits.nameLengthMax)),
    spec: tunnelRouteSpec.describe("What is wanted."),
    status,
  })
  .meta({ description: "Which calls of a tunnel go to which service.", ...rules(nameRule) });

/** Every kind of document. */
export const kinds = { ReverseTunnel: reverseTunnelSchema, TunnelRoute: tunnelRouteSchema } as const;

/** What every document starts with, for one whose kind is none of these. */
export const documentHeadSchema = z.looseObject({
  apiVersion: knownVersion,
  kind: z.enum(["ReverseTunnel", "TunnelRoute"] satisfies Kind[]),
});

export type Kind = keyof typeof kinds;
export type Listener = ReverseTunnel["spec"]["dmz"]["listeners"][number];
export type ReverseTunnel = z.output<typeof reverseTunnelSchema>;
export type RouteMatch = z.output<typeof routeMatchSchema>;
export type TunnelRoute = z.output<typeof tunnelRouteSchema>;
export type RouteLimits = z.output<typeof routeLimits>;
export type BackendRef = TunnelRoute["spec"]["backendRefs"][number];

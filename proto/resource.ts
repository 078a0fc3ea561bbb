import { z } from "zod";

/**
 * The two resources, `ReverseTunnel` and `TunnelRoute`, group sallyport.dev, version v1alpha1: the one source for
 * documents on a machine and in a cluster. Every default is filled in, unknown keys are refused.
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
} as const;

const name = z
  .string()
  .max(documentLimits.nameLengthMax)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "is lower-case letters, digits, '-' and '.', as Kubernetes names are");
const label = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, "is lower-case letters, digits and '-', as Kubernetes labels are");
const port = z.int().min(1).max(65535);
const value = z.string().min(1).max(documentLimits.valueLengthMax);

const metadata = z.looseObject({
  name,
  namespace: label.default("default"),
  /** RFC 3339; older routes win over younger ones that are as specific. */
  creationTimestamp: z.iso.datetime().optional(),
});

export const listenerSchema = z.strictObject({
  name: label,
  protocol: z.enum(["HTTP"]),
  port,
});

export const reverseTunnelSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal("ReverseTunnel"),
  metadata,
  spec: z.strictObject({
    /** How many R1/R2 pairs serve the tunnel. */
    pairs: z.int().min(1).max(documentLimits.pairsMax).default(2),
    dmz: z.strictObject({
      namespace: label.optional(),
      listeners: z.array(listenerSchema).min(1).max(documentLimits.listenersMax),
    }),
    intranet: z.strictObject({ namespace: label.optional() }).default({}),
    /** Links per R1, over all its R2s. */
    pool: z
      .strictObject({
        min: z.int().min(1).max(documentLimits.linksMax).default(2),
        max: z.int().min(1).max(documentLimits.linksMax).default(16),
      })
      .refine((pool) => pool.min <= pool.max, "pool.min is greater than pool.max; lower the one or raise the other")
      .default({ min: 2, max: 16 }),
  }),
});

const textMatch = <const Types extends readonly [string, ...string[]]>(types: Types) =>
  z.strictObject({ type: z.enum(types).default(types[0] as never), value });

/** All given fields must hold. */
export const routeMatchSchema = z.strictObject({
  soap: z.strictObject({ action: textMatch(["Exact", "Prefix", "Contains", "RegularExpression"]) }).optional(),
  path: z
    .strictObject({ type: z.enum(["PathPrefix", "Exact", "RegularExpression"]).default("PathPrefix"), value })
    .refine((path) => path.type === "RegularExpression" || path.value.startsWith("/"), "path.value starts with '/'")
    .optional(),
  /** "calc.example.com", or "*.example.com" for every name below it. */
  host: z
    .string()
    .max(253)
    .regex(/^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "is a lower-case host name without a port, perhaps after '*.'")
    .optional(),
  method: z
    .string()
    .regex(/^[A-Z]{1,32}$/, "is an HTTP method in capital letters")
    .optional(),
  headers: z
    .array(z.strictObject({ name: value, ...textMatch(["Exact", "Prefix", "Contains", "RegularExpression"]).shape }))
    .max(16)
    .optional(),
  queryParams: z
    .array(z.strictObject({ name: value, ...textMatch(["Exact", "Prefix", "Contains", "RegularExpression"]).shape }))
    .max(16)
    .optional(),
});

const weight = z.int().min(0).max(1_000_000).default(1);

const serviceRefSchema = z.strictObject({ name: label, namespace: label.optional(), port, weight });

const urlRefSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: "is not an http:// or https:// URL" }).max(documentLimits.valueLengthMax),
  weight,
});

export const tunnelRouteSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
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
      .array(z.union([serviceRefSchema, urlRefSchema]))
      .min(1)
      .max(documentLimits.backendRefsMax),
  }),
});

export type Listener = z.output<typeof listenerSchema>;
export type ReverseTunnel = z.output<typeof reverseTunnelSchema>;
export type RouteMatch = z.output<typeof routeMatchSchema>;
export type TunnelRoute = z.output<typeof tunnelRouteSchema>;
export type BackendRef = TunnelRoute["spec"]["backendRefs"][number];

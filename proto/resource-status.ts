import { z } from "zod";
import { label } from "./field.ts";
import { atomic, mapBy } from "./kubernetes-hint.ts";

/** The `status` of both resources: what the operator writes and nobody else. docs/adr/0011, "Conditions". */

export const tunnelConditionTypes = ["Accepted", "ResolvedRefs", "Programmed", "Available", "Ready"] as const;
export const routeConditionTypes = ["Accepted", "ResolvedRefs", "Programmed"] as const;

export type TunnelConditionType = (typeof tunnelConditionTypes)[number];
export type RouteConditionType = (typeof routeConditionTypes)[number];

/** Names the operator in `status.parents[]`. */
export const controllerName = "sallyport.dev/operator";

const int64Max = Number.MAX_SAFE_INTEGER;
const generation = z.int().min(0).max(int64Max);
const time = z.iso.datetime().meta({ pattern: undefined });
const total = z.int().min(0).max(2_147_483_647);

/** `metav1.Condition`. */
export const conditionSchema = z.strictObject({
  type: z
    .string()
    .max(316)
    .regex(
      /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
    )
    .describe("What the condition is about."),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether it holds."),
  observedGeneration: generation.optional().describe("The metadata.generation that it was told of."),
  lastTransitionTime: time.describe("When status changed last."),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
    .describe("Why, in one word."),
  message: z.string().max(32768).describe("Why, for people, and how to mend it."),
});

export const conditionsMax = 16;
const conditions = z.array(conditionSchema).max(conditionsMax).meta(mapBy("type"));

const address = z.strictObject({
  type: z.enum(["IPAddress", "Hostname"]).describe("What value is."),
  value: z.string().min(1).max(253).describe("The address."),
});

/** Whose certificates there are. */
export const certificateNames = ["ca", "previous-ca", "dmz", "intranet", "operator"] as const;

const certificate = z.strictObject({
  name: z.enum(certificateNames).describe("Whose it is: the CA's, that of a CA being replaced, or a leaf's side."),
  notAfter: time.describe("When it expires."),
  renewalTime: time.optional().describe("When it is renewed. Left out: the operator does not renew it."),
});

const listenerStatus = z.strictObject({
  name: label.describe("The listener's name."),
  attachedRoutes: total.describe("Routes that it takes."),
});

export const reverseTunnelStatusSchema = z.strictObject({
  observedGeneration: generation.optional().describe("The metadata.generation that the status tells of."),
  status: z.string().max(1024).optional().describe("What matters most now, in one word: Ready, or the reason why not."),
  pairs: total.optional().describe("Pairs that there are."),
  readyPairs: total.optional().describe("Pairs that carry calls."),
  links: total.optional().describe("Links of all pairs."),
  routes: total.optional().describe("Routes that are attached."),
  listeners: z
    .array(listenerStatus)
    .max(64)
    .meta(mapBy("name"))
    .optional()
    .describe("The listeners, with what is attached to them."),
  addresses: z.array(address).max(16).meta(atomic).optional().describe("Where clients call."),
  selector: z
    .string()
    .max(1024)
    .optional()
    .describe("Selects the tunnel's R1 pods, for kubectl scale and autoscalers."),
  certificates: z
    .array(certificate)
    .max(8)
    .meta(mapBy("name"))
    .optional()
    .describe("The tunnel's certificates and their ends."),
  conditions: conditions.optional().describe(`${tunnelConditionTypes.join(", ")}.`),
});

const parentRef = z.strictObject({
  name: label.describe("The tunnel's name."),
  namespace: label.optional().describe("The tunnel's namespace. Left out: the route's."),
  sectionName: label.optional().describe("The listener's name. Left out: every one."),
});

const parentStatus = z.strictObject({
  parentRef: parentRef.describe("The parentRef of the spec that this is about."),
  controllerName: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9/._-]+$/)
    .describe(`Who says so: ${controllerName}.`),
  conditions: conditions.describe(`${routeConditionTypes.join(", ")}.`),
});

export const tunnelRouteStatusSchema = z.strictObject({
  observedGeneration: generation.optional().describe("The metadata.generation that the status tells of."),
  status: z
    .string()
    .max(1024)
    .optional()
    .describe("What matters most now, in one word: Programmed, or the reason why not."),
  parents: z
    .array(parentStatus)
    .max(16)
    .meta(atomic)
    .optional()
    .describe("What became of the route, parentRef by parentRef."),
  conditions: conditions.optional().describe(`${routeConditionTypes.join(", ")}, each over all parents.`),
});

export type Condition = z.output<typeof conditionSchema>;
export type ReverseTunnelStatus = z.output<typeof reverseTunnelStatusSchema>;
export type TunnelRouteStatus = z.output<typeof tunnelRouteStatusSchema>;
export type RouteParentStatus = z.output<typeof parentStatus>;

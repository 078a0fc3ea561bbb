import { z } from "zod";
import { listenerSchema, tunnelRouteSchema } from "./resource.ts";

/** What the two routers are started with. Parsed once; every default is filled in, unknown keys are refused. */

const address = z.strictObject({
  /** "0.0.0.0", "::", "127.0.0.1" … */
  address: z.string().min(1),
  /** 0: any free port. */
  port: z.int().min(0).max(65535),
});

const identity = z.strictObject({
  /** PEM, leaf first. */
  certificateChain: z.string().min(1),
  privateKey: z.string().min(1),
  trustedCas: z.string().min(1),
});

const mebibyte = 1024 * 1024;

/** Numbers: docs/protocol.md, "Credit", "Life", "Draining". */
const limits = z.strictObject({
  callsPerLink: z.int().min(1).max(65536).default(256),
  initialWindowBytes: z
    .int()
    .min(1024)
    .max(mebibyte)
    .default(64 * 1024),
  windowMaxBytes: z
    .int()
    .min(1024)
    .max(64 * mebibyte)
    .default(4 * mebibyte),
  memoryBudgetBytes: z
    .int()
    .min(mebibyte)
    .default(64 * mebibyte),
  drainMs: z.int().min(0).max(3_600_000).default(25_000),
  heartbeatMs: z.int().min(100).max(60_000).default(1_000),
});

const common = {
  /** "namespace/name" of the ReverseTunnel. */
  tunnel: z.string().regex(/^[^/]+\/[^/]+$/, "is namespace/name of the ReverseTunnel"),
  trustDomain: z.string().min(1).default("sallyport"),
  identity,
  /** /livez, /readyz, /metrics, /statusz: for the cluster only. */
  admin: address,
  limits: limits.prefault({}),
  log: z.strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info") }).prefault({}),
};

export const dmzConfigSchema = z.strictObject({
  ...common,
  listeners: z
    .array(listenerSchema.extend({ address: z.string().min(1).default("0.0.0.0"), port: z.int().min(0).max(65535) }))
    .min(1),
  /** Where R2s dial in. */
  tunnelEndpoint: address,
  /** GET /healthcheck and nothing else. */
  health: address,
  pool: z.strictObject({ min: z.int().min(1).default(2), max: z.int().min(1).default(16) }).prefault({}),
  /** Calls that wait for a link: how many, how long. */
  waiting: z
    .strictObject({ callsMax: z.int().min(0).default(1000), timeoutMs: z.int().min(0).default(5_000) })
    .prefault({}),
  http: z
    .strictObject({
      headersTimeoutMs: z.int().min(100).default(30_000),
      /** Between two reads of a request's body. */
      bodyIdleTimeoutMs: z.int().min(100).default(60_000),
      keepAliveTimeoutMs: z.int().min(100).default(75_000),
      /** How long a client that closed its sending side may still wait. */
      halfClosedTimeoutMs: z.int().min(0).default(5_000),
      headerBytesMax: z
        .int()
        .min(1024)
        .max(96 * 1024)
        .default(64 * 1024),
      connectionsMax: z.int().min(1).default(20_000),
    })
    .prefault({}),
});

export const intranetConfigSchema = z.strictObject({
  ...common,
  /** Every R1 of the tunnel, each by itself. */
  dmz: z
    .array(z.strictObject({ name: z.string().min(1), address: z.string().min(1), port: z.int().min(1).max(65535) }))
    .min(1),
  routes: z.array(tunnelRouteSchema),
  destinations: z
    .strictObject({
      connectTimeoutMs: z.int().min(10).default(5_000),
      /** Until the response's head; 0: as long as the caller waits. */
      responseTimeoutMs: z.int().min(0).default(0),
      /** Shorter than the destination's own, or a request may meet a closing connection. */
      keepAliveTimeoutMs: z.int().min(0).default(4_000),
      connectionsMax: z.int().min(1).default(1024),
    })
    .prefault({}),
});

export type DmzConfig = z.output<typeof dmzConfigSchema>;
export type IntranetConfig = z.output<typeof intranetConfigSchema>;
export type RouterLimits = DmzConfig["limits"];
export type Address = z.output<typeof address>;

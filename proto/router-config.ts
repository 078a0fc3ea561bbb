import { z } from "zod";
import { refuse, refuseMinOverMax, refuseRepeats } from "./field.ts";
import { printable } from "./printable.ts";
import { type Checked, check, type Problem, pathText, problemLines } from "./problem.ts";
import { type TunnelRoute, tunnelRouteSchema } from "./resource.ts";
import { listenerSchema, refuseForeignSettings } from "./reverse-tunnel.ts";
import { dmzTracing, intranetTracing, isTracingSecret, withoutSecretKeys } from "./tracing-config.ts";

/** What the two routers are started with. Parsed once; every default is filled in, unknown keys are refused. */

/** What R1 is started with. Throws ConfigError. */
export function parseDmzConfig(config: unknown): DmzConfig {
  return parse(dmzConfigSchema, config);
}

/** What R2 is started with. Throws ConfigError. */
export function parseIntranetConfig(config: unknown): IntranetConfig {
  const routes = (config as { readonly routes?: unknown } | null | undefined)?.routes;
  if (typeof routes !== "object" || routes === null || !checkedRoutes.has(routes)) {
    return parse(intranetConfigSchema, config);
  }
  return { ...parse(intranetConfigSchema, { ...(config as object), routes: [] }), routes: routes as TunnelRoute[] };
}

/** Lists of routes that are parsed already and have no repeats: tens of thousands take seconds, once is enough. */
const checkedRoutes = new WeakSet<object>();

/** Says that every route of the list was parsed by `tunnelRouteSchema` and that no two have one name. */
export function markChecked(routes: TunnelRoute[]): TunnelRoute[] {
  checkedRoutes.add(routes);
  return routes;
}

/** A configuration that cannot be used: every problem of it. Shows no value of `identity` and `tracing.otlp`. */
export class ConfigError extends Error {
  readonly problems: readonly { readonly path: string; readonly message: string }[];

  constructor(problems: readonly Problem[]) {
    const shown = problems.map(({ path, message }) => ({ path: pathText(path), message }));
    super(
      problemLines(
        shown.map(({ path, message }) => (path === "" ? `the configuration ${message}` : `${path}: ${message}`)),
      ),
    );
    this.name = "ConfigError";
    this.problems = shown;
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, config: unknown): z.output<Schema> {
  const checked = checkConfig(schema, config);
  if (checked.t === "bad") throw new ConfigError(checked.problems);
  return checked.value;
}

/** As `check`, of a router's configuration: problems show nothing secret. */
export function checkConfig<Schema extends z.ZodType>(schema: Schema, config: unknown): Checked<z.output<Schema>> {
  const checked = check(schema, config, (path) => path[0] === "identity" || isTracingSecret(path));
  if (checked.t === "ok") return checked;
  const problems = checked.problems.map(({ path, message }) => ({ path: withoutSecretKeys(path), message }));
  return { t: "bad", problems };
}

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

/** Numbers: docs/protocol.md, "Credit", "Life", "Draining", and docs/memory.md. */
const limitsOf = (budgetBytes: number) =>
  z
    .strictObject({
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
      memoryBudgetBytes: z.int().min(mebibyte).default(budgetBytes),
      drainMs: z.int().min(0).max(3_600_000).default(25_000),
      /** R1: how long it goes on accepting, not ready, so that a load balancer notices. */
      drainNoticeMs: z.int().min(0).max(600_000).default(5_000),
      heartbeatMs: z.int().min(100).max(60_000).default(1_000),
    })
    .superRefine((limits, context) => {
      const { initialWindowBytes, windowMaxBytes, memoryBudgetBytes } = limits;
      if (initialWindowBytes > windowMaxBytes) {
        refuse(
          context,
          ["initialWindowBytes"],
          `is more than windowMaxBytes, ${windowMaxBytes}; lower it or raise that`,
        );
      }
      if (windowMaxBytes > memoryBudgetBytes) {
        refuse(
          context,
          ["windowMaxBytes"],
          `is more than memoryBudgetBytes, ${memoryBudgetBytes}; lower it or raise that`,
        );
      }
    });

/** Both routers' fields. */
const common = {
  /** "namespace/name" of the ReverseTunnel. */
  tunnel: z.string().regex(/^[^/]+\/[^/]+$/, "is not namespace/name of a ReverseTunnel"),
  trustDomain: z.string().min(1).default("sallyport"),
  identity,
  /** /livez, /readyz, /metrics, /statusz: for the cluster only. */
  admin: address,
  log: z.strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info") }).prefault({}),
};

/** R1's fields. */
export const dmzFields = {
  ...common,
  limits: limitsOf(64 * mebibyte).prefault({}),
  listeners: z
    .array(listenerSchema.extend({ address: z.string().min(1).default("0.0.0.0"), port: z.int().min(0).max(65535) }))
    .min(1)
    .superRefine((listeners, context) => {
      refuseRepeats(listeners, context, { keyOf: (listener) => listener.name, path: ["name"], what: "name" });
      refuseForeignSettings(listeners, context);
    }),
  /** Where R2s dial in. */
  tunnelEndpoint: address,
  /** GET /healthcheck and nothing else. */
  health: address,
  pool: z
    .strictObject({
      min: z.int().min(1).default(2),
      max: z.int().min(1).default(16),
      /** Calls in flight on a link from which on another one is wanted. */
      callsPerLink: z.int().min(1).default(64),
      /** A link that is not needed is closed after this long. */
      surplusTimeoutMs: z.int().min(0).default(30_000),
    })
    .superRefine(refuseMinOverMax)
    .prefault({}),
  /** Calls that wait for a link: how many, how long. */
  waiting: z
    .strictObject({ callsMax: z.int().min(0).default(1000), timeoutMs: z.int().min(0).default(5_000) })
    .prefault({}),
  /** Over them: 503 for the tunnel's, 429 for a client's. 0: no limit. Clients are addresses, of IPv6 a /64. */
  quotas: z
    .strictObject({
      /** Calls at once, waiting ones included. */
      callsMax: z.int().min(0).default(10_000),
      callsPerClientMax: z.int().min(0).default(0),
      callsPerSecondPerClient: z.int().min(0).default(0),
    })
    .prefault({}),
  http: z
    .strictObject({
      headersTimeoutMs: z.int().min(100).default(30_000),
      /** Between two reads of a request's body. */
      bodyIdleTimeoutMs: z.int().min(100).default(60_000),
      keepAliveTimeoutMs: z.int().min(100).default(75_000),
      /** How long a client may take nothing of an answer that waits for it. */
      sendTimeoutMs: z.int().min(100).default(60_000),
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
  /** TCP and TLS listeners. */
  tcp: z
    .strictObject({
      /** How long nothing may go either way; 0: for ever. */
      idleTimeoutMs: z.int().min(0).default(3_600_000),
      /** For what tells where a connection belongs: the PROXY header, the ClientHello. */
      preambleTimeoutMs: z.int().min(100).default(10_000),
      /** Of each listener. */
      connectionsMax: z.int().min(1).default(20_000),
    })
    .prefault({}),
  tracing: dmzTracing.optional(),
};

export const dmzConfigSchema = z.strictObject(dmzFields).superRefine(refuseSharedSockets);

interface Socket {
  readonly path: readonly (string | number)[];
  readonly address: string;
  readonly port: number;
}

/** Refuses ports of R1 that get in each other's way. */
export function refuseSharedSockets(
  config: Readonly<Record<"tunnelEndpoint" | "health" | "admin", Address>> & { readonly listeners: readonly Address[] },
  context: z.RefinementCtx,
): void {
  const sockets: Socket[] = [
    ...config.listeners.map(({ address, port }, index) => ({ path: ["listeners", index], address, port })),
    { path: ["tunnelEndpoint"], ...config.tunnelEndpoint },
    { path: ["health"], ...config.health },
    { path: ["admin"], ...config.admin },
  ];
  refuseOverlaps(sockets, context);
}

/** Refuses ports of R2 that get in each other's way. */
export function refuseSharedPorts(
  { admin, operator }: { readonly admin: Address; readonly operator?: Address | undefined },
  context: z.RefinementCtx,
): void {
  const sockets = [{ path: ["admin"], ...admin }];
  refuseOverlaps(operator === undefined ? sockets : [...sockets, { path: ["operator"], ...operator }], context);
}

function refuseOverlaps(sockets: readonly Socket[], context: z.RefinementCtx): void {
  for (const [index, socket] of sockets.entries()) {
    const earlier = sockets.slice(0, index).find((other) => overlap(other, socket));
    if (earlier === undefined) continue;
    const place = `${pathText(earlier.path)} listens at ${printable(earlier.address)}`;
    refuse(context, [...socket.path, "port"], `is taken: ${place}; choose another port or address`);
  }
}

/** 0.0.0.0 takes a port on every IPv4 address, "::" on every address there is. Port 0 is any free one. */
function overlap(a: Socket, b: Socket): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  const addresses = [a.address, b.address];
  const isAllIpv4 = addresses.includes("0.0.0.0") && !addresses.some((address) => address.includes(":"));
  return a.address === b.address || addresses.includes("::") || isAllIpv4;
}

/** R2's fields. */
export const intranetFields = {
  ...common,
  /** A call takes three times as much of it as at R1: room for 1,024 calls at both. */
  limits: limitsOf(192 * mebibyte).prefault({}),
  /** Every R1 of the tunnel, each by itself. */
  dmz: z
    .array(z.strictObject({ name: z.string().min(1), address: z.string().min(1), port: z.int().min(1).max(65535) }))
    .min(1)
    .superRefine((endpoints, context) => {
      refuseRepeats(endpoints, context, { keyOf: (endpoint) => endpoint.name, path: ["name"], what: "name" });
      // Two entries for one R1 would make R2 register there twice, each registration replacing the other.
      const keyOf = (endpoint: Address) => `${endpoint.address} ${endpoint.port}`;
      refuseRepeats(endpoints, context, { keyOf, path: ["address"], what: "address and port" });
    }),
  /** Where the operator asks what this R2 serves: proto/admin.proto. Left out: nowhere. */
  operator: address.optional(),
  routes: z.array(tunnelRouteSchema).superRefine((routes, context) => {
    const keyOf = ({ metadata }: TunnelRoute) => `${metadata.namespace}/${metadata.name}`;
    refuseRepeats(routes, context, { keyOf, path: ["metadata", "name"], what: "namespace and name" });
  }),
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
  tracing: intranetTracing.optional(),
};

/** Where the rest came from, for what R2 reports. */
const originSchema = z.strictObject({
  /** SHA-256 of the configuration file, in hexadecimal digits. */
  config: z.string().default(""),
  /** The generation of the routes, as their manifest names it. */
  routes: z.string().default(""),
  /** Why the routes that lie there now were not taken, and since when, in ms since 1970. */
  waiting: z.strictObject({ problem: z.string(), sinceMs: z.int() }).optional(),
  /** Routes that were left out. */
  refused: z.array(z.strictObject({ namespace: z.string(), name: z.string(), problem: z.string() })).default([]),
});

export const intranetConfigSchema = z
  .strictObject({ ...intranetFields, origin: originSchema.prefault({}) })
  .superRefine(refuseSharedPorts);

export type DmzConfig = z.output<typeof dmzConfigSchema>;
export type IntranetConfig = z.output<typeof intranetConfigSchema>;
export type ConfigOrigin = IntranetConfig["origin"];
export type RefusedRoute = ConfigOrigin["refused"][number];
export type RouterLimits = DmzConfig["limits"];
export type Address = z.output<typeof address>;

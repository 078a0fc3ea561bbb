import { z } from "zod";
import { refuse } from "./field.ts";

/** OpenTelemetry tracing. Left out, calls are not traced, and trace context goes through as it came. docs/tracing.md. */

/** What a span takes is bounded, so this bounds the memory too: some 2 KB each. */
const queueSpans = z.int().min(1).max(65_536).default(2_048);

const common = {
  /**
   * The share of traces to record among calls that bring no (valid) traceparent. The others follow the caller's decision.
   */
  sampleRatio: z.number().min(0).max(1).default(1),
  /** Spans that wait to be sent; more are dropped, and counted. */
  queueSpans,
  /** How long a span waits at most for others to be sent with. */
  batchDelayMs: z.int().min(10).max(60_000).default(5_000),
};

/** R1's spans go to an R2 that has `tracing`, over the management connection: R1 dials nothing. */
export const dmzTracing = z.strictObject({
  ...common,
  serviceName: z.string().min(1).max(255).default("sallyport-r1"),
});

/** RFC 9110, 5.5, without obs-text. */
const headerValue = z
  .string()
  .regex(/^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/, "is no header value: visible ASCII on one line")
  .max(8_192);

/** A collector's OTLP/HTTP endpoint, binary protobuf. */
const otlp = z.strictObject({
  /** Without a path, /v1/traces is meant. */
  url: z.string().min(1).max(2_048).superRefine(refuseBadUrl),
  /** Such as Authorization. Never shown or logged. */
  headers: z.record(z.string(), headerValue).superRefine(refuseBadNames).default({}),
  /** Of one export, with its retries. */
  timeoutMs: z.int().min(100).max(60_000).default(10_000),
  /** PEM of the CAs to trust instead of the system's, for https. */
  ca: z
    .string()
    .regex(/-----BEGIN CERTIFICATE-----/, "is no PEM text of certificates")
    .optional(),
});

/** R2 exports its own spans and those of its R1s. */
export const intranetTracing = z.strictObject({
  ...common,
  serviceName: z.string().min(1).max(255).default("sallyport-r2"),
  otlp,
});

export type DmzTracing = z.output<typeof dmzTracing>;
export type IntranetTracing = z.output<typeof intranetTracing>;
export type OtlpEndpoint = z.output<typeof otlp>;

/** For messages about a configuration: headers hold credentials, and so may what was meant as a URL. */
export function isTracingSecret(path: readonly PropertyKey[]): boolean {
  return path[0] === "tracing" && path[1] === "otlp";
}

/** Who writes a whole header as its name would have the secret in the path. */
export function withoutSecretKeys(path: readonly PropertyKey[]): readonly PropertyKey[] {
  return isTracingSecret(path) && path[2] === "headers" ? path.slice(0, 3) : path;
}

function refuseBadUrl(text: string, context: z.RefinementCtx): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    refuse(context, [], "is no http:// or https:// URL; give such as http://collector:4318/v1/traces");
  } else if (url.username !== "" || url.password !== "") {
    refuse(context, [], "holds a user's name; put credentials into headers");
  } else if (url.hash !== "") refuse(context, [], "has a fragment, which is not sent; leave it out");
}

/** What the exporter says itself. */
const ownHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

const headersMax = 32;

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;

function refuseBadNames(headers: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  const names = Object.keys(headers);
  if (names.length > headersMax) refuse(context, [], `has more than ${headersMax} headers`);
  if (!names.every((name) => headerName.test(name))) refuse(context, [], "has a name that no header can have");
  const own = names.map((name) => name.toLowerCase()).find((name) => ownHeaders.has(name));
  if (own !== undefined) refuse(context, [], `has ${own}, which is the router's to say; leave it out`);
}

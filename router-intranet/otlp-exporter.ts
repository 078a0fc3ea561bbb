import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { OtlpEndpoint } from "@sallyport/proto/tracing-config";
import type { Complaints } from "@sallyport/tunnel/complaints";
import type { Log } from "@sallyport/tunnel/log";
import { software } from "@sallyport/tunnel/software";
import type { SpanCounters } from "@sallyport/tunnel/span-metrics";
import { Agent, type Dispatcher, interceptors, request } from "undici";

/** Bytes of OTLP that wait for the collector or are on their way to it; more are dropped. */
export const exportBytesMax = 4 * 1024 * 1024;
/** What a batch costs beside its bytes, so that many small ones are bounded too. */
export const batchCostBytes = 1024;
/** Requests to the collector at once. */
export const exportsAtOnceMax = 4;
/** A collector's answer is a few bytes. */
const answerBytesMax = 64 * 1024;

export interface OtlpExporterOptions {
  readonly endpoint: OtlpEndpoint;
  readonly counters: SpanCounters;
  readonly log: Log;
  readonly complaints: Complaints;
}

interface Batch {
  readonly otlp: Buffer;
  readonly spans: number;
  readonly costBytes: number;
}

/**
 * Posts batches of spans to a collector: OTLP/HTTP, binary protobuf. Each is a request of its own, so that one that the
 * collector cannot read costs no other. What it refuses for now is tried again within `timeoutMs`.
 */
export class OtlpExporter {
  readonly #options: OtlpExporterOptions;
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #dispatcher: Dispatcher;
  readonly #queue: Batch[] = [];
  readonly #underWay = new Set<AbortController>();
  #bytes = 0;
  #closed = false;
  #onIdle: () => void = () => {};

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    const { url, ca, timeoutMs } = options.endpoint;
    this.#url = new URL(url);
    if (this.#url.pathname === "/") this.#url.pathname = "/v1/traces";
    this.#agent = new Agent({
      connect: { timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) },
      ...{ connections: exportsAtOnceMax, allowH2: false, maxResponseSize: answerBytesMax },
    });
    this.#dispatcher = this.#agent.compose(interceptors.retry(retries));
  }

  /** What waits or is on its way takes of `exportBytesMax`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns at once, never throws; what there is no room for is dropped. */
  send(otlp: Buffer, spans: number): void {
    const costBytes = otlp.length + batchCostBytes;
    if (this.#closed || this.#bytes + costBytes > exportBytesMax) {
      this.#options.counters.dropped += spans;
      this.#complain("too many spans wait for the collector", "trace spans dropped");
      return;
    }
    this.#bytes += costBytes;
    this.#queue.push({ otlp, spans, costBytes });
    this.#next();
  }

  /** Resolves when all that was sent is settled; after `limitMs` it gives up what is not. */
  async close(limitMs: number): Promise<void> {
    const timer = setTimeout(() => this.#giveUp(), limitMs);
    if (this.#bytes > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    clearTimeout(timer);
    this.#giveUp();
    await this.#agent.destroy();
  }

  #giveUp(): void {
    this.#closed = true;
    for (const limit of this.#underWay) limit.abort(new Error("the router stops"));
    for (const { spans, costBytes } of this.#queue.splice(0)) {
      this.#options.counters.dropped += spans;
      this.#bytes -= costBytes;
    }
    if (this.#bytes === 0) this.#onIdle();
  }

  #next(): void {
    if (this.#underWay.size >= exportsAtOnceMax) return;
    const batch = this.#queue.shift();
    if (batch === undefined) return;
    void this.#export(batch).then(() => {
      this.#bytes -= batch.costBytes;
      if (this.#bytes === 0) this.#onIdle();
      this.#next();
    });
  }

  /** Never rejects. */
  async #export({ otlp, spans }: Batch): Promise<void> {
    const { counters, endpoint } = this.#options;
    const limit = new AbortController();
    const late = new Error(`the collector did not take them within ${endpoint.timeoutMs} ms`);
    const timer = setTimeout(() => limit.abort(late), endpoint.timeoutMs);
    this.#underWay.add(limit);
    try {
      const rejected = Math.min(spans, await Promise.race([this.#post(otlp, limit.signal), aborted(limit.signal)]));
      counters.exported += spans - rejected;
      counters.failed += rejected;
      if (rejected > 0) this.#complain("the collector rejected some of them", "trace spans not exported");
    } catch (error) {
      counters.failed += spans;
      this.#complain(reasonOf(error), "trace spans not exported");
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(limit);
    }
  }

  /** How many spans the collector rejected. Rejects when it took none. */
  async #post(otlp: Buffer, signal: AbortSignal): Promise<number> {
    const { headers } = this.#options.endpoint;
    const { statusCode, body } = await request(this.#url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/x-protobuf", "user-agent": software },
      body: otlp,
      ...{ dispatcher: this.#dispatcher, signal },
    });
    const answer = await body.bytes();
    if (statusCode < 200 || statusCode > 299) throw new Error(`the collector answered ${statusCode}`);
    return rejectedOf(answer);
  }

  /** Shows the endpoint without its query, which may hold a key, and none of its headers. */
  #complain(reason: string, what: string): void {
    const { log, complaints } = this.#options;
    const times = complaints.count(what);
    if (times > 0) log.warn({ times, reason, endpoint: this.#url.origin + this.#url.pathname }, what);
  }
}

/** undici does not look at the signal while it waits to try again after a failed connection. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** OTLP/HTTP, "Retryable Response Codes". Each export's own time ends all waiting. */
const retries = {
  methods: ["POST" as const],
  statusCodes: [429, 502, 503, 504],
  maxRetries: 4,
  minTimeout: 250,
  maxTimeout: 60_000,
};

/** An answer that is no ExportTraceServiceResponse tells nothing; its status did. */
function rejectedOf(answer: Uint8Array): number {
  try {
    const rejected = Number(ProtobufTraceSerializer.deserializeResponse(answer).partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) ? Math.max(rejected, 0) : 0;
  } catch {
    return 0;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { statusCode } = error as { readonly statusCode?: number };
  if (statusCode !== undefined) return `the collector answered ${statusCode}`;
  const { code } = error as NodeJS.ErrnoException;
  return error.message === "" ? (code ?? error.name) : error.message;
}

import { ROOT_CONTEXT, type Span, type SpanKind, type Tracer, trace } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from "@opentelemetry/semantic-conventions";
import type { DmzTracing } from "@sallyport/proto/tracing-config";
import { software } from "./software.ts";
import type { SpanCounters } from "./span-metrics.ts";
import { parseTraceContext, type TraceContext } from "./trace-context.ts";

/** Spans that leave together, some 60 KB. */
export const batchSpansMax = 128;
/** A value longer than this is cut. */
const attributeLengthMax = 1_024;

export interface TracingOptions {
  readonly config: DmzTracing;
  readonly instanceId: string;
  readonly kind: SpanKind;
  readonly counters: SpanCounters;
  /** Takes finished spans and counts them in; the next ones come when it has resolved. Never rejects. */
  readonly send: (spans: ReadableSpan[]) => Promise<void>;
}

/** One router's spans, from their start until they are handed to `send`. Nothing of it is global. */
export class Tracing {
  readonly #options: TracingOptions;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  /** Finished and not settled yet. */
  #waiting = 0;
  #lastSend: Promise<void> = Promise.resolve();
  #onNoneWaiting: () => void = () => {};

  constructor(options: TracingOptions) {
    this.#options = options;
    const { serviceName, sampleRatio } = options.config;
    const [, version = ""] = software.split("/");
    const resource = resourceFromAttributes({
      [ATTR_SERVICE_NAME]: serviceName,
      [ATTR_SERVICE_VERSION]: version,
      [ATTR_SERVICE_INSTANCE_ID]: options.instanceId,
    });
    this.#provider = new TracerProvider({
      resource: defaultResource().merge(resource),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
      spanLimits: { attributeValueLengthLimit: attributeLengthMax },
      spanProcessors: [this.#createProcessor()],
    });
    this.#tracer = this.#provider.getTracer("sallyport", version);
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** A span in the caller's trace, or in a new one. What is not sampled records nothing and costs next to nothing. */
  start(name: string, parent: TraceContext): Span {
    const remote = parseTraceContext(parent);
    const context = remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
    return this.#tracer.startSpan(name, { kind: this.#options.kind }, context);
  }

  /** Sends what waits. Resolves when all of it is settled, or after `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([late, this.#settled(limitMs)]);
    clearTimeout(timer);
  }

  async #settled(limitMs: number): Promise<void> {
    // It does not wait for what is being sent already, and rejects when it is late.
    await this.#provider.forceFlush({ timeoutMillis: limitMs }).catch(() => {});
    if (this.#waiting > 0) await new Promise<void>((resolve) => (this.#onNoneWaiting = resolve));
  }

  /** The batch processor drops what it has no room for without a word: so it never gets that far. */
  #createProcessor(): SpanProcessor {
    const { config, counters } = this.#options;
    const batches = new BatchSpanProcessor({
      exporter: { export: (spans, done) => this.#export(spans, done), shutdown: async () => {} },
      maxQueueSize: config.queueSpans,
      maxExportBatchSize: Math.min(batchSpansMax, config.queueSpans),
      scheduledDelayMillis: config.batchDelayMs,
    });
    return {
      onStart: () => {},
      onEnd: (span) => {
        if (this.#waiting >= config.queueSpans) {
          counters.dropped++;
          return;
        }
        this.#waiting++;
        batches.onEnd(span);
      },
      forceFlush: () => batches.forceFlush(),
      shutdown: () => batches.shutdown(),
    };
  }

  /** A flush exports all batches at once; they are sent one after the other all the same. */
  #export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#lastSend = this.#lastSend.then(async () => {
      await this.#options.send(spans);
      this.#waiting -= spans.length;
      if (this.#waiting === 0) this.#onNoneWaiting();
      done({ code: ExportResultCode.SUCCESS });
    });
  }
}

/** An ExportTraceServiceRequest of OTLP. */
export function toOtlp(spans: ReadableSpan[]): Buffer {
  const bytes = ProtobufTraceSerializer.serializeRequest(spans) ?? new Uint8Array();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

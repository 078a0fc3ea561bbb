import { type Span, SpanKind } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { ATTR_SERVER_ADDRESS, ATTR_SERVER_PORT, ATTR_URL_FULL } from "@opentelemetry/semantic-conventions";
import type { Open } from "@sallyport/proto/frame";
import { type Spans, spansBytesMax } from "@sallyport/proto/manage";
import type { IntranetTracing } from "@sallyport/proto/tracing-config";
import { pathOf, setMethod, setOutcome, spanName } from "@sallyport/tunnel/span-attributes";
import { withTraceContext } from "@sallyport/tunnel/trace-context";
import { Tracing, toOtlp } from "@sallyport/tunnel/tracing";
import type { CallDone } from "./call-done.ts";
import { OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.ts";
import type { CallSpan, CallTracer } from "./relay.ts";

export interface IntranetTracerOptions extends Omit<OtlpExporterOptions, "endpoint"> {
  readonly config: IntranetTracing;
  /** "namespace/name". */
  readonly tunnel: string;
  readonly instanceId: string;
}

/** R2's span of each call, and the way out for those of its R1s. docs/protocol.md, "Spans". */
export class IntranetTracer implements CallTracer {
  readonly #options: IntranetTracerOptions;
  readonly #tracing: Tracing;
  readonly #exporter: OtlpExporter;

  constructor(options: IntranetTracerOptions) {
    this.#options = options;
    const { config, instanceId, counters } = options;
    this.#exporter = new OtlpExporter({ ...options, endpoint: config.otlp });
    const send = async (spans: ReadableSpan[]) => this.#exporter.send(toOtlp(spans), spans.length);
    this.#tracing = new Tracing({ config, instanceId, counters, send, kind: SpanKind.CLIENT });
  }

  get waiting(): number {
    return this.#tracing.waiting;
  }

  start(open: Open): CallSpan {
    return new IntranetCallSpan(this.#tracing.start(spanName(open.method), open), open, this.#options.tunnel);
  }

  /** R1's spans, which are not looked into: docs/adr/0009-traces.md. */
  forward({ otlp, count }: Spans): void {
    if (otlp.length <= spansBytesMax) this.#exporter.send(otlp, count);
    else this.#options.counters.dropped += count;
  }

  /** Sends what waits, for `limitMs` at most; what is left then is given up. */
  async close(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    await this.#tracing.flush(limitMs);
    await this.#exporter.close(Math.max(0, endMs - performance.now()));
  }
}

class IntranetCallSpan implements CallSpan {
  readonly #span: Span;
  readonly #open: Open;
  readonly #tunnel: string;

  constructor(span: Span, open: Open, tunnel: string) {
    this.#span = span;
    this.#open = open;
    this.#tunnel = tunnel;
  }

  carry(open: Open): Open {
    return withTraceContext(open, this.#span.spanContext());
  }

  end(done: CallDone): void {
    if (!this.#span.isRecording()) return;
    setMethod(this.#span, done.method);
    setOutcome(this.#span, { status: done.status, error: done.error?.code ?? "", failedFrom: 400 });
    setDestination(this.#span, done.destination, this.#open.target);
    this.#span.setAttributes({
      "sallyport.call.id": done.id,
      "sallyport.listener": this.#open.listener,
      "sallyport.tunnel": this.#tunnel,
    });
    if (done.route !== "") this.#span.setAttribute("sallyport.route", done.route);
    this.#span.end();
  }
}

/** `origin` as `URL.origin` writes it; "" when no route was found. */
function setDestination(span: Span, origin: string, target: string): void {
  if (origin === "") return;
  const { protocol, hostname, port } = new URL(origin);
  const path = pathOf(target);
  span.setAttributes({
    [ATTR_SERVER_ADDRESS]: hostname.replace(/^\[|\]$/g, ""),
    [ATTR_SERVER_PORT]: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
    [ATTR_URL_FULL]: path.startsWith("/") ? `${origin}${path}` : origin,
  });
}

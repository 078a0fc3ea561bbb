import type { IncomingMessage } from "node:http";
import { type Span, SpanKind } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
} from "@opentelemetry/semantic-conventions";
import type { Open } from "@sallyport/proto/frame";
import { type Spans, spansBytesMax } from "@sallyport/proto/manage";
import type { DmzTracing } from "@sallyport/proto/tracing-config";
import type { Complaints } from "@sallyport/tunnel/complaints";
import type { Log } from "@sallyport/tunnel/log";
import { pathOf, setMethod, setOutcome, spanName } from "@sallyport/tunnel/span-attributes";
import type { SpanCounters } from "@sallyport/tunnel/span-metrics";
import { type TraceContext, withTraceContext } from "@sallyport/tunnel/trace-context";
import { Tracing, toOtlp } from "@sallyport/tunnel/tracing";
import type { AccessEntry } from "./access-entry.ts";
import { traceContext } from "./key/trace.ts";
import type { CallSpan, CallTracer } from "./relay.ts";

export interface DmzTracerOptions {
  readonly config: DmzTracing;
  /** "namespace/name". */
  readonly tunnel: string;
  readonly instanceId: string;
  /** As the registry's. */
  readonly offer: (spans: Spans, settled: (sent: boolean) => void) => boolean;
  readonly counters: SpanCounters;
  readonly log: Log;
  readonly complaints: Complaints;
}

/** R1's span of each call. They leave over a management connection: R1 dials nothing. docs/protocol.md, "Spans". */
export class DmzTracer implements CallTracer {
  readonly #options: DmzTracerOptions;
  readonly #tracing: Tracing;

  constructor(options: DmzTracerOptions) {
    this.#options = options;
    const { config, instanceId, counters } = options;
    const send = (spans: ReadableSpan[]) => this.#send(spans);
    this.#tracing = new Tracing({ config, instanceId, counters, send, kind: SpanKind.SERVER });
  }

  get waiting(): number {
    return this.#tracing.waiting;
  }

  start(request: IncomingMessage): CallSpan {
    const span = this.#tracing.start(spanName(request.method ?? ""), contextOf(request.rawHeaders));
    return new DmzCallSpan(span, request, this.#options.tunnel);
  }

  flush(limitMs: number): Promise<void> {
    return this.#tracing.flush(limitMs);
  }

  async #send(spans: ReadableSpan[]): Promise<void> {
    const otlp = toOtlp(spans);
    if (otlp.length <= spansBytesMax) return this.#hand({ otlp, count: spans.length });
    if (spans.length === 1) {
      this.#options.counters.dropped++;
      return undefined;
    }
    const half = spans.length >> 1;
    await this.#send(spans.slice(0, half));
    return this.#send(spans.slice(half));
  }

  #hand(spans: Spans): Promise<void> {
    const { offer, counters } = this.#options;
    return new Promise((resolve) => {
      const taken = offer(spans, (sent) => {
        counters[sent ? "exported" : "failed"] += spans.count;
        resolve();
      });
      if (taken) return;
      counters.dropped += spans.count;
      this.#complain();
      resolve();
    });
  }

  #complain(): void {
    const { log, complaints } = this.#options;
    const times = complaints.count("spans dropped");
    if (times === 0) return;
    const mend = "give an R2 of this tunnel tracing.otlp; if one has it, its connection is too slow for them";
    log.warn({ times, mend }, "trace spans dropped: no R2 takes them");
  }
}

class DmzCallSpan implements CallSpan {
  readonly #span: Span;
  readonly #request: IncomingMessage;
  readonly #tunnel: string;

  constructor(span: Span, request: IncomingMessage, tunnel: string) {
    this.#span = span;
    this.#request = request;
    this.#tunnel = tunnel;
  }

  carry(open: Open): Open {
    return withTraceContext(open, this.#span.spanContext());
  }

  end(entry: AccessEntry): void {
    if (!this.#span.isRecording()) return;
    const { headers, httpVersion } = this.#request;
    setMethod(this.#span, entry.method);
    setServer(this.#span, headers.host ?? "");
    setOutcome(this.#span, { status: entry.status, error: entry.error, failedFrom: 500 });
    this.#span.setAttributes({
      [ATTR_URL_PATH]: pathOf(entry.target),
      [ATTR_URL_SCHEME]: "http",
      [ATTR_CLIENT_ADDRESS]: entry.client,
      [ATTR_NETWORK_PROTOCOL_VERSION]: httpVersion,
      "sallyport.call.id": entry.id,
      "sallyport.listener": entry.listener,
      "sallyport.tunnel": this.#tunnel,
    });
    this.#span.end();
  }
}

/** What the client's Host says: it names the service that is meant. */
function setServer(span: Span, host: string): void {
  const [, bracketed, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(host) ?? [];
  const address = bracketed ?? name;
  if (address !== undefined) span.setAttribute(ATTR_SERVER_ADDRESS, address);
  if (port !== undefined) span.setAttribute(ATTR_SERVER_PORT, Number(port));
}

function contextOf(rawHeaders: readonly string[]): TraceContext {
  const traceparents: string[] = [];
  const tracestates: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (name === "traceparent") traceparents.push(rawHeaders[at + 1]!);
    else if (name === "tracestate") tracestates.push(rawHeaders[at + 1]!);
  }
  return traceContext(traceparents, tracestates);
}

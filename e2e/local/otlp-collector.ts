import http, { type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";

/** A span as a collector reads it. Ids are in hexadecimal digits; no parent is "". */
export interface ReceivedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly durationNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What stands for an OpenTelemetry Collector: OTLP/HTTP with binary protobuf, on loopback. */
export class OtlpCollector {
  readonly spans: ReceivedSpan[] = [];
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  /** Bodies that were no ExportTraceServiceRequest. */
  malformed = 0;
  readonly #server: Server;
  readonly #waiting: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<OtlpCollector> {
    const server = http.createServer();
    const collector = new OtlpCollector(server);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        collector.requests.push({ url: request.url ?? "", headers: request.headers });
        collector.#receive(Buffer.concat(chunks));
        response.writeHead(200, { "Content-Type": "application/x-protobuf" }).end();
      });
    });
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The spans of a trace, by service, once each of the services has sent one. */
  async trace(traceId: string, services: readonly string[]): Promise<readonly ReceivedSpan[]> {
    for (;;) {
      const found = this.spans.filter((span) => span.traceId === traceId);
      const inOrder = services.map((service) => found.find((span) => span.service === service));
      if (inOrder.every((span) => span !== undefined)) return inOrder;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #receive(body: Buffer): void {
    try {
      this.spans.push(...spansOf(body));
    } catch {
      this.malformed++;
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string; readonly boolValue?: boolean };
}

interface ResourceSpans {
  readonly resource: { readonly attributes: readonly KeyValue[] };
  readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
}

interface OtlpSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code: string } | null;
}

const definitions = loadSync(fileURLToPath(new URL("otlp.proto", import.meta.url)), {
  ...{ longs: String, enums: String, defaults: true, arrays: true, oneofs: true },
});

export function encodeAnswer(answer: object): Buffer {
  return messageType("ExportTraceServiceResponse").serialize(answer);
}

/** Throws for what is no ExportTraceServiceRequest. */
export function spansOf(otlp: Buffer): ReceivedSpan[] {
  const { resourceSpans } = messageType("ExportTraceServiceRequest").deserialize(otlp) as {
    readonly resourceSpans: readonly ResourceSpans[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource.attributes)["service.name"]);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => received(span, service)));
  });
}

function received(span: OtlpSpan, service: string): ReceivedSpan {
  return {
    service,
    traceId: span.traceId.toString("hex"),
    spanId: span.spanId.toString("hex"),
    parentSpanId: span.parentSpanId.toString("hex"),
    traceState: span.traceState,
    name: span.name,
    kind: span.kind,
    status: span.status?.code ?? "UNSET",
    durationNs: BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano),
    attributes: valuesOf(span.attributes),
  };
}

function valuesOf(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? (value.intValue === undefined ? value.boolValue : Number(value.intValue)),
    ]),
  );
}

function messageType(name: string): MessageTypeDefinition<object, object> {
  return definitions[`otlp.${name}`] as MessageTypeDefinition<object, object>;
}

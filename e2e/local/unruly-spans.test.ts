import { SpanKind } from "@opentelemetry/api";
import { createAuthority } from "@sallyport/cli/identity";
import { protocolVersion } from "@sallyport/proto/frame";
import {
  carryPath,
  type DmzMessage,
  decodeIntranet,
  encodeDmz,
  type IntranetMessage,
  managePath,
  spansBytesMax,
} from "@sallyport/proto/manage";
import { startIntranetRouter } from "@sallyport/router-intranet/router";
import { GrpcServer } from "@sallyport/tunnel/grpc-server";
import { spiffeId } from "@sallyport/tunnel/identity";
import { MessageStream } from "@sallyport/tunnel/message-stream";
import type { RunningRouter } from "@sallyport/tunnel/process";
import { noSpans } from "@sallyport/tunnel/span-metrics";
import { limits } from "@sallyport/tunnel/testing/link-pair";
import { Tracing, toOtlp } from "@sallyport/tunnel/tracing";
import type { LinkTransport } from "@sallyport/tunnel/transport";
import { afterEach, describe, expect, it } from "vitest";
import { OtlpCollector } from "./otlp-collector.ts";

/** A real R2 under an R1 that somebody has taken over: it sends what it likes where spans are meant. */

const tunnel = "default/sample";
const authority = await createAuthority("sallyport", tunnel);
const [dmz, intranet] = [await authority.issue("dmz"), await authority.issue("intranet")];

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

describe("B7: an R2 with a collector", () => {
  it("hands on what R1 sends as it is, each message for itself: what is no OTLP costs no other", async () => {
    const collector = await startCollector();
    const { takesSpans, send, counts } = await start({ otlp: { url: collector.url } });
    expect(takesSpans).toBe(true);
    send(Buffer.from("\xff\xff\xff", "latin1"), 1);
    send(await someSpans("good"), 2);
    send(Buffer.from("\x0a\x7f", "latin1"), 1);
    await expect.poll(() => collector.requests.length).toBe(3);
    expect([collector.malformed, collector.spans.map(({ name }) => name)]).toStrictEqual([2, ["good", "good"]]);
    await expect.poll(counts).toStrictEqual({ exported: 4, dropped: 0 });
  });

  it("drops what is larger than a message of spans may be", async () => {
    const collector = await startCollector();
    const { send, counts } = await start({ otlp: { url: collector.url } });
    send(Buffer.alloc(spansBytesMax + 1), 5);
    send(Buffer.alloc(spansBytesMax), 7);
    await expect.poll(counts).toStrictEqual({ exported: 7, dropped: 5 });
    expect(collector.requests).toHaveLength(1);
  });
});

describe("B7: an R2 without a collector", () => {
  it("says so, and drops and counts what R1 sends all the same", async () => {
    const { takesSpans, send, counts } = await start(undefined);
    expect(takesSpans).toBe(false);
    send(await someSpans("unasked"), 2);
    await expect.poll(counts).toStrictEqual({ exported: 0, dropped: 2 });
  });
});

async function startCollector(): Promise<OtlpCollector> {
  const collector = await OtlpCollector.start();
  cleanUps.push(() => collector.close());
  return collector;
}

/** R2, connected to an R1 that this test plays. */
async function start(tracing: object | undefined) {
  let onHello = (_: boolean): void => {};
  const registered = new Promise<boolean>((resolve) => {
    onHello = resolve;
  });
  const streams: MessageStream<DmzMessage, IntranetMessage>[] = [];
  const server = new GrpcServer({
    ...{ identity: dmz, peerId: spiffeId("sallyport", tunnel, "intranet"), connectionsMax: 16 },
    methods: {
      [managePath]: (transport) => streams.push(welcome(transport, onHello)),
      [carryPath]: (transport) => transport.close(),
    },
    onRefused: () => {},
  });
  const port = await server.listen("127.0.0.1", 0);
  cleanUps.push(() => server.close());
  const router = await startR2(port, tracing);
  const takesSpans = await registered;
  const send = (otlp: Buffer, count: number): void => streams.at(-1)?.send({ t: "spans", spans: { otlp, count } });
  return { takesSpans, send, counts: () => spanCounts(router) };
}

function welcome(transport: LinkTransport, onHello: (takesSpans: boolean) => void) {
  const stream: MessageStream<DmzMessage, IntranetMessage> = new MessageStream({
    transport,
    encode: (message) => encodeDmz(message as Exclude<DmzMessage, { t: "unknown" }>),
    decode: decodeIntranet,
    onMessage: (message: IntranetMessage) => {
      if (message.t === "ping") stream.send({ t: "ping", ping: { ...message.ping, ack: true } });
      if (message.t !== "hello") return;
      const greeting = { protocol: protocolVersion, tunnel, instanceId: "r1", workerId: "0", software: "test", limits };
      stream.send({ t: "welcome", welcome: { ...greeting, dmzInstances: 0, heartbeatMs: 60_000 } });
      onHello(message.hello.takesSpans);
    },
    onClosed: () => {},
  });
  return stream;
}

async function startR2(port: number, tracing: object | undefined): Promise<RunningRouter> {
  const config = {
    ...{ tunnel, identity: intranet, admin: { address: "127.0.0.1", port: 0 }, log: { level: "error" } },
    ...{ dmz: [{ name: "r1", address: "127.0.0.1", port }], routes: [], limits: { drainMs: 0 } },
    ...(tracing && { tracing }),
  };
  const router = await startIntranetRouter(config, () => {});
  cleanUps.push(() => router.drain());
  return router;
}

async function spanCounts({ ports }: RunningRouter): Promise<object> {
  const page = await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text();
  const read = (name: string) => Number(new RegExp(`^sallyport_spans_${name}_total (\\d+)$`, "m").exec(page)?.[1]);
  return { exported: read("exported"), dropped: read("dropped") };
}

async function someSpans(name: string): Promise<Buffer> {
  let otlp: Buffer = Buffer.alloc(0);
  const tracing = new Tracing({
    config: { sampleRatio: 1, queueSpans: 10, batchDelayMs: 60_000, serviceName: "r1" },
    ...{ instanceId: "r1", kind: SpanKind.SERVER, counters: noSpans() },
    send: async (spans) => {
      otlp = toOtlp(spans);
    },
  });
  for (let i = 0; i < 2; i++) tracing.start(name, { traceparent: "", tracestate: "" }).end();
  await tracing.flush(5_000);
  return otlp;
}

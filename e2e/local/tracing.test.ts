import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http, { type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { freePort } from "./dev-process.ts";
import { OtlpCollector } from "./otlp-collector.ts";
import { RouterProcess } from "./router-process.ts";

/** R1 and R2 as processes, a destination that shows what it was sent, and a collector that reads OTLP. */

const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const recorder = new URL("connect-record.ts", import.meta.url).href;

const traceId = "0af7651916cd43dd8448eb211c80319c";
const clientSpan = "b7ad6b7169203331";
const secret = "Bearer s3cr3t-TOKEN";
const services = ["sallyport-r1", "sallyport-r2"];

let folder: string;
let destination: Server;
let collector: OtlpCollector;
/** Answers the call to /shop/slow. */
let release: () => void;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sallyport-tracing-"));
  const args = [main, "identity", "--tunnel", "default/partners", "--out", folder];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect({ status, stderr }).toStrictEqual({ status: 0, stderr: "" });
  destination = http.createServer((request, response) => {
    request.resume();
    response.statusCode = request.url === "/shop/ill" ? 500 : 200;
    const answer = (): void => void response.end(JSON.stringify(request.headers));
    if (request.url === "/shop/slow") release = answer;
    else answer();
  });
  destination.listen(0, "127.0.0.1");
  await new Promise((resolve) => destination.once("listening", resolve));
  collector = await OtlpCollector.start();
});

/** Also those of a test that hangs. */
const running: RouterProcess[] = [];

afterAll(async () => {
  for (const { child } of running) child.kill("SIGKILL");
  destination?.close();
  collector?.close();
  await rm(folder, { recursive: true });
});

describe("B7: with tracing on at both routers", { timeout: 60_000 }, () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair({ r1: { batchDelayMs: 50 }, r2: { batchDelayMs: 50, otlp: otlp() } });
  });
  afterAll(() => pair?.kill());

  it("a call is one tree: client, R1, R2, destination", async () => {
    const sent = { traceparent: `00-${traceId}-${clientSpan}-01`, tracestate: "a=1,b=2" };
    const reply = await call(pair, "/shop/cart?card=4111", sent);
    expect(reply.status).toBe(200);
    const [r1, r2] = await collector.trace(traceId, services);
    expect(r1).toMatchObject({ parentSpanId: clientSpan, name: "GET", kind: "SERVER", status: "UNSET" });
    expect(r2).toMatchObject({ parentSpanId: r1!.spanId, name: "GET", kind: "CLIENT", status: "UNSET" });
    expect([r1!.traceState, r2!.traceState]).toStrictEqual(["a=1,b=2", "a=1,b=2"]);
    const { traceparent, tracestate } = reply.seen;
    expect([traceparent, tracestate]).toStrictEqual([`00-${traceId}-${r2!.spanId}-01`, "a=1,b=2"]);
    expect(r1!.durationNs >= r2!.durationNs && r2!.durationNs > 0n).toBe(true);
  });

  it("spans speak OpenTelemetry's words, and show no query", async () => {
    const id = "1".repeat(32);
    await call(pair, "/shop/cart?card=4111", { traceparent: `00-${id}-${clientSpan}-01` });
    const [r1, r2] = await collector.trace(id, services);
    const { "sallyport.call.id": callId, ...first } = r1!.attributes;
    expect(callId).toMatch(/^[0-9a-f]{8}-[0-9a-z]+$/);
    expect(first).toStrictEqual({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "url.path": "/shop/cart",
      "url.scheme": "http",
      "server.address": "127.0.0.1",
      "server.port": pair.port,
      "client.address": "127.0.0.1",
      "network.protocol.version": "1.1",
      "sallyport.listener": "web",
      "sallyport.tunnel": "default/partners",
    });
    expect(r2!.attributes).toStrictEqual({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "url.full": `http://127.0.0.1:${portOf(destination)}/shop/cart`,
      "server.address": "127.0.0.1",
      "server.port": portOf(destination),
      "sallyport.call.id": callId,
      "sallyport.listener": "web",
      "sallyport.route": "default/shop",
      "sallyport.tunnel": "default/partners",
    });
  });

  it.each([
    ["none", {}],
    ["a malformed one", { traceparent: `00-${"0".repeat(32)}-${clientSpan}-01`, tracestate: "a=1" }],
    ["two", { traceparent: [`00-${traceId}-${clientSpan}-01`, `00-${traceId}-${clientSpan}-01`] }],
  ])("a trace begins at R1 when the client's traceparent is %s", async (_, headers) => {
    const { seen } = await call(pair, "/shop", headers);
    const [, newTrace = "", parent, flags] = String(seen.traceparent).split("-");
    const [r1, r2] = await collector.trace(newTrace, services);
    expect(newTrace).not.toBe(traceId);
    expect([r1!.parentSpanId, r2!.parentSpanId, r2!.spanId, flags]).toStrictEqual(["", r1!.spanId, parent, "01"]);
    expect(seen.tracestate).toBeUndefined();
  });

  it("a destination that cannot be reached is an error of both spans", async () => {
    const id = "2".repeat(32);
    const reply = await call(pair, "/nowhere", { traceparent: `00-${id}-${clientSpan}-01` });
    expect(reply.status).toBe(502);
    const [r1, r2] = await collector.trace(id, services);
    const error = { "error.type": "DESTINATION_UNREACHABLE" };
    expect(r1).toMatchObject({ status: "ERROR", attributes: { ...error, "http.response.status_code": 502 } });
    expect(r2).toMatchObject({ status: "ERROR", parentSpanId: r1!.spanId, attributes: error });
    expect(r2!.attributes).toMatchObject({ "sallyport.route": "default/nowhere", "server.address": "127.0.0.1" });
    expect(r2!.attributes).not.toHaveProperty("http.response.status_code");
  });

  it("a call that no route takes is the client's mistake to R1, and an error to R2", async () => {
    const id = "3".repeat(32);
    const reply = await call(pair, "/else", { traceparent: `00-${id}-${clientSpan}-01` });
    expect(reply.status).toBe(404);
    const [r1, r2] = await collector.trace(id, services);
    expect(r1).toMatchObject({ status: "UNSET", attributes: { "error.type": "NO_ROUTE" } });
    expect(r2).toMatchObject({ status: "ERROR", attributes: { "error.type": "NO_ROUTE" } });
    expect(r2!.attributes).not.toHaveProperty("server.address");
  });

  it("a destination's 500 is an error of both, by its status", async () => {
    const id = "4".repeat(32);
    await call(pair, "/shop/ill", { traceparent: `00-${id}-${clientSpan}-01` });
    const spans = await collector.trace(id, services);
    const error = { status: "ERROR", attributes: { "error.type": "500", "http.response.status_code": 500 } };
    expect(spans).toMatchObject([error, error]);
  });

  it("a caller's decision not to sample goes on, and nothing is recorded", async () => {
    const [unsampled, later] = ["5".repeat(32), "6".repeat(32)];
    const { seen } = await call(pair, "/shop", { traceparent: `00-${unsampled}-${clientSpan}-00` });
    expect(seen.traceparent).toMatch(new RegExp(`^00-${unsampled}-(?!${clientSpan})[0-9a-f]{16}-00$`));
    await call(pair, "/shop", { traceparent: `00-${later}-${clientSpan}-01` });
    // Each router's spans come in the order in which they ended.
    await collector.trace(later, services);
    expect(collector.spans.filter((span) => span.traceId === unsampled)).toStrictEqual([]);
  });

  it("all of it is counted, and came to the path of OTLP with the configured headers", async () => {
    expect(collector.malformed).toBe(0);
    expect(new Set(collector.requests.map(({ url }) => url))).toStrictEqual(new Set(["/v1/traces"]));
    expect(collector.requests[0]!.headers).toMatchObject({
      authorization: secret,
      "content-type": "application/x-protobuf",
    });
    const ofService = (name: string) => collector.spans.filter(({ service }) => service === name).length;
    await expect
      .poll(() => spanCounts(pair.r1Admin))
      .toStrictEqual({ exported: ofService(services[0]!), dropped: 0, failed: 0 });
    await expect
      .poll(() => spanCounts(pair.r2Admin))
      .toStrictEqual({ exported: collector.spans.length, dropped: 0, failed: 0 });
  });

  it("R1 dials nobody, its spans notwithstanding; the secret header is shown nowhere", async () => {
    const dialled = ({ records }: RouterProcess) => records.filter(({ msg }) => msg === "this process dials").length;
    expect(dialled(pair.r2)).toBeGreaterThan(3);
    expect(dialled(pair.r1)).toBe(0);
    const pages = await Promise.all(["metrics", "statusz"].map((page) => text(pair.r2Admin, page)));
    const shown = JSON.stringify([pages, pair.r2.records, pair.r2.lines]);
    expect(shown).not.toContain("s3cr3t");
  });
});

describe("B7: spans that wait", { timeout: 60_000 }, () => {
  it("are sent before R1 and then R2 end, those of its last calls among them", async () => {
    const id = "7".repeat(32);
    const pair = await startPair({ r1: { batchDelayMs: 60_000 }, r2: { batchDelayMs: 60_000, otlp: otlp() } });
    try {
      const last = call(pair, "/shop/slow", { traceparent: `00-${id}-${clientSpan}-01` });
      await new Promise((resolve) => destination.once("request", resolve));
      const stopped = pair.r1.stop();
      await pair.r1.record("draining");
      release();
      expect([(await last).status, await stopped]).toStrictEqual([200, 0]);
      await collector.trace(id, ["sallyport-r1"]);
      expect(collector.spans.filter(({ traceId }) => traceId === id)).toHaveLength(1);
      expect(await pair.r2.stop()).toBe(0);
      expect(await collector.trace(id, services)).toHaveLength(2);
    } finally {
      pair.kill();
    }
  });
});

describe("B7: with tracing on at R1 alone", { timeout: 60_000 }, () => {
  it("R1 is told that nobody takes its spans, drops and counts them, and calls go on", async () => {
    const id = "8".repeat(32);
    const pair = await startPair({ r1: { batchDelayMs: 50 } });
    try {
      const { status, seen } = await call(pair, "/shop", { traceparent: `00-${id}-${clientSpan}-01` });
      expect(status).toBe(200);
      // R2 passes on what R1 says.
      expect(seen.traceparent).toMatch(new RegExp(`^00-${id}-(?!${clientSpan})[0-9a-f]{16}-01$`));
      await expect.poll(() => spanCounts(pair.r1Admin)).toStrictEqual({ exported: 0, dropped: 1, failed: 0 });
      expect(await pair.r1.record("trace spans dropped: no R2 takes them")).toMatchObject({ level: 40, times: 1 });
      expect(await spanCounts(pair.r2Admin)).toStrictEqual({ exported: 0, dropped: 0, failed: 0 });
    } finally {
      pair.kill();
    }
  });
});

describe("B7: with tracing on at R2 alone", { timeout: 60_000 }, () => {
  it("its span is the client's child; the ratio counts for calls without a trace", async () => {
    const id = "9".repeat(32);
    const pair = await startPair({ r2: { batchDelayMs: 50, sampleRatio: 0, otlp: otlp() } });
    try {
      const { seen } = await call(pair, "/shop", {});
      expect(seen.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
      await call(pair, "/shop", { traceparent: `00-${id}-${clientSpan}-01` });
      expect(await collector.trace(id, ["sallyport-r2"])).toMatchObject([{ parentSpanId: clientSpan }]);
      expect(collector.spans.filter(({ traceId }) => String(seen.traceparent).includes(traceId))).toStrictEqual([]);
    } finally {
      pair.kill();
    }
  });
});

describe("B7: without tracing", { timeout: 60_000 }, () => {
  it("trace headers go through as they came, right or wrong", async () => {
    const pair = await startPair({});
    try {
      for (const traceparent of [`00-${traceId}-${clientSpan}-01`, "nonsense"]) {
        const { seen } = await call(pair, "/shop", { traceparent, tracestate: "a=1" });
        expect([seen.traceparent, seen.tracestate]).toStrictEqual([traceparent, "a=1"]);
      }
    } finally {
      pair.kill();
    }
  });
});

// ------------------------------------------------------------------------------------------------------ routers

interface Pair {
  readonly r1: RouterProcess;
  readonly r2: RouterProcess;
  readonly port: number;
  readonly r1Admin: number;
  readonly r2Admin: number;
  kill(): void;
}

interface PairTracing {
  readonly r1?: object;
  readonly r2?: object;
}

function otlp(): object {
  return { url: collector.url, headers: { Authorization: secret } };
}

async function startPair(tracing: PairTracing): Promise<Pair> {
  const { r1: dmz, r2: intranet } = tracing;
  const r1 = await startRouter("r1", { ...dmzConfig(), ...(dmz && { tracing: dmz }) });
  const { ports } = (await r1.record("listening")) as unknown as { ports: Record<string, number> };
  const config = await intranetConfig(ports.tunnel!);
  const r2 = await startRouter("r2", { ...config, ...(intranet && { tracing: intranet }) });
  await r1.record("readiness");
  const started = (await r2.record("started")) as unknown as { ports: { admin: number } };
  const kill = () => {
    for (const { child } of [r1, r2]) child.kill("SIGKILL");
  };
  return { r1, r2, port: ports.web!, r1Admin: ports.admin!, r2Admin: started.ports.admin, kill };
}

async function startRouter(side: "r1" | "r2", config: object): Promise<RouterProcess> {
  const file = join(folder, `${side}.yaml`);
  await writeFile(file, stringify(config), { mode: 0o600 });
  const router = new RouterProcess(side, file, { nodeOptions: ["--import", recorder] });
  running.push(router);
  return router;
}

const anyPort = { address: "127.0.0.1", port: 0 };

function common(side: "r1" | "r2"): object {
  return {
    tunnel: "default/partners",
    identity: {
      certificateChainFile: `${side}/certificate.pem`,
      privateKeyFile: `${side}/private-key.pem`,
      trustedCasFile: `${side}/trusted-cas.pem`,
    },
    admin: anyPort,
    limits: { drainNoticeMs: 0 },
  };
}

function dmzConfig(): object {
  const listeners = [{ name: "web", protocol: "HTTP", ...anyPort }];
  return { ...common("r1"), listeners, tunnelEndpoint: anyPort, health: anyPort };
}

async function intranetConfig(tunnelPort: number): Promise<object> {
  return {
    ...common("r2"),
    dmz: [{ name: "r1", address: "127.0.0.1", port: tunnelPort }],
    routes: [route("shop", portOf(destination)), route("nowhere", await freePort())],
  };
}

function route(name: string, port: number): object {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "TunnelRoute",
    metadata: { name },
    spec: {
      parentRefs: [{ name: "partners" }],
      matches: [{ path: { value: `/${name}` } }],
      backendRefs: [{ url: `http://127.0.0.1:${port}` }],
    },
  };
}

// -------------------------------------------------------------------------------------------------------- calls

interface Reply {
  readonly status: number;
  /** The headers that the destination was sent; empty when it was not reached. */
  readonly seen: IncomingHttpHeaders;
}

function call({ port }: Pair, path: string, headers: http.OutgoingHttpHeaders): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        const isReached = status === 200 || path === "/shop/ill";
        resolve({ status, seen: isReached ? JSON.parse(Buffer.concat(chunks).toString()) : {} });
      });
    });
    request.on("error", reject);
  });
}

async function text(port: number, page: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/${page}`)).text();
}

async function spanCounts(port: number): Promise<object> {
  const page = await text(port, "metrics");
  const read = (name: string) => Number(new RegExp(`^sallyport_spans_${name}_total (\\d+)$`, "m").exec(page)?.[1]);
  return { exported: read("exported"), dropped: read("dropped"), failed: read("failed") };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

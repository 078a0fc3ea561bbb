import http, { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { Complaints } from "@sallyport/tunnel/complaints";
import type { Log } from "@sallyport/tunnel/log";
import { noSpans } from "@sallyport/tunnel/span-metrics";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { afterEach, describe, expect, test } from "vitest";
import { selfSigned } from "./dial/testing/self-signed.ts";
import { batchCostBytes, exportBytesMax, exportsAtOnceMax, OtlpExporter } from "./otlp-exporter.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

describe("an export", () => {
  test("is a POST of the very bytes, with the configured headers", async () => {
    const r2 = await open((_, response) => void response.end());
    r2.exporter.send(Buffer.from([0x0a, 0xff, 0]), 3);
    await r2.exporter.close(5_000);
    expect(r2.seen).toEqual([{ method: "POST", url: "/v1/traces", body: "0aff00", authorization: "Bearer x" }]);
    expect([r2.counters, r2.lines]).toEqual([{ exported: 3, dropped: 0, failed: 0 }, []]);
  });

  test("goes to another path if the URL has one", async () => {
    const r2 = await open((_, response) => void response.end(), { path: "/otlp/v1/traces?key=k" });
    r2.exporter.send(Buffer.from("a"), 1);
    await r2.exporter.close(5_000);
    expect(r2.seen[0]?.url).toBe("/otlp/v1/traces?key=k");
  });

  test.each([429, 502, 503, 504])("is tried again when the collector answers %i", async (status) => {
    const r2 = await open((_, response) => {
      response.statusCode = r2.seen.length === 1 ? status : 200;
      response.setHeader("Retry-After", "0").end();
    });
    r2.exporter.send(Buffer.from("a"), 2);
    await r2.exporter.close(5_000);
    expect([r2.seen.map(({ body }) => body), r2.counters.exported, r2.counters.failed]).toEqual([["61", "61"], 2, 0]);
  });

  test.each([400, 401, 500, 302])("is not when it answers %i: it has failed, and the log says why", async (status) => {
    const r2 = await open((_, response) => void response.writeHead(status, { Location: "/" }).end("no"));
    r2.exporter.send(Buffer.from("a"), 2);
    await r2.exporter.close(5_000);
    expect([r2.seen.length, r2.counters]).toEqual([1, { exported: 0, dropped: 0, failed: 2 }]);
    expect(r2.lines).toEqual([`trace spans not exported: the collector answered ${status}`]);
  });

  test("that a collector never answers ends after its time", async () => {
    const r2 = await open(() => {}, { timeoutMs: 100 });
    r2.exporter.send(Buffer.from("a"), 2);
    await r2.exporter.close(60_000);
    expect(r2.counters).toEqual({ exported: 0, dropped: 0, failed: 2 });
  });

  test("does not wait longer than its time to be tried again, whatever the collector asks for", async () => {
    const r2 = await open((_, response) => void response.writeHead(503, { "Retry-After": "3600" }).end(), {
      timeoutMs: 100,
    });
    r2.exporter.send(Buffer.from("a"), 2);
    await r2.exporter.close(60_000);
    expect([r2.seen.length, r2.counters.failed]).toEqual([1, 2]);
  });

  test("fails when nobody listens", async () => {
    const r2 = await open(() => {}, { timeoutMs: 100 });
    servers.pop()?.close();
    r2.exporter.send(Buffer.from("a"), 2);
    await r2.exporter.close(60_000);
    expect(r2.counters.failed).toBe(2);
    // It was still waiting to try again.
    expect(r2.lines).toEqual(["trace spans not exported: the collector did not take them within 100 ms"]);
  });

  test("counts the spans that the collector rejects: partial success", async () => {
    const r2 = await open((_, response) => {
      // partial_success { rejected_spans: 2 }
      response.end(Buffer.from([0x0a, 2, 0x08, 2]));
    });
    r2.exporter.send(Buffer.from("a"), 5);
    await r2.exporter.close(5_000);
    expect(r2.counters).toEqual({ exported: 3, dropped: 0, failed: 2 });
    expect(r2.lines).toEqual(["trace spans not exported: the collector rejected some of them"]);
  });

  test.each([
    ["no protobuf", Buffer.from("<html>")],
    ["more rejected than sent", Buffer.from([0x0a, 3, 0x08, 0xff, 0x7f])],
  ])("outlives an answer of %s", async (_, answer) => {
    const r2 = await open((_request, response) => void response.end(answer));
    r2.exporter.send(Buffer.from("a"), 5);
    await r2.exporter.close(5_000);
    expect(r2.counters.exported + r2.counters.failed).toBe(5);
  });

  test("goes over TLS to a collector that the configured CA vouches for, and to no other", async () => {
    const certificate = await selfSigned([{ type: "ip", value: "127.0.0.1" }]);
    for (const [ca, exported] of [
      [certificate.cert, 1],
      [undefined, 0],
    ] as const) {
      const r2 = await open((_, response) => void response.end(), { tls: { ...certificate, ca } });
      r2.exporter.send(Buffer.from("a"), 1);
      await r2.exporter.close(5_000);
      expect([r2.counters, r2.seen.length]).toEqual([{ exported, dropped: 0, failed: 1 - exported }, exported]);
    }
  });

  test("whose answer has no end fails", async () => {
    const r2 = await open((_, response) => void response.end(Buffer.alloc(1024 * 1024)));
    r2.exporter.send(Buffer.from("a"), 5);
    await r2.exporter.close(5_000);
    expect(r2.counters).toEqual({ exported: 0, dropped: 0, failed: 5 });
  });
});

describe("exports", () => {
  test("are few at once, the others wait", async () => {
    const answers: ServerResponse[] = [];
    const r2 = await open((_, response) => void answers.push(response));
    for (let i = 0; i < exportsAtOnceMax + 2; i++) r2.exporter.send(Buffer.from([i]), 1);
    await r2.until(() => answers.length === exportsAtOnceMax);
    answers[0]!.end();
    await r2.until(() => answers.length === exportsAtOnceMax + 1);
    for (const answer of answers.slice(1)) answer.end();
    await r2.until(() => answers.length === exportsAtOnceMax + 2);
    answers.at(-1)!.end();
    await r2.exporter.close(5_000);
    expect(r2.counters.exported).toBe(exportsAtOnceMax + 2);
  });

  test("beyond the bytes that may wait are dropped and counted, and the log says so once in a while", async () => {
    const r2 = await open(() => {});
    r2.exporter.send(Buffer.alloc(exportBytesMax - batchCostBytes), 1);
    r2.exporter.send(Buffer.alloc(1), 7);
    r2.exporter.send(Buffer.alloc(1), 7);
    expect([r2.exporter.bytes, r2.counters.dropped]).toEqual([exportBytesMax, 14]);
    expect(r2.lines).toEqual(["trace spans dropped: too many spans wait for the collector"]);
    await r2.exporter.close(0);
  });

  test("that hold nothing cost something too", async () => {
    const r2 = await open(() => {});
    for (let i = 0; i < exportBytesMax / batchCostBytes + 1; i++) r2.exporter.send(Buffer.alloc(0), 1);
    expect(r2.counters.dropped).toBe(1);
    await r2.exporter.close(0);
  });

  test("that are not settled when the time to close is over are given up", async () => {
    const r2 = await open(() => {});
    for (let i = 0; i < exportsAtOnceMax + 3; i++) r2.exporter.send(Buffer.from("a"), 1);
    await r2.until(() => r2.seen.length === exportsAtOnceMax);
    await r2.exporter.close(10);
    expect([r2.counters, r2.exporter.bytes]).toEqual([{ exported: 0, dropped: 3, failed: exportsAtOnceMax }, 0]);
    r2.exporter.send(Buffer.from("a"), 1);
    expect(r2.counters.dropped).toBe(4);
  });

  test("show neither headers nor the URL's query in the log", async () => {
    const r2 = await open((_, response) => void response.writeHead(401).end(), { path: "/v1/traces?key=s3cr3t" });
    r2.exporter.send(Buffer.from("a"), 1);
    await r2.exporter.close(5_000);
    const { url } = r2;
    expect(r2.logged).toEqual([{ times: 1, reason: "the collector answered 401", endpoint: `${url}/v1/traces` }]);
  });
});

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
}

interface Setup {
  readonly path?: string;
  readonly timeoutMs?: number;
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string | undefined };
}

/** An exporter, and a collector that answers as the test says. */
async function open(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  { path = "", timeoutMs = 10_000, tls }: Setup = {},
) {
  const seen: Seen[] = [];
  let wake = (): void => {};
  const receive = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      const { authorization } = headers;
      seen.push({ method, url, authorization, body: Buffer.concat(chunks).toString("hex") });
      answer(request, response);
      wake();
    });
  };
  const server = tls ? https.createServer({ cert: tls.cert, key: tls.key }, receive) : http.createServer(receive);
  servers.push(server.listen(0, "127.0.0.1"));
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const counters = noSpans();
  const logged: { readonly reason: string }[] = [];
  const lines: string[] = [];
  const warn = (fields: { readonly reason: string }, line: string): void => {
    logged.push(fields);
    lines.push(`${line}: ${fields.reason}`);
  };
  const exporter = new OtlpExporter({
    endpoint: { url: url + path, headers: { Authorization: "Bearer x" }, timeoutMs, ca: tls?.ca },
    ...{ counters, log: { warn } as unknown as Log, complaints: new Complaints(new FakeClock()) },
  });
  const until = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { exporter, url, counters, seen, lines, logged, until };
}

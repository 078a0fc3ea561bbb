import { TunnelError } from "@sallyport/proto/error";
import type { Open } from "@sallyport/proto/frame";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CallDone } from "./call-done.ts";
import { closeDiallers, destinations } from "./dial/testing/diallers.ts";
import { FakeClient } from "./dial/testing/fake-client.ts";
import { closeLoopbacks, serveHttp } from "./dial/testing/loopback.ts";
import { envelopeTimeoutMs } from "./envelope-wait.ts";
import { compileRoutes } from "./match/compile.ts";
import { EnvelopeScanner, envelopeBytesMax } from "./match/envelope.ts";
import { type Match, match, matchEnvelope } from "./match/match.ts";
import { sampleEnvelope } from "./match/sample-envelope.ts";
import { sampleRoute, sampleTunnel } from "./match/sample-route.ts";
import { createRelay, type FindDestination, type Found } from "./relay.ts";

/** Two destinations, of which one takes calls by `<ClientRouteName>`, the other one all else. */

interface Arrived {
  readonly where: string;
  readonly body: string;
}

let clock: FakeClock;
let done: CallDone[];
let arrived: Arrived[];
let connections: number;
let find: FindDestination;

beforeEach(async () => {
  clock = new FakeClock();
  done = [];
  arrived = [];
  connections = 0;
  const [asked, rest] = [await serve("asked"), await serve("rest")];
  const byHeader = { soap: { header: { name: "ClientRouteName", value: "test" } } };
  const routes = [
    sampleRoute({ name: "asked", matches: [byHeader], backendRefs: [{ url: asked }] }),
    sampleRoute({ name: "rest", backendRefs: [{ url: rest }] }),
  ];
  const table = compileRoutes(routes, sampleTunnel);
  const found = (answer: Match): Found => {
    if (answer.t === "none") return { t: "fail", error: new TunnelError("NO_ROUTE", "none") };
    return { t: "destination", origin: answer.route.key.endsWith("asked") ? asked : rest, route: answer.route.key };
  };
  find = (open) => {
    const first = match(table, open);
    if (first.t !== "needEnvelope") return found(first);
    const scanner = new EnvelopeScanner(first.form, table.askedHeaders);
    return { t: "needEnvelope", scanner, decide: (envelope) => found(matchEnvelope(table, open, envelope)) };
  };
});

afterEach(async () => {
  await closeLoopbacks();
  await closeDiallers();
});

async function serve(where: string): Promise<string> {
  const server = await serveHttp((request, response) => {
    connections += 1;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      arrived.push({ where, body: Buffer.concat(chunks).toString("latin1") });
      response.end(where);
    });
  });
  return server.origin;
}

function start(open: Partial<Open> = chunked): FakeClient {
  const onDone = (each: CallDone) => done.push(each);
  return new FakeClient(createRelay({ find, destinations: destinations(), clock, responseTimeoutMs: 0, onDone }), open);
}

const chunked: Partial<Open> = {
  method: "POST",
  headers: ["Host", "calc", "Content-Type", "text/xml", "Transfer-Encoding", "chunked"],
};
const sized = (bytes: number, ...more: string[]): Partial<Open> => ({
  method: "POST",
  headers: ["Host", "calc", "Content-Type", "text/xml", "Content-Length", String(bytes), ...more],
});
const envelope = sampleEnvelope("<ClientRouteName>test</ClientRouteName>");
const other = sampleEnvelope("<ClientRouteName>other</ClientRouteName>");
const headerEnd = envelope.indexOf("</s:Header>") + "</s:Header>".length;
const cancelled = new TunnelError("CANCELLED", "the client is gone");

async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe("T9: a call whose envelope decides", () => {
  test.each([
    ["by its header", envelope, "asked"],
    ["elsewhere without it", other, "rest"],
  ])("goes %s, its body unchanged, and is logged so", async (_, body, where) => {
    const client = start(sized(body.length)).send(body).fin();
    await client.end();
    expect([client.body, arrived]).toEqual([where, [{ where, body }]]);
    expect(client.consumedBytes).toBe(body.length);
    expect(done).toMatchObject([{ route: `default/${where}`, envelope: "found", requestBytes: body.length }]);
    expect(clock.pending).toBe(0);
  });

  test("is not dialled before, and gets no credit back until its bytes have left", async () => {
    const client = start();
    for (const char of envelope.slice(0, headerEnd - 1)) client.send(char);
    await turn();
    expect([connections, client.consumedBytes, client.heads]).toEqual([0, 0, []]);
    client.send(envelope.slice(headerEnd - 1, headerEnd));
    await client.until(({ consumedBytes }) => consumedBytes === headerEnd);
    client.send(envelope.slice(headerEnd)).fin();
    await client.end();
    expect(arrived).toEqual([{ where: "asked", body: envelope }]);
  });

  test("M3: streams on afterwards: no byte of the body is kept", async () => {
    const client = start().send(envelope.slice(0, headerEnd));
    await client.until(({ consumedBytes }) => consumedBytes === headerEnd);
    const piece = Buffer.alloc(64 * 1024, "x");
    for (let sent = 1; sent <= 64; sent++) {
      client.send(piece);
      await client.until(({ consumedBytes }) => consumedBytes === headerEnd + sent * piece.length);
    }
    client.fin(["X-Sum", "1"]);
    await client.end();
    expect(arrived.map(({ where, body }) => [where, body.length])).toEqual([["asked", headerEnd + 64 * piece.length]]);
  });

  test("whose header does not end in 64 KiB goes where no header is asked for", async () => {
    const long = sampleEnvelope(`<x>${"y".repeat(envelopeBytesMax)}</x><ClientRouteName>test</ClientRouteName>`);
    const client = start();
    client.send(long.slice(0, envelopeBytesMax - 1));
    await turn();
    expect([connections, client.consumedBytes]).toEqual([0, 0]);
    client.send(long.slice(envelopeBytesMax - 1, envelopeBytesMax));
    await client.until(({ consumedBytes }) => consumedBytes === envelopeBytesMax);
    client.send(long.slice(envelopeBytesMax)).fin();
    await client.end();
    expect(arrived).toEqual([{ where: "rest", body: long }]);
    expect(done).toMatchObject([{ envelope: "tooLong", error: undefined }]);
  });

  test("of other XML goes where no header is asked for", async () => {
    await start().send("<order/>").fin().end();
    expect(arrived).toEqual([{ where: "rest", body: "<order/>" }]);
    expect(done).toMatchObject([{ envelope: "notSoap" }]);
  });

  test.each<[string, Partial<Open>]>([
    ["a GET", { method: "GET", target: "/?wsdl", headers: ["Host", "calc"] }],
    ["a POST without a body", sized(0)],
    ["JSON", { method: "POST", headers: ["Host", "calc", "Content-Type", "application/json", "Content-Length", "2"] }],
  ])("never waits: %s", async (_, open) => {
    const client = start(open);
    if (open.headers?.includes("2")) client.send("{}");
    client.fin();
    await client.end();
    expect([arrived.map(({ where }) => where), done.map((each) => each.envelope)]).toEqual([["rest"], [""]]);
  });
});

describe("T9: a call whose envelope decides and is not dialled", () => {
  const cases: Record<string, [Partial<Open>, string, boolean, string, string]> = {
    "has a DTD": [
      chunked,
      `<!DOCTYPE x>${envelope}`,
      false,
      "BAD_REQUEST",
      "the envelope has a document type declaration (DTD), which SOAP forbids; send it without",
    ],
    "ends in its header": [
      chunked,
      envelope.slice(0, headerEnd - 1),
      true,
      "BAD_REQUEST",
      "the envelope ends before its Body begins",
    ],
    "is longer than its Content-Length": [
      sized(10),
      envelope,
      false,
      "BAD_REQUEST",
      `the request's Content-Length says 10, more ${envelope.length} bytes came`,
    ],
    "is shorter than its Content-Length, and no SOAP": [
      sized(10),
      "<a",
      true,
      "BAD_REQUEST",
      "the envelope has no root element",
    ],
  };

  test.each(Object.entries(cases))("because it %s, is reset with the reason, once", async (_, given) => {
    const [open, body, ends, code, message] = given;
    const client = start(open).send(body);
    if (ends) client.fin();
    expect(`${client.reset?.code}: ${client.reset?.message}`).toBe(`${code}: ${message}`);
    client.send("late").fin();
    await turn();
    expect([connections, done.length, clock.pending]).toEqual([0, 1, 0]);
    expect(done).toMatchObject([{ error: { code }, status: 0 }]);
  });

  test("is refused after 64 KiB when a name in it is 1 MB long: no more is kept", async () => {
    const client = start();
    const body = Buffer.from(`${envelope.slice(0, envelope.indexOf("<Client"))}<${"n".repeat(1024 * 1024)}`);
    let sent = 0;
    for (; client.reset === undefined && sent < body.length; sent += 1024) {
      client.send(body.subarray(sent, sent + 1024));
    }
    expect([client.reset?.code, sent]).toEqual(["BAD_REQUEST", envelopeBytesMax]);
    expect(connections).toBe(0);
  });

  test("T4: because its client is gone, is forgotten", async () => {
    start().send(envelope.slice(0, 50)).break(cancelled);
    await turn();
    expect([connections, clock.pending]).toEqual([0, 0]);
    expect(done).toMatchObject([{ error: { code: "CANCELLED" }, envelope: "", requestBytes: 50 }]);
  });

  test.each([
    ["ten seconds", 0, envelopeTimeoutMs],
    ["ten seconds, though its caller waits longer", 60_000, envelopeTimeoutMs],
    ["the time that its caller waits", 300, 300],
  ])("because its header takes over %s, is told so", async (_, deadlineMs, limitMs) => {
    const client = start({ ...chunked, deadlineMs }).send(envelope.slice(0, 50));
    clock.advance(limitMs - 1);
    expect(client.reset).toBeUndefined();
    clock.advance(1);
    expect(`${client.reset?.code}: ${client.reset?.message}`).toBe(
      `REQUEST_TIMEOUT: the envelope's header, which decides where the call goes, did not arrive in ${limitMs} ms; send it faster`,
    );
    client.send(envelope.slice(50)).fin();
    await turn();
    expect([connections, done.length, clock.pending]).toEqual([0, 1, 0]);
    expect(done).toMatchObject([{ envelope: "timeout", durationMs: limitMs }]);
  });
});

describe("while an envelope is waited for", () => {
  test("a client that waits for 100 (Continue) gets it", () => {
    const headers = ["Expect", "100-continue"];
    const expecting = start(sized(envelope.length, ...headers));
    expect(expecting.heads).toEqual([{ status: 100, reason: "Continue", headers: [] }]);
    expect(start({ ...sized(envelope.length, ...headers), httpVersion: "1.0" }).heads).toEqual([]);
    expect(start(sized(envelope.length)).heads).toEqual([]);
  });

  test("the caller's time runs: what is left of it is the destination's", async () => {
    const silent = await serveHttp((request) => request.resume());
    const decide = (): Found => ({ t: "destination", origin: silent.origin, route: "default/silent" });
    const asked = find;
    find = (open) => {
      const first = asked(open);
      return first.t === "needEnvelope" ? { ...first, decide } : first;
    };
    const client = start({ ...chunked, deadlineMs: 1_000 });
    clock.advance(600);
    client.send(envelope);
    clock.advance(399);
    expect(client.reset).toBeUndefined();
    clock.advance(1);
    expect(client.reset?.code).toBe("DESTINATION_TIMEOUT");
    expect(done).toMatchObject([{ envelope: "found", durationMs: 1_000 }]);
  });
});

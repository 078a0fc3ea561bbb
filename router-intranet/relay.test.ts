import { createHash, randomBytes } from "node:crypto";
import { TunnelError } from "@sallyport/proto/error";
import { CallKind, type Open } from "@sallyport/proto/frame";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CallDone } from "./call-done.ts";
import { closeDiallers, destinations } from "./dial/testing/diallers.ts";
import { FakeClient } from "./dial/testing/fake-client.ts";
import { closedOrigin, closeLoopbacks, type RawConnection, serveHttp, serveRaw } from "./dial/testing/loopback.ts";
import { createRelay, deliveryMs, largeBodyBytes, leavingMs, type RelayDeps } from "./relay.ts";

let clock: FakeClock;
let done: CallDone[];

beforeEach(() => {
  clock = new FakeClock();
  done = [];
});

afterEach(async () => {
  await closeLoopbacks();
  await closeDiallers();
});

function start(origin: string, open: Partial<Open>, given: Partial<RelayDeps> = {}): FakeClient {
  const accept = createRelay({
    find: () => ({ t: "destination", origin, route: "default/calc" }),
    destinations: destinations(),
    clock,
    responseTimeoutMs: 0,
    onDone: (each) => done.push(each),
    ...given,
  });
  return new FakeClient(accept, open);
}

const post = (bytes: number): Partial<Open> => ({
  method: "POST",
  target: "/calc",
  headers: ["Host", "calc", "Content-Length", String(bytes)],
});
const chunked: Partial<Open> = { method: "POST", headers: ["Host", "calc", "Transfer-Encoding", "chunked"] };
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const cancelled = new TunnelError("CANCELLED", "the client is gone");

/** A destination whose connections a test drives by hand. */
async function manual() {
  const connections: RawConnection[] = [];
  let arrived = () => {};
  const first = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = await serveRaw((connection) => {
    connections.push(connection);
    arrived();
  });
  return {
    origin: server.origin,
    connections,
    async connection() {
      await first;
      return connections[0]!;
    },
  };
}

describe("T1: an exchange", () => {
  test("carries heads, bodies and trailers both ways and is logged once", async () => {
    const destination = await manual();
    const headers = [
      "hOST",
      "calc",
      "SOAPAction",
      '"urn:Add"',
      "Connection",
      "X-Hop",
      "X-Hop",
      "1",
      "Sallyport-X",
      "1",
    ];
    const client = start(destination.origin, { ...chunked, headers: [...headers, ...chunked.headers!.slice(2)] });
    client.send("hello").fin(["X-Sum", "1"]);
    const connection = await destination.connection();
    expect(await connection.until("X-Sum: 1\r\n\r\n")).toBe(
      'POST / HTTP/1.1\r\nhOST: calc\r\nSOAPAction: "urn:Add"\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive' +
        "\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    clock.advance(30);
    connection.send("HTTP/1.1 103 Early\r\nLink: a\r\nSallyport-Y: 1\r\n\r\n");
    connection.send(
      "HTTP/1.1 500 Fault\r\nset-Cookie: a\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    connection.send("3\r\nsum\r\n0\r\nX-End: 1\r\n\r\n");
    await client.end();
    expect(client.heads).toEqual([
      { status: 103, reason: "Early", headers: ["Link", "a"] },
      { status: 500, reason: "Fault", headers: ["set-Cookie", "a"] },
    ]);
    expect([client.body, client.trailers, client.reset]).toEqual(["sum", ["X-End", "1"], undefined]);
    expect(client.consumedBytes).toBe(5);
    expect(done).toEqual([
      {
        id: "call-1",
        route: "default/calc",
        destination: destination.origin,
        method: "POST",
        status: 500,
        error: undefined,
        envelope: "",
        requestBytes: 5,
        responseBytes: 3,
        durationMs: 30,
      },
    ]);
  });

  test("M1: without a body in either direction is whole at the empty 202", async () => {
    const server = await serveHttp((request, response) =>
      request.resume().on("end", () => response.writeHead(202).end()),
    );
    const client = start(server.origin, post(5));
    client.send("hello").fin();
    await client.end();
    expect([client.heads.map(({ status }) => status), client.body, client.trailers]).toEqual([[202], "", []]);
    expect(done).toHaveLength(1);
  });
});

describe("what is never dialled", () => {
  const noRoute = new TunnelError("NO_ROUTE", "no route takes it");
  test.each<[string, Partial<Open>, Partial<RelayDeps>, string, string]>([
    ["a call without a route", {}, { find: () => ({ t: "fail", error: noRoute }) }, "NO_ROUTE", "no route takes it"],
    ["a CONNECT", { method: "CONNECT" }, {}, "POLICY", "does not carry CONNECT"],
    ["a raw call", { kind: CallKind.raw }, {}, "POLICY", "does not carry plain byte streams"],
    [
      "a request of two lengths",
      { headers: ["Content-Length", "1", "Content-Length", "2"] },
      {},
      "BAD_REQUEST",
      "more than once",
    ],
  ])("%s is reset with the reason, and logged once", async (_, open, given, code, message) => {
    const server = await serveRaw(() => {});
    const client = start(server.origin, open, given);
    expect(client.reset?.code).toBe(code);
    expect(client.reset?.message).toContain(message);
    client.send("late").fin();
    expect(client.consumedBytes).toBe(4);
    expect(done).toMatchObject([{ error: { code }, status: 0, responseBytes: 0 }]);
    expect(server.connections).toBe(0);
  });

  test.each([
    ["longer", "hello!"],
    ["shorter", "hell"],
  ])("a body %s than its Content-Length is refused, and never looks whole to the destination", async (_, body) => {
    const destination = await manual();
    const client = start(destination.origin, { ...post(5), headers: [...post(5).headers!, "Expect", "100-continue"] });
    const connection = await destination.connection();
    await connection.until("\r\n\r\n");
    client.send(body).fin();
    expect(client.reset?.code).toBe("BAD_REQUEST");
    expect(client.reset?.message).toContain("the request's Content-Length says 5");
    await connection.closed;
    expect(connection.received).not.toContain("hello");
    expect(done).toHaveLength(1);
  });
});

describe("M2: a call counted in by its route", () => {
  const counted = (releases: string[], origin: string) => ({
    find: () =>
      ({ t: "destination", origin, route: "default/calc", admission: { release: () => releases.push("x") } }) as const,
  });

  test("is counted out once, when it is over", async () => {
    const destination = await manual();
    const releases: string[] = [];
    const client = start(destination.origin, post(5), counted(releases, destination.origin));
    client.send("hello").fin();
    const connection = await destination.connection();
    await connection.until("hello");
    expect(releases).toEqual([]);
    connection.send(ok);
    await client.end();
    client.break(cancelled);
    expect(releases).toEqual(["x"]);
  });

  test.each<[string, Partial<Open>, (client: FakeClient) => void]>([
    ["whose client breaks off", chunked, (client) => client.break(cancelled)],
    ["that cannot be planned", { headers: ["Content-Length", "1"], method: "POST" }, (client) => client.fin()],
  ])("%s is counted out too", async (_, open, end) => {
    const releases: string[] = [];
    const client = start("http://127.0.0.1:9", open, counted(releases, await closedOrigin()));
    end(client);
    expect([releases, done.length]).toEqual([["x"], 1]);
  });

  test("is logged with its route when that turns it away", () => {
    const error = new TunnelError("OVERLOADED", "too many");
    const client = start("", {}, { find: () => ({ t: "fail", error, route: "default/calc" }) });
    expect([client.reset, done]).toMatchObject([error, [{ route: "default/calc", error: { code: "OVERLOADED" } }]]);
  });
});

describe("T4: what R2 says of repeats as it hands a call on", () => {
  const large = largeBodyBytes;
  test.each<[string, Partial<Open>, boolean, boolean[]]>([
    ["nothing of a small POST, which R1 does not repeat anyway", post(5), false, []],
    ["nothing of a POST just below the size from which a copy counts", post(large - 1), false, []],
    ["that a large POST may not be repeated, so that its copy is dropped", post(large), false, [false]],
    ["the same of a POST of unknown length", chunked, false, [false]],
    ["that a POST may be, where its route says so", post(5), true, [true]],
    ["the same of a large one", post(large), true, [true]],
    ["nothing of an idempotent call, which R1 repeats anyway", { ...post(large), method: "PUT" }, true, []],
  ])("%s", async (_, open, repeatable, taken) => {
    const origin = await closedOrigin();
    const find = () => ({ t: "destination", origin, route: "default/calc", repeatable }) as const;
    const client = start(origin, open, { find });
    expect(client.taken).toEqual(taken);
    client.break(cancelled);
  });

  test("nothing of a call that is not handed on", () => {
    const find = () => ({ t: "fail", error: new TunnelError("OVERLOADED", "too many") }) as const;
    expect(start("", chunked, { find }).taken).toEqual([]);
  });
});

describe("T4: a destination that fails", () => {
  test("before its head resets the call with the reason; the log has the address", async () => {
    const client = start(await closedOrigin(), {});
    await client.end();
    expect(client.reset?.code).toBe("DESTINATION_UNREACHABLE");
    expect(client.reset?.message).not.toContain("127.0.0.1");
    expect(done).toMatchObject([{ error: { code: "DESTINATION_UNREACHABLE" } }]);
    expect(String(done[0]?.error?.cause)).toContain("127.0.0.1");
  });

  test("in its body resets the call: never an end", async () => {
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    });
    const client = start(server.origin, {}).fin();
    await client.end();
    expect([client.body, client.trailers, client.reset?.code]).toEqual(["half", undefined, "DESTINATION_FAILED"]);
    expect(done).toMatchObject([{ status: 200, responseBytes: 4, error: { code: "DESTINATION_FAILED" } }]);
  });

  test.each([
    ["a head too large for a frame", `HTTP/1.1 200 OK\r\n${"a:b\r\n".repeat(18_000)}\r\n`, "response head takes over"],
    ["a coding that would be lost", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "transfer coding"],
  ])("with %s resets the call and is closed", async (_, answer, message) => {
    const destination = await manual();
    const client = start(destination.origin, {}).fin();
    const connection = await destination.connection();
    await connection.until("\r\n\r\n");
    connection.send(answer);
    await client.end();
    await connection.closed;
    expect(client.reset?.message).toContain("route default/calc: the destination's ");
    expect(client.reset?.message).toContain(message);
    expect([client.heads, done.length]).toEqual([[], 1]);
  });
});

describe("T4: an answer that comes before the request is whole", () => {
  test("wins; the rest of the upload is dropped and its credit returned", async () => {
    const destination = await manual();
    const client = start(destination.origin, chunked).send("hello");
    const connection = await destination.connection();
    await connection.until("hello");
    client.send(Buffer.alloc(8 * 1024 * 1024));
    connection.end("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    await client.end();
    expect([client.heads[0]?.status, client.body, client.reset]).toEqual([413, "big", undefined]);
    expect(client.consumedBytes).toBe(5 + 8 * 1024 * 1024);
    expect(done).toEqual([]);
    client.send("more");
    expect(client.consumedBytes).toBe(9 + 8 * 1024 * 1024);
    client.fin();
    expect(done).toMatchObject([{ status: 413, error: undefined, requestBytes: 9 + 8 * 1024 * 1024 }]);
  });

  test("does not stop an upload that goes on beside it", async () => {
    const destination = await manual();
    const client = start(destination.origin, chunked).send("hello");
    const connection = await destination.connection();
    await connection.until("hello");
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    await client.until(({ body }) => body === "ok");
    client.send("more").fin();
    await connection.until("more\r\n0\r\n\r\n");
    connection.send("0\r\n\r\n");
    await client.end();
    expect([client.body, client.reset, client.consumedBytes]).toEqual(["ok", undefined, 9]);
  });
});

describe("a client that goes away", () => {
  test("T4: before its request is whole: the destination's connection is closed at once", async () => {
    const destination = await manual();
    const client = start(destination.origin, chunked).send("hello");
    const connection = await destination.connection();
    await connection.until("hello");
    client.break(cancelled);
    await connection.closed;
    expect(connection.received).not.toContain("0\r\n\r\n");
    expect(done).toMatchObject([{ error: { code: "CANCELLED" }, status: 0 }]);
  });

  test("T4: before anything was dialled: nothing is", async () => {
    const server = await serveRaw(() => {});
    start(server.origin, post(5)).send("hel").break(cancelled);
    await new Promise((resolve) => setImmediate(resolve));
    expect([server.connections, done.length, clock.pending]).toEqual([0, 1, 0]);
  });

  test("M1: after its request is whole: it is delivered, and an answer within a second ends it", async () => {
    const destination = await manual();
    const client = start(destination.origin, post(5)).send("hello").fin();
    client.break(cancelled);
    const connection = await destination.connection();
    await connection.until("hello");
    clock.advance(leavingMs - 1);
    expect(done).toEqual([]);
    connection.send(ok);
    await until(() => done.length === 1);
    expect(done).toMatchObject([{ status: 200, error: { code: "CANCELLED" } }]);
    expect([client.heads, client.chunks, client.over]).toEqual([[], [], false]);
    clock.advance(deliveryMs);
    expect([done.length, clock.pending]).toEqual([1, 0]);
  });

  test("M1: after its request is whole: without an answer the destination's connection is closed after a second", async () => {
    const destination = await manual();
    const client = start(destination.origin, post(5)).send("hello").fin();
    const connection = await destination.connection();
    await connection.until("hello");
    client.break(cancelled);
    clock.advance(leavingMs - 1);
    expect(done).toEqual([]);
    clock.advance(1);
    await connection.closed;
    expect(done).toMatchObject([{ status: 0, error: { code: "CANCELLED" } }]);
  });

  test("M1: after its request is whole: an endless answer is not read for longer than that second", async () => {
    const destination = await manual();
    const client = start(destination.origin, post(5)).send("hello").fin();
    client.break(cancelled);
    const connection = await destination.connection();
    await connection.until("hello");
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    clock.advance(leavingMs);
    await connection.closed;
    expect([client.heads, done.length]).toEqual([[], 1]);
  });

  test("M1: a destination that does not take the whole request is given up after a bound", async () => {
    const bytes = 32 * 1024 * 1024;
    const server = await serveRaw((connection) => connection.socket.pause());
    const client = start(server.origin, post(bytes)).send(Buffer.alloc(bytes)).fin();
    await until(() => server.connections === 1);
    client.break(cancelled);
    clock.advance(deliveryMs - 1);
    expect(done).toEqual([]);
    clock.advance(1);
    expect(done).toMatchObject([{ error: { code: "CANCELLED" } }]);
  });

  test("while it is answered: the destination's connection is closed at once", async () => {
    const destination = await manual();
    const client = start(destination.origin, {}).fin();
    const connection = await destination.connection();
    await connection.until("\r\n\r\n");
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    await client.until(({ body }) => body === "half");
    client.break(cancelled);
    await connection.closed;
    expect(done).toMatchObject([{ status: 200, error: { code: "CANCELLED" } }]);
  });

  test("T4: with its link: the destination's connection is closed at once, whole request or not", async () => {
    const destination = await manual();
    const client = start(destination.origin, post(5)).send("hello").fin();
    const connection = await destination.connection();
    await connection.until("hello");
    client.break(new TunnelError("LINK_LOST", "the link broke"));
    await connection.closed;
    expect([done.length, clock.pending]).toEqual([1, 0]);
  });
});

describe("patience", () => {
  test("the caller's deadline ends the call and closes the destination's connection", async () => {
    const destination = await manual();
    const client = start(destination.origin, { deadlineMs: 100 }).fin();
    const connection = await destination.connection();
    await connection.until("\r\n\r\n");
    clock.advance(100);
    await connection.closed;
    expect(`${client.reset?.code}: ${client.reset?.message}`).toBe(
      "DESTINATION_TIMEOUT: route default/calc: the destination did not answer in the 100 ms that its caller waits",
    );
    expect(done).toMatchObject([{ error: { code: "DESTINATION_TIMEOUT" }, durationMs: 100 }]);
  });

  test("the response timeout counts from the whole request on", async () => {
    const destination = await manual();
    const client = start(destination.origin, post(5), { responseTimeoutMs: 100 });
    clock.advance(500);
    client.send("hello").fin();
    await (await destination.connection()).until("hello");
    clock.advance(199);
    await client.end();
    expect(client.reset?.code).toBe("DESTINATION_TIMEOUT");
    expect(client.reset?.message).toContain("destinations.responseTimeoutMs");
  });

  test("once the head has come no limit is left: an event stream may last", async () => {
    const destination = await manual();
    const client = start(destination.origin, { deadlineMs: 100 }, { responseTimeoutMs: 100 }).fin();
    const connection = await destination.connection();
    await connection.until("\r\n\r\n");
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    await client.until(({ heads }) => heads.length === 1);
    clock.advance(3_600_000);
    connection.send("2\r\nok\r\n0\r\n\r\n");
    await client.end();
    expect([client.body, client.reset, clock.pending]).toEqual(["ok", undefined, 0]);
  });
});

describe("M3: a large body streams in bounded memory", () => {
  const total = 64 * 1024 * 1024;
  const piece = 64 * 1024;
  const block = randomBytes(1024 * 1024);
  const digest = (() => {
    const hash = createHash("sha256");
    for (let sent = 0; sent < total; sent += block.length) hash.update(block);
    return hash.digest("hex");
  })();

  test.each([
    ["of known length", post(total)],
    ["in chunks", chunked],
  ])("up, %s: no credit comes back for what a slow destination has not taken", async (_, open) => {
    const windowBytes = 1024 * 1024;
    const hash = createHash("sha256");
    let taken = 0;
    let begin = () => {};
    const server = await serveHttp((request, response) => {
      begin = () => {
        request.on("data", (chunk: Buffer) => {
          taken += chunk.length;
          hash.update(chunk);
        });
      };
      request.on("end", () => response.end(hash.digest("hex")));
    });
    const client = start(server.origin, open);
    const upload = new Upload(client, windowBytes);
    await upload.stalled;
    // What the kernels of both ends keep for the connection, but no more of ours than a socket's buffer.
    expect(client.consumedBytes).toBeLessThan(total / 2);
    expect(upload.sentBytes - client.consumedBytes).toBeLessThanOrEqual(windowBytes);
    begin();
    await upload.sent;
    client.fin();
    await client.end();
    expect(client.body).toBe(digest);
    expect([client.consumedBytes, taken, upload.outstandingMax]).toEqual([total, total, windowBytes]);
  });

  test("down: a slow client stops the destination", async () => {
    const server = await serveHttp(async (_, response) => {
      for (let sent = 0; sent < total; sent += block.length) {
        if (!response.write(block)) await new Promise((resolve) => response.once("drain", resolve));
      }
      response.end();
    });
    const limit = 256 * 1024;
    let queued = 0;
    let queuedMax = 0;
    const hash = createHash("sha256");
    const client = start(server.origin, {});
    const take = () => {
      for (const chunk of client.chunks.splice(0)) hash.update(chunk);
      queued = 0;
      client.writable();
    };
    client.onChunk = (bytes) => {
      queued += bytes.length;
      queuedMax = Math.max(queuedMax, queued);
      if (queued <= limit) return true;
      setImmediate(take);
      return false;
    };
    client.fin();
    await client.end();
    take();
    expect(hash.digest("hex")).toBe(digest);
    expect(done).toMatchObject([{ responseBytes: total, error: undefined }]);
    expect(queuedMax).toBeLessThanOrEqual(limit + 2 * piece);
  });

  /** Sends as fast as credit allows. */
  class Upload {
    readonly stalled: Promise<void>;
    readonly sent: Promise<void>;
    sentBytes = 0;
    outstandingMax = 0;
    readonly #client: FakeClient;
    readonly #windowBytes: number;

    constructor(client: FakeClient, windowBytes: number) {
      this.#client = client;
      this.#windowBytes = windowBytes;
      this.stalled = this.#pumpUntilStall();
      this.sent = this.stalled.then(() => this.#pumpAll());
    }

    /** Credit that does not come back for fifty turns of the loop, with the window used up, is not on its way. */
    async #pumpUntilStall(): Promise<void> {
      for (let idle = 0, seen = 0; idle < 50; idle++) {
        this.#pump();
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#client.consumedBytes !== seen) idle = 0;
        seen = this.#client.consumedBytes;
      }
    }

    async #pumpAll(): Promise<void> {
      while (this.sentBytes < total) {
        this.#pump();
        if (this.sentBytes < total) await this.#client.until(({ consumedBytes }) => this.#room(consumedBytes) >= piece);
      }
    }

    #pump(): void {
      while (this.sentBytes < total && this.#room(this.#client.consumedBytes) >= piece) {
        const at = this.sentBytes % block.length;
        this.sentBytes += piece;
        this.outstandingMax = Math.max(this.outstandingMax, this.sentBytes - this.#client.consumedBytes);
        this.#client.send(block.subarray(at, at + piece));
      }
    }

    #room(consumedBytes: number): number {
      return this.#windowBytes - (this.sentBytes - consumedBytes);
    }
  }
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

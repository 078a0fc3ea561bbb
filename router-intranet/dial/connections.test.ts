import { createServer } from "node:http";
import { TunnelError } from "@sallyport/proto/error";
import { afterEach, describe, expect, test } from "vitest";
import { closeDiallers, destinations, ways } from "./testing/diallers.ts";
import { closeLoopbacks, type RawConnection, serveHttp, serveRaw, start } from "./testing/loopback.ts";
import { Recorder, requestTo } from "./testing/recorder.ts";

afterEach(async () => {
  await closeLoopbacks();
  await closeDiallers();
});

const gone = new TunnelError("CANCELLED", "gone");
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe.each(ways)("a connection (%s)", (way, header) => {
  const headers = ["Host", "calc", ...header];

  async function call(dialler: ReturnType<typeof destinations>, origin: string, method = "GET") {
    const seen = new Recorder();
    dialler.exchange(requestTo(origin, { method, headers }), seen).end([]);
    await seen.end();
    // Let the library put the connection back.
    await new Promise((resolve) => setImmediate(resolve));
    return seen;
  }

  test("T3: serves one call after the other", async () => {
    const server = await serveHttp((_, response) => response.end("ok"));
    const dialler = destinations();
    for (let i = 0; i < 3; i++) expect((await call(dialler, server.origin)).body).toBe("ok");
    expect(server.connections).toBe(1);
  });

  test("is not kept when keepAliveTimeoutMs is 0", async () => {
    const server = await serveHttp((request, response) => response.end(request.headers.connection));
    const dialler = destinations({ keepAliveTimeoutMs: 0 });
    for (let i = 0; i < 2; i++) expect((await call(dialler, server.origin)).body).toBe("close");
    expect(server.connections).toBe(2);
  });

  test("that the destination closed while idle is not used", async () => {
    let connection: RawConnection | undefined;
    const server = await serveRaw(async (accepted) => {
      connection = accepted;
      await accepted.until("\r\n\r\n");
      accepted.end(ok);
    });
    const dialler = destinations();
    for (let i = 0; i < 3; i++) {
      expect((await call(dialler, server.origin)).body).toBe("ok");
      await connection?.closed;
    }
    expect(server.connections).toBe(3);
  });

  test("T4: that the destination closes at the moment of its reuse fails the call, which is not sent twice", async () => {
    const requests: string[] = [];
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      requests.push("answered");
      connection.send(ok);
      await connection.until("\r\n\r\n", 2);
      requests.push("closed");
      connection.break();
    });
    const dialler = destinations();
    expect((await call(dialler, server.origin, "POST")).failed).toBeUndefined();
    const second = await call(dialler, server.origin, "POST");
    expect(second.failed).toMatchObject({ code: "DESTINATION_FAILED" });
    expect(second.failed?.message).toContain("it may have taken the request");
    expect(second.failed?.message).toContain("keepAliveTimeoutMs");
    expect((await call(dialler, server.origin, "POST")).failed).toBeUndefined();
    expect(requests).toEqual(["answered", "closed", "answered"]);
  });

  test("M2: more calls at once than connectionsMax are refused as overload, until one ends", async () => {
    const waiting: (() => void)[] = [];
    let arrived = () => {};
    const server = await serveHttp((_, response) => {
      waiting.push(() => response.end("ok"));
      arrived();
    });
    const dialler = destinations({ connectionsMax: 2 });
    const all = new Promise<void>((resolve) => {
      arrived = () => waiting.length === 2 && resolve();
    });
    const seen = [new Recorder(), new Recorder(), new Recorder()];
    for (const each of seen) dialler.exchange(requestTo(server.origin, { headers }), each).end([]);
    expect(seen[2]?.summary().failed).toBe(
      "OVERLOADED: route default/calc: the destination has 2 calls at once already; raise destinations.connectionsMax " +
        "or add instances",
    );
    await all;
    for (const answer of waiting) answer();
    await Promise.all([seen[0]?.end(), seen[1]?.end()]);
    await new Promise((resolve) => setImmediate(resolve));
    const next = new Recorder();
    const exchange = dialler.exchange(requestTo(server.origin, { headers }), next);
    expect(next.failed).toBeUndefined();
    exchange.abort(gone);
  });

  test("that does not come about in time is unreachable", async () => {
    const silent = await serveRaw(() => {});
    const dialler = destinations({ connectTimeoutMs: 50 });
    const seen = await call(dialler, silent.origin.replace("http:", "https:"));
    expect(seen.failed).toMatchObject({ code: "DESTINATION_UNREACHABLE" });
    expect(seen.failed?.message).toContain("raise destinations.connectTimeoutMs");
  });

  test("T4: that comes about after its call was aborted does not carry it", async () => {
    const requests: string[] = [];
    const server = await serveHttp((request, response) => {
      requests.push(request.url ?? "");
      response.end("ok");
    });
    const dialler = destinations();
    dialler.exchange(requestTo(server.origin, { target: "/aborted", headers }), new Recorder()).abort(gone);
    expect((await call(dialler, server.origin)).body).toBe("ok");
    await dialler.close();
    expect(requests).toEqual(["/"]);
  });

  test("M2: still being made for an aborted call counts until it is given up", async () => {
    let accepted = () => {};
    const dialled = new Promise<void>((resolve) => {
      accepted = resolve;
    });
    const silent = await serveRaw(() => accepted());
    const origin = silent.origin.replace("http:", "https:");
    const dialler = destinations({ connectionsMax: 1 });
    const first = new Recorder();
    dialler.exchange(requestTo(origin, { headers }), first).abort(gone);
    await dialled;
    expect((await call(dialler, origin)).failed?.code).toBe("OVERLOADED");
    await silent.close();
    // afterEach waits for the slot.
    expect(first.over).toBe(false);
  });

  test("M4: to an address that is not allowed is refused and never made", async () => {
    const server = await serveHttp((_, response) => response.end("ok"));
    const dialler = destinations({ allowAddress: () => false });
    const byName = server.origin.replace("127.0.0.1", "localhost");
    for (const origin of [server.origin, byName]) {
      const seen = await call(dialler, origin);
      expect(seen.failed?.code).toBe("POLICY");
      expect(seen.failed?.message).toContain(
        `destination "${new URL(origin).hostname}" has no address that may be dialled`,
      );
    }
    expect(server.connections).toBe(0);
  });

  test("to an IPv6 address", async () => {
    const server = await start(
      createServer((_, response) => response.end("ok")),
      "http",
      "::1",
    );
    expect((await call(destinations(), server.origin)).body).toBe("ok");
  });

  test("waits for its answer longer than it would be kept idle", async () => {
    const server = await serveHttp((_, response) => void setTimeout(() => response.end("late"), 120));
    expect((await call(destinations({ keepAliveTimeoutMs: 20 }), server.origin)).body).toBe("late");
  });

  test("M5: close lets running calls finish, and takes no more", async () => {
    let answer = () => {};
    let arrived = () => {};
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const server = await serveHttp((_, response) => {
      answer = () => response.end("ok");
      arrived();
    });
    const dialler = destinations();
    const running = new Recorder();
    dialler.exchange(requestTo(server.origin, { headers }), running).end([]);
    await asked;
    const closed = dialler.close();
    expect((await call(dialler, server.origin)).failed?.code).toBe("DRAINING");
    answer();
    await closed;
    expect(running.summary()).toMatchObject({ body: "ok", failed: undefined });
  });

  test(`M2: an aborted call of ${way} gives its slot back`, async () => {
    const server = await serveRaw(() => {});
    const dialler = destinations({ connectionsMax: 1 });
    const first = dialler.exchange(requestTo(server.origin, { headers }), new Recorder());
    await new Promise((resolve) => setImmediate(resolve));
    first.abort(gone);
    await dialler.close();
  });
});

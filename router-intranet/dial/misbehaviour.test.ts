import { TunnelError } from "@sallyport/proto/error";
import { afterEach, describe, expect, test } from "vitest";
import { unknownLength } from "./destination.ts";
import { closeDiallers, destinations, ways } from "./testing/diallers.ts";
import { closedOrigin, closeLoopbacks, type RawConnection, serveHttp, serveRaw } from "./testing/loopback.ts";
import { Recorder, requestTo } from "./testing/recorder.ts";

afterEach(async () => {
  await closeLoopbacks();
  await closeDiallers();
});

const gone = new TunnelError("CANCELLED", "gone");

async function exchangeWith(header: readonly string[], misbehave: (connection: RawConnection) => void) {
  const server = await serveRaw(async (connection) => {
    await connection.until("\r\n\r\n");
    misbehave(connection);
  });
  const seen = new Recorder();
  const request = requestTo(server.origin, { headers: ["Host", "calc", ...header] });
  destinations().exchange(request, seen).end([]);
  await seen.end();
  return seen;
}

describe.each(ways)("by %s", (_, header) => {
  test("T4: nobody listens: unreachable, with the mend and without the address", async () => {
    const seen = new Recorder();
    const request = requestTo(await closedOrigin(), { headers: ["Host", "calc", ...header] });
    destinations().exchange(request, seen).end([]);
    await seen.end();
    expect(seen.summary()).toEqual({
      status: undefined,
      body: "",
      trailers: undefined,
      failed:
        "DESTINATION_UNREACHABLE: route default/calc: connection refused by the destination; see that it runs and that " +
        "backendRefs names its port",
    });
    expect(String(seen.failed?.cause)).toContain("127.0.0.1");
  });

  test("T4: a name that does not exist is unreachable", async () => {
    const seen = new Recorder();
    const request = requestTo("http://no-such-name.invalid:80", { headers: ["Host", "calc", ...header] });
    destinations().exchange(request, seen).end([]);
    await seen.end();
    expect(seen.failed).toMatchObject({ code: "DESTINATION_UNREACHABLE" });
    expect(seen.failed?.message).toContain("does not resolve");
  });

  const length = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  const chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const untilClose = "HTTP/1.1 200 OK\r\n\r\n";
  test.each([
    ["before the head", "", "before it answered"],
    ["within the head", "HTTP/1.1 200 OK\r\nContent-", "before it answered"],
    ["after an interim head", "HTTP/1.1 103 Early\r\n\r\n", "before it answered"],
    ["after the head", length, "in the middle of its response"],
    ["within a body of known length", `${length}half`, "in the middle of its response"],
    ["between chunks", `${chunks}4\r\nhalf\r\n`, "in the middle of its response"],
    ["within a chunk", `${chunks}8\r\nhalf`, "in the middle of its response"],
    ["within the trailers", `${chunks}4\r\nhalf\r\n0\r\nX-Sum: 1\r\n`, "in the middle of its response"],
  ])("T4: a destination that closes %s has failed", async (_where, text, message) => {
    const seen = await exchangeWith(header, (connection) => connection.end(text));
    expect(seen.failed).toMatchObject({ code: "DESTINATION_FAILED" });
    expect(seen.failed?.message).toContain(message);
    expect([seen.trailers, seen.late]).toEqual([undefined, 0]);
  });

  test.each([
    ["before the head", "", "before it answered"],
    ["within a body of known length", `${length}half`, "in the middle of its response"],
    ["within a chunk", `${chunks}8\r\nhalf`, "in the middle of its response"],
    ["within a body that ends with the connection", `${untilClose}half`, "in the middle of its response"],
  ])("T4: a destination that resets the connection %s has failed", async (_where, text, message) => {
    let connection: RawConnection | undefined;
    const server = await serveRaw(async (accepted) => {
      connection = accepted;
      await accepted.until("\r\n\r\n");
      if (text === "") accepted.break();
      else accepted.send(text);
    });
    const seen = new Recorder();
    const request = requestTo(server.origin, { headers: ["Host", "calc", ...header] });
    destinations().exchange(request, seen).end([]);
    if (text !== "") {
      await seen.until(({ body }) => body === "half");
      connection?.break();
    }
    await seen.end();
    expect(seen.failed).toMatchObject({ code: "DESTINATION_FAILED" });
    expect(seen.failed?.message).toContain(message);
    expect([seen.trailers, seen.late]).toEqual([undefined, 0]);
  });

  test.each([
    ["something else than HTTP", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["two lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    ],
    ["a bad chunk", `${chunks}zz\r\na\r\n`],
    ["an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
    ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(200_000)}`],
  ])("T4: a destination that answers %s has failed", async (_what, text) => {
    const seen = await exchangeWith(header, (connection) => connection.send(text));
    expect(seen.failed).toMatchObject({ code: "DESTINATION_FAILED" });
    expect(seen.failed?.message).toContain("route default/calc: ");
    expect(seen.trailers).toBeUndefined();
  });

  test("T4: bytes after the response belong to no call", async () => {
    const seen = await exchangeWith(header, (connection) =>
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
    );
    expect(seen.summary()).toEqual({ status: 200, body: "ok", trailers: [], failed: undefined });
  });

  test("T4: a body that HEAD may not have, and other bytes after a response, do not take it back", async () => {
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const seen = new Recorder();
    const request = requestTo(server.origin, { method: "HEAD", headers: ["Host", "calc", ...header] });
    destinations().exchange(request, seen).end([]);
    await seen.end();
    expect(seen.summary()).toEqual({ status: 200, body: "", trailers: [], failed: undefined });
  });

  test("T4: a response that is whole before its reader is ready survives the connection's end", async () => {
    const body = "b".repeat(10_000);
    const server = await serveRaw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\nConnection: close\r\n\r\n");
      await paused;
      connection.end(body);
      await connection.closed;
      left();
    });
    let pause = () => {};
    const paused = new Promise<void>((resolve) => {
      pause = resolve;
    });
    let left = () => {};
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    const seen = new Recorder();
    const request = requestTo(server.origin, { headers: ["Host", "calc", ...header] });
    const exchange = destinations().exchange(request, seen);
    exchange.end([]);
    await seen.until(({ heads }) => heads.length === 1);
    exchange.pause();
    pause();
    await gone;
    exchange.resume();
    await seen.end();
    expect(seen.summary()).toEqual({ status: 200, body, trailers: [], failed: undefined });
  });

  test.each([
    ["that has not answered", ""],
    ["in the middle of its answer", `${length}half`],
  ])("T4: abort closes the connection to a destination %s, and nothing more is heard", async (_when, text) => {
    let reached = () => {};
    const asked = new Promise<void>((resolve) => {
      reached = resolve;
    });
    let connection: RawConnection | undefined;
    const server = await serveRaw(async (accepted) => {
      connection = accepted;
      await accepted.until("\r\n\r\n");
      accepted.send(text);
      reached();
    });
    const seen = new Recorder();
    const request = requestTo(server.origin, { headers: ["Host", "calc", ...header] });
    const exchange = destinations().exchange(request, seen);
    await asked;
    await seen.until(({ body }) => text === "" || body === "half");
    const heads = seen.heads.length;
    exchange.abort(gone);
    await connection?.closed;
    expect([seen.heads.length, seen.over]).toEqual([heads, false]);
  });

  test.each(["a\r\nb", "a\0b"])("a header value such as %j is refused, not sent", async (value) => {
    const server = await serveRaw(() => {});
    const seen = new Recorder();
    const request = requestTo(server.origin, { headers: ["Host", "calc", ...header, "X", value] });
    destinations().exchange(request, seen);
    await seen.end();
    expect(seen.failed?.code).toBe("BAD_REQUEST");
    expect(server.connections).toBe(0);
  });
});

describe("an upload", () => {
  const upload = { method: "POST", headers: ["Host", "calc"], bodyBytes: unknownLength };

  test("that is answered early ends with the answer; the connection is not used again", async () => {
    const answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig";
    let connection: RawConnection | undefined;
    const server = await serveRaw(async (accepted) => {
      connection = accepted;
      await accepted.until("hello");
      accepted.send(answer);
    });
    const seen = new Recorder();
    const exchange = destinations().exchange(requestTo(server.origin, upload), seen);
    exchange.write(Buffer.from("hello"));
    await seen.end();
    exchange.write(Buffer.from("more"));
    exchange.end([]);
    await connection?.closed;
    expect(seen.summary()).toEqual({ status: 413, body: "big", trailers: [], failed: undefined });
    expect([seen.late, connection?.received.includes("more")]).toEqual([0, false]);
  });

  test("T4: that is answered by a destination that closes without reading it ends with the answer", async () => {
    const dialler = destinations();
    for (let round = 0; round < 5; round++) {
      const server = await serveHttp((_, response) => response.writeHead(413, { Connection: "close" }).end("big"));
      const seen = new Recorder();
      const exchange = dialler.exchange(requestTo(server.origin, upload), seen);
      // Goes on until the answer is there, so that writes meet the closed connection.
      for (let sent = 0; !seen.over; await new Promise((resolve) => setImmediate(resolve))) {
        for (; sent < seen.bytesSent + 256 * 1024; sent += 64 * 1024) exchange.write(Buffer.alloc(64 * 1024));
      }
      expect(seen.summary()).toEqual({ status: 413, body: "big", trailers: [], failed: undefined });
    }
  });

  test("that the destination breaks off without an answer has failed", async () => {
    const server = await serveRaw(async (connection) => {
      await connection.until("hello");
      connection.break();
    });
    const seen = new Recorder();
    const exchange = destinations().exchange(requestTo(server.origin, upload), seen);
    exchange.write(Buffer.from("hello"));
    await seen.end();
    expect(seen.summary().failed).toContain("DESTINATION_FAILED: route default/calc: ");
  });

  test.each(["a\r\nb: c", "a\0"])("with a trailer such as %j is refused and never looks whole", async (value) => {
    let connection: RawConnection | undefined;
    const server = await serveRaw((accepted) => {
      connection = accepted;
    });
    const seen = new Recorder();
    const exchange = destinations().exchange(requestTo(server.origin, upload), seen);
    exchange.write(Buffer.from("hello"));
    await seen.until(({ bytesSent }) => bytesSent === 5);
    exchange.end(["X", value]);
    await connection?.closed;
    expect(seen.failed?.code).toBe("BAD_REQUEST");
    expect(connection?.received.endsWith("5\r\nhello\r\n")).toBe(true);
  });

  test("that is aborted never looks whole to the destination", async () => {
    let connection: RawConnection | undefined;
    const server = await serveRaw((accepted) => {
      connection = accepted;
    });
    const seen = new Recorder();
    const exchange = destinations().exchange(requestTo(server.origin, upload), seen);
    exchange.write(Buffer.from("hello"));
    await seen.until(({ bytesSent }) => bytesSent === 5);
    exchange.abort(gone);
    await connection?.closed;
    expect(connection?.received.endsWith("5\r\nhello\r\n")).toBe(true);
  });
});

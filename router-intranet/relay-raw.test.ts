import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { TunnelError } from "@sallyport/proto/error";
import { CallKind, emptyOpen, type Head, type Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import { systemClock } from "@sallyport/tunnel/clock";
import { afterEach, describe, expect, test } from "vitest";
import type { CallDone } from "./call-done.ts";
import { allowAllButMetadata } from "./dial/address.ts";
import { proxyHeader } from "./dial/proxy-header.ts";
import { type StreamOptions, Streams } from "./dial/stream.ts";
import { selfSigned } from "./dial/testing/self-signed.ts";
import { acceptRaw, type FoundStream } from "./relay-raw.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

describe("a raw call", () => {
  test("carries bytes both ways, and each end for itself", async () => {
    const { port, connection } = await destination();
    const call = begin(`tcp://127.0.0.1:${port}`);
    call.events.onData(Buffer.from("before it is connected"));
    const socket = await connection;
    expect(await textOf(socket, 22)).toBe("before it is connected");
    call.events.onFin([]);
    await once(socket, "end");
    socket.write("answer");
    await call.until(() => call.text === "answer");
    expect(call.ended).toBe(false);
    socket.end();
    await call.until(() => call.done !== undefined);
    expect([call.ended, call.resetBy, call.taken_]).toEqual([true, undefined, [false]]);
    expect(call.done).toMatchObject({
      ...{ route: "default/db", destination: `tcp://127.0.0.1:${port}`, error: undefined, status: 0 },
      ...{ requestBytes: 22, responseBytes: 6 },
    });
    expect(call.released).toBe(1);
  });

  test("goes to its destination behind its preamble", async () => {
    const { port, connection } = await destination();
    const call = begin(`tcp://127.0.0.1:${port}`, { open: { preamble: Buffer.from("hello ") } });
    call.events.onData(Buffer.from("world"));
    expect(await textOf(await connection, 11)).toBe("hello world");
    call.events.onReset(new TunnelError("CANCELLED", "for a test"));
  });

  test("goes behind a PROXY header where the destination wants one", async () => {
    const { port, connection } = await destination();
    const open = { client: "192.0.2.7:4711", local: "198.51.100.1:443", preamble: Buffer.from("x") };
    const call = begin(`tcp://127.0.0.1:${port}`, { open, proxyProtocol: true });
    expect(await textOf(await connection, 29)).toBe(`${proxyHeader({ ...emptyOpen, ...open }).toString("latin1")}x`);
    call.events.onReset(new TunnelError("CANCELLED", "for a test"));
  });

  test("M3: pauses a destination that the client is slower than", async () => {
    const { port, connection } = await destination();
    const call = begin(`tcp://127.0.0.1:${port}`);
    call.takes = false;
    const socket = await connection;
    socket.write("a");
    await call.until(() => call.text === "a");
    socket.write("b");
    await turns(10);
    expect(call.text).toBe("a");
    call.takes = true;
    call.events.onWritable();
    await call.until(() => call.text === "ab");
    call.events.onReset(new TunnelError("CANCELLED", "for a test"));
  });

  test("M3: returns credit only for what the destination took", async () => {
    const { port, connection } = await destination();
    const call = begin(`tcp://127.0.0.1:${port}`);
    const socket = await connection;
    socket.pause();
    const piece = Buffer.alloc(1024 * 1024);
    for (let nth = 0; nth < 32; nth++) call.events.onData(piece);
    await turns(20);
    expect(call.consumedBytes).toBeLessThan(32 * piece.length);
    socket.resume();
    await call.until(() => call.consumedBytes === 32 * piece.length);
    call.events.onReset(new TunnelError("CANCELLED", "for a test"));
  });

  test("that is reset resets the connection", async () => {
    const { port, connection } = await destination();
    const call = begin(`tcp://127.0.0.1:${port}`);
    const socket = await connection;
    socket.write("it is connected");
    await call.until(() => call.text !== "");
    call.events.onReset(new TunnelError("LINK_LOST", "for a test"));
    socket.resume();
    expect((await once(socket, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
    expect([call.done?.error?.code, call.resetBy, call.released]).toEqual(["LINK_LOST", undefined, 1]);
  });

  test("of a destination that breaks off is DESTINATION_FAILED", async () => {
    const { port, connection } = await destination();
    const call = begin(`tcp://127.0.0.1:${port}`);
    const socket = await connection;
    socket.write("it is connected");
    await call.until(() => call.text !== "");
    socket.resetAndDestroy();
    await call.until(() => call.done !== undefined);
    expect(call.resetBy).toMatchObject({
      code: "DESTINATION_FAILED",
      message: "route default/db: the destination broke the connection off",
    });
  });

  test("of a destination that is not there is DESTINATION_UNREACHABLE", async () => {
    const { port, server } = await destination();
    server.close();
    await once(server, "close");
    const call = begin(`tcp://127.0.0.1:${port}`);
    await call.until(() => call.done !== undefined);
    expect(call.resetBy).toMatchObject({
      code: "DESTINATION_UNREACHABLE",
      message: expect.stringContaining("connection refused by the destination"),
    });
  });

  test("that no route takes is reset, and nothing is dialled", () => {
    const error = new TunnelError("NO_ROUTE", "for a test");
    const call = begin("", { found: { t: "fail", error } });
    expect([call.resetBy, call.done?.error, call.taken_]).toEqual([error, error, []]);
  });

  test("M4: to a metadata service is refused", async () => {
    for (const host of ["169.254.169.254", "[fe80::1]"]) {
      const call = begin(`tcp://${host}:80`);
      await call.until(() => call.done !== undefined);
      expect(call.resetBy?.code).toBe("POLICY");
    }
  });

  test("M2: beyond the connections of its destination is OVERLOADED", async () => {
    const { port, connection } = await destination();
    const streams = new Streams({ ...options, connectionsMax: 1 });
    const first = begin(`tcp://127.0.0.1:${port}`, { streams });
    const second = begin(`tcp://127.0.0.1:${port}`, { streams });
    expect(second.resetBy?.code).toBe("OVERLOADED");
    await connection;
    first.events.onReset(new TunnelError("CANCELLED", "for a test"));
    await streams.close();
    expect(begin(`tcp://127.0.0.1:${port}`, { streams }).resetBy?.code).toBe("DRAINING");
  });
});

describe("a tls:// destination", () => {
  test("T2: gets TLS, its certificate checked against its own name", async () => {
    const { cert, key } = await selfSigned([{ type: "dns", value: "localhost" }]);
    const server = createTlsServer({ cert, key, allowHalfOpen: true }, (socket) => {
      socket.resume().once("end", () => socket.end(`bye ${socket.servername}`));
    }).listen(0, "127.0.0.1");
    closing.push(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const call = begin(`tls://localhost:${port}`, { streams: new Streams({ ...options, trustedCas: cert }) });
    call.events.onData(Buffer.from("x"));
    call.events.onFin([]);
    await call.until(() => call.done !== undefined);
    expect([call.text, call.ended, call.resetBy]).toEqual(["bye localhost", true, undefined]);

    const distrusting = begin(`tls://localhost:${port}`);
    await distrusting.until(() => distrusting.done !== undefined);
    expect(distrusting.resetBy?.message).toContain("TLS with the destination failed (DEPTH_ZERO_SELF_SIGNED_CERT)");
  });

  test("that does not answer in time is DESTINATION_UNREACHABLE", async () => {
    const { port } = await destination();
    const call = begin(`tls://127.0.0.1:${port}`, { streams: new Streams({ ...options, connectTimeoutMs: 20 }) });
    await call.until(() => call.done !== undefined);
    expect(call.resetBy?.message).toContain("no connection to the destination in time");
  });
});

describe("the PROXY header", () => {
  const signature = "0d0a0d0a000d0a515549540a";
  test.each<[string, Partial<Open>, string]>([
    ["IPv4", { client: "192.0.2.7:1", local: "192.0.2.1:2" }, "2111000cc0000207c000020100010002"],
    [
      "IPv6",
      { client: "[2001:db8::7]:1", local: "[::1]:2" },
      `21210024${"20010db8000000000000000000000007"}${"0".repeat(31)}100010002`,
    ],
    [
      "IPv4 at an IPv6 address",
      { client: "192.0.2.7:1", local: "[::1]:2" },
      `21210024${"0".repeat(20)}ffffc0000207${"0".repeat(31)}100010002`,
    ],
    [
      "IPv6 with IPv4 in it",
      { client: "[64:ff9b::192.0.2.7]:1", local: "[::1]:2" },
      `212100240064ff9b0000000000000000c0000207${"0".repeat(31)}100010002`,
    ],
    [
      "the name that TLS calls",
      { client: "192.0.2.7:1", local: "192.0.2.1:2", serverName: "ab" },
      "21110011c0000207c0000201000100020200026162",
    ],
    ["an unknown client", { client: "unknown:0", local: "192.0.2.1:2" }, "20000000"],
    ["a port that is none", { client: "192.0.2.7:70000", local: "192.0.2.1:2" }, "20000000"],
  ])("tells %s", (_, open, hex) => {
    expect(proxyHeader({ ...emptyOpen, ...open }).toString("hex")).toBe(signature + hex);
  });
});

const options: StreamOptions = { connectTimeoutMs: 5_000, connectionsMax: 100, allowAddress: allowAllButMetadata };

interface Begin {
  readonly open?: Partial<Open>;
  readonly proxyProtocol?: boolean;
  readonly streams?: Streams;
  readonly found?: FoundStream;
}

function begin(origin: string, { open, proxyProtocol = false, streams, found }: Begin = {}): FakeCall {
  const call = new FakeCall();
  const admission = { release: () => call.released++ };
  const destination: FoundStream = { t: "destination", origin, route: "default/db", proxyProtocol, admission };
  call.events = acceptRaw(
    call,
    { ...emptyOpen, kind: CallKind.raw, id: "call-1", ...open },
    {
      ...{ find: () => found ?? destination, streams: streams ?? new Streams(options), clock: systemClock },
      onDone: (done) => call.saw(() => (call.done = done)),
    },
  );
  return call;
}

class FakeCall implements Call {
  readonly id = "call-1";
  events!: CallEvents;
  text = "";
  ended = false;
  takes = true;
  resetBy: TunnelError | undefined;
  consumedBytes = 0;
  released = 0;
  done: CallDone | undefined;
  readonly taken_: boolean[] = [];
  #waiting: (() => void)[] = [];

  head(_head: Head): void {
    throw new Error("a raw call has no head");
  }

  data(bytes: Buffer): boolean {
    this.saw(() => (this.text += bytes.toString("latin1")));
    return this.takes;
  }

  fin(): void {
    this.saw(() => (this.ended = true));
  }

  reset(error: TunnelError): void {
    this.saw(() => (this.resetBy = error));
  }

  taken(repeatable: boolean): void {
    this.taken_.push(repeatable);
  }

  consumed(bytes: number): void {
    this.saw(() => (this.consumedBytes += bytes));
  }

  saw(change: () => void): void {
    change();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

async function destination() {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  closing.push(() => server.close());
  await once(server, "listening");
  const connection = once(server, "connection").then(([socket]) => {
    closing.push(() => (socket as Socket).destroy());
    return socket as Socket;
  });
  connection.catch(() => {});
  return { server, port: (server.address() as AddressInfo).port, connection };
}

async function textOf(socket: Socket, length: number): Promise<string> {
  let text = "";
  while (text.length < length) text += String((await once(socket, "data"))[0].toString("latin1"));
  return text;
}

async function turns(count: number): Promise<void> {
  for (let nth = 0; nth < count; nth++) await new Promise(setImmediate);
}

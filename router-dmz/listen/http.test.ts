import { type AddressInfo, createServer } from "node:net";
import { TunnelError } from "@sallyport/proto/error";
import { afterEach, expect, test } from "vitest";
import { FakeClock, httpDefaults } from "../relay.fixture.ts";
import { RawClient, turns } from "./client.fixture.ts";
import type { Exchange } from "./exchange.ts";
import { HttpListener } from "./http.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

interface Served {
  readonly listener: HttpListener;
  readonly port: number;
  client(): Promise<RawClient>;
}

async function serve(onExchange: (exchange: Exchange) => void, http: Partial<typeof httpDefaults> = {}) {
  let connections = 0;
  const listener = new HttpListener({
    listener: { name: "web", address: "127.0.0.1", port: 0 },
    http: { ...httpDefaults, ...http },
    clock: new FakeClock(),
    nextConnection: () => ++connections,
    onExchange,
  });
  const { port } = await listener.listen();
  closing.push(() => listener.close());
  const client = async () => {
    const client = await RawClient.connect(port, { allowHalfOpen: true });
    closing.push(() => client.socket.destroy());
    return client;
  };
  return { listener, port, client } satisfies Served;
}

const answer = ({ response }: Exchange) => void response.writeHead(200, ["Content-Length", "2"]).end(Buffer.from("ok"));

test("says where it listens, when asked for any free port", async () => {
  const { port } = await serve(answer);
  expect(port).toBeGreaterThan(0);
});

test("a port in use is an error that names listener, address, port and the mend", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  closing.push(() => other.close());
  const { port } = other.address() as AddressInfo;
  const listener = new HttpListener({
    listener: { name: "web", address: "127.0.0.1", port },
    http: httpDefaults,
    clock: new FakeClock(),
    nextConnection: () => 1,
    onExchange: answer,
  });
  const error = await listener.listen().catch((error: unknown) => error);
  expect(error).toBeInstanceOf(TunnelError);
  expect((error as TunnelError).message).toBe(
    `listener "web" cannot listen on 127.0.0.1 port ${port}: another process does; ` +
      "stop it, or give the listener another port",
  );
  await listener.close();
});

test("an address the machine does not have is an error with its own mend", async () => {
  const listener = new HttpListener({
    listener: { name: "web", address: "203.0.113.1", port: 0 },
    http: httpDefaults,
    clock: new FakeClock(),
    nextConnection: () => 1,
    onExchange: answer,
  });
  await expect(listener.listen()).rejects.toThrow("this machine does not have the address");
});

test("a connection serves request after request", async () => {
  const { listener, client } = await serve(answer);
  const first = await client();
  for (let nth = 1; nth <= 3; nth++) {
    first.send(get);
    expect((await first.response()).headers).toEqual([
      ...["Content-Length", "2", "Connection", "keep-alive", "Keep-Alive", "timeout=75"],
    ]);
  }
  expect(listener.stats).toEqual({ connections: 1, exchanges: 3, refused: 0, dropped: 0 });
});

test("a connection that waits for a next request is closed in time", async () => {
  const { client } = await serve(answer, { keepAliveTimeoutMs: 100 });
  const idle = await client();
  idle.send(get);
  await idle.response();
  await idle.until(() => idle.ended);
  expect(idle.errorCode).toBe("");
});

test("connections over the limit are dropped and counted", async () => {
  const { listener, client } = await serve(answer, { connectionsMax: 2 });
  const taken = [await client(), await client()];
  const dropped = await client();
  await dropped.until(() => dropped.closed || dropped.ended);
  expect(listener.stats).toMatchObject({ connections: 2, dropped: 1 });
  for (const client of taken) {
    client.send(get);
    expect((await client.response()).status).toBe(200);
  }
});

test("a client's connection knows both its ends", async () => {
  let exchange: Exchange | undefined;
  const { port, client } = await serve((arrived) => {
    exchange = arrived;
    answer(arrived);
  });
  const first = await client();
  first.send(get);
  await first.response();
  const { id, listener, clientAddress, clientPort, local } = exchange!.connection;
  expect({ id, listener, clientAddress, clientPort, local }).toEqual({
    id: 1,
    listener: "web",
    clientAddress: "127.0.0.1",
    clientPort: first.socket.localPort,
    local: `127.0.0.1:${port}`,
  });
});

test("draining, it says Connection: close, closes what is idle and leaves what is new", async () => {
  const exchanges: Exchange[] = [];
  const { listener, client } = await serve((exchange) => exchanges.push(exchange));
  const [idle, busy, fresh] = [await client(), await client(), await client()];
  idle.send(get);
  await until(() => exchanges.length === 1);
  answer(exchanges[0]!);
  await idle.response();
  busy.send(get);
  await until(() => exchanges.length === 2);
  listener.drain();
  await idle.until(() => idle.ended);
  answer(exchanges[1]!);
  expect((await busy.response()).headers).toEqual(["Content-Length", "2", "Connection", "close"]);
  await busy.until(() => busy.ended);
  fresh.send(get);
  await until(() => exchanges.length === 3);
  answer(exchanges[2]!);
  expect((await fresh.response()).headers).toEqual(["Content-Length", "2", "Connection", "close"]);
  const later = await client();
  later.send(get);
  await until(() => exchanges.length === 4);
});

test("draining, it closes a connection after the answer whose head was out before", async () => {
  const exchanges: Exchange[] = [];
  const { listener, client } = await serve((exchange) => exchanges.push(exchange));
  const busy = await client();
  busy.send(get);
  await until(() => exchanges.length === 1);
  const { response } = exchanges[0]!;
  response.writeHead(200, ["Content-Length", "2"]).write(Buffer.from("o"));
  listener.drain();
  response.end(Buffer.from("k"));
  expect((await busy.response()).body).toBe("ok");
  await busy.until(() => busy.ended);
  expect(busy.errorCode).toBe("");
});

test("finishing, it takes no new connection and waits for the answers, also those a slow reader still reads", async () => {
  const body = Buffer.alloc(16 * 1024 * 1024, "x");
  let ended = false;
  const { listener, port, client } = await serve(({ response }) => {
    response.writeHead(200, ["Content-Length", String(body.length)]).end(body);
    ended = true;
  });
  const slow = await client();
  let read = 0;
  slow.socket.removeAllListeners("data").on("data", (bytes) => {
    read += bytes.length;
  });
  slow.socket.pause();
  slow.send(get);
  await until(() => ended);
  let finished = false;
  const finishing = listener.finish().then(() => {
    finished = true;
  });
  await expect(RawClient.connect(port)).rejects.toThrow("ECONNREFUSED");
  await turns();
  expect(finished).toBe(false);
  slow.socket.resume();
  await slow.until(() => slow.ended);
  expect(slow.errorCode).toBe("");
  expect(read).toBeGreaterThan(body.length);
  slow.socket.end();
  await finishing;
});

test("finishing, it is done at once without connections, and may be asked twice", async () => {
  const { listener } = await serve(answer);
  await Promise.all([listener.finish(), listener.finish()]);
  await listener.close();
  expect(listener.stats.connections).toBe(0);
});

test("closed, it breaks off answers so that they are seen to be broken", async () => {
  const exchanges: Exchange[] = [];
  const { listener, client } = await serve((exchange) => exchanges.push(exchange));
  const busy = await client();
  busy.send("GET / HTTP/1.0\r\n\r\n");
  await until(() => exchanges.length === 1);
  exchanges[0]!.response.writeHead(200, []).write(Buffer.from("part"));
  await busy.until(() => busy.received.includes("part"));
  await listener.close();
  await busy.until(() => busy.closed);
  expect(busy.errorCode).toBe("ECONNRESET");
  expect(busy.ended).toBe(false);
});

test("CONNECT behind an unanswered request breaks the connection off", async () => {
  const { listener, client } = await serve(() => {});
  const both = await client();
  both.send(`${get}CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n`);
  await both.until(() => both.closed);
  expect(listener.stats).toMatchObject({ exchanges: 1, refused: 1 });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turns(1);
}

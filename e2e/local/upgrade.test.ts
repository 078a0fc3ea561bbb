import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DevProcess, documents, freePort } from "./dev-process.ts";

/** Requests to switch protocols, through a whole tunnel. */

let dev: DevProcess;
let destination: Server;
let port: number;
let onUpgrade: (request: IncomingMessage, socket: Socket, early: Buffer) => void = () => {};
const large = randomBytes(8 * 1024 * 1024);
let onRequest: (request: IncomingMessage) => string = () => "plain";

beforeAll(async () => {
  destination = createServer(
    { shouldUpgradeCallback: ({ url }) => url !== "/refuses" && url !== "/large" },
    (incoming, response) => {
      if (incoming.url === "/large") return response.end(large);
      response.writeHead(incoming.url === "/refuses" ? 426 : 200, { "X-Seen": onRequest(incoming) }).end("no upgrade");
    },
  );
  destination.on("upgrade", (incoming, socket, early) => onUpgrade(incoming, socket as Socket, early));
  destination.listen(0, "127.0.0.1");
  await once(destination, "listening");
  port = await freePort();
  dev = await DevProcess.ready(documents(port, `http://127.0.0.1:${(destination.address() as AddressInfo).port}`));
});

afterAll(async () => {
  await dev.stop();
  destination.closeAllConnections();
  destination.close();
});

it("T1: a 101 comes as the destination sent it, and bytes go both ways, each to its own end", async () => {
  let seen: IncomingMessage | undefined;
  onUpgrade = (incoming, socket) => {
    seen = incoming;
    socket.write(
      "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: chat/2\r\nSec-WebSocket-Accept: x\r\nX-Odd: a\r\nx-odd: b\r\n\r\nfirst",
    );
    socket.pipe(socket);
  };
  const client = await upgrade("/chat?room=1", ["Upgrade: chat/2, chat/1", "Sec-WebSocket-Key: k"]);
  expect(client.head).toBe(
    "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: chat/2\r\nSec-WebSocket-Accept: x\r\nX-Odd: a\r\nx-odd: b",
  );
  expect([seen?.url, seen?.headers.upgrade, seen?.headers["sec-websocket-key"]]).toEqual([
    "/chat?room=1",
    "chat/2, chat/1",
    "k",
  ]);
  const sent = randomBytes(8 * 1024 * 1024);
  client.socket.end(sent);
  const came = Buffer.concat([client.rest, await restOf(client.socket)]);
  expect(hash(came)).toBe(hash(Buffer.concat([Buffer.from("first"), sent])));
});

it("what the client says before the answer comes after it", async () => {
  onUpgrade = (_, socket, early) => {
    socket.write("HTTP/1.1 101 Ok\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    if (early.length > 0) socket.write(early);
    socket.pipe(socket);
  };
  const socket = connect(port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly");
  expect((await until(socket, (text) => text.endsWith("early"))).endsWith("\r\n\r\nearly")).toBe(true);
  socket.destroy();
});

it("an answer that is no 101 is passed on, and the connection closes", async () => {
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /refuses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  const answer = String(await restOf(socket));
  expect(answer).toMatch(/^HTTP\/1\.1 426 /);
  expect(answer).toMatch(/\r\nConnection: close\r\n[\s\S]*no upgrade/i);
});

it("M3: an answer that is no 101 arrives whole, however large", async () => {
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /large HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  const answer = await restOf(socket);
  expect(hash(answer.subarray(answer.indexOf("\r\n\r\n") + 4))).toBe(hash(large));
});

it("an error of the tunnel before the switch is an HTTP answer", async () => {
  onUpgrade = (_, socket) => socket.destroy();
  const socket = connect(port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  const answer = String(await restOf(socket));
  expect(answer).toMatch(/^HTTP\/1\.1 502 /);
  expect(answer).toContain("DESTINATION_FAILED");
});

it("after the switch a reset is passed on, either way", async () => {
  const sockets: Socket[] = [];
  onUpgrade = (_, socket) => {
    sockets.push(socket);
    socket.resume().on("error", () => {});
    socket.write("HTTP/1.1 101 Ok\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  };
  const first = await upgrade("/", ["Upgrade: x"]);
  sockets[0]?.resetAndDestroy();
  expect((await once(first.socket, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
  const second = await upgrade("/", ["Upgrade: x"]);
  const broken = once(sockets[1]!, "error");
  second.socket.resetAndDestroy();
  expect((await broken)[0]).toMatchObject({ code: "ECONNRESET" });
});

it("Java's offer of HTTP/2 on a POST stays a plain request, body and all", async () => {
  onRequest = (incoming) => `${incoming.method} ${incoming.headers.upgrade ?? "none"}`;
  const headers = { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__" };
  const posted = request({ port, host: "127.0.0.1", method: "POST", headers }).end("body");
  const [response] = (await once(posted, "response")) as [IncomingMessage];
  response.resume();
  expect([response.statusCode, response.headers["x-seen"]]).toEqual([200, "POST none"]);
});

async function upgrade(target: string, headers: readonly string[]) {
  const socket = connect(port, "127.0.0.1");
  socket.write([`GET ${target} HTTP/1.1`, "Host: a", "Connection: Upgrade", ...headers, "", ""].join("\r\n"));
  const text = await until(socket, (came) => came.includes("\r\n\r\n"));
  const end = text.indexOf("\r\n\r\n");
  return { socket, head: text.slice(0, end), rest: Buffer.from(text.slice(end + 4), "latin1") };
}

async function until(socket: Socket, holds: (text: string) => boolean): Promise<string> {
  let text = "";
  while (!holds(text)) {
    const [bytes] = await once(socket, "data");
    text += bytes.toString("latin1");
  }
  socket.pause();
  return text;
}

async function restOf(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => parts.push(bytes)).resume();
  await once(socket, "end");
  return Buffer.concat(parts);
}

function hash(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

import { once } from "node:events";
import http, { type Server } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RouterProcess, Routers } from "../load/router-pair.ts";
import { until } from "./dev-process.ts";
import { sendBytes } from "./send-bytes.ts";

const mebibyte = 1024 * 1024;
const budgetBytes = 32 * mebibyte;
/** docs/memory.md: a window and a response of each call. */
const callBytes = 192 * 1024;
const callsThatFit = Math.floor(budgetBytes / callBytes);
const clientsAtOnce = 600;

let destination: Server;
let routers: Routers;
let r1: RouterProcess;
let r2: RouterProcess;
const sockets: Socket[] = [];

beforeAll(async () => {
  destination = http.createServer((request, response) =>
    request.url === "/small" ? response.end("ok") : sendBytes(response, 100 * mebibyte),
  );
  destination.listen(0, "127.0.0.1", 1024);
  await once(destination, "listening");
  routers = await Routers.create();
  r1 = await routers.dmz();
  const origin = `http://127.0.0.1:${(destination.address() as AddressInfo).port}`;
  r2 = await routers.intranet([r1], origin, { limits: { memoryBudgetBytes: budgetBytes } });
  await r1.untilReady();
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await routers.close();
  destination.closeAllConnections();
  destination.close();
});

/** Asks for a large body, reads its first bytes and then nothing more. */
async function stalledStatus(): Promise<number> {
  const socket = net.connect(r1.ports.http!, "127.0.0.1");
  sockets.push(socket.on("error", () => {}));
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const [head] = (await once(socket, "data")) as [Buffer];
  socket.pause();
  return Number(head.subarray(9, 12));
}

describe("M3: downloads that nobody reads", () => {
  it("take no more of R2 than its budget: those that fit stall, the rest is told to come again", {
    timeout: 90_000,
  }, async () => {
    const statuses = await Promise.all(Array.from({ length: clientsAtOnce }, stalledStatus));
    const count = (wanted: number) => statuses.filter((status) => status === wanted).length;
    expect([count(200), count(503)]).toEqual([callsThatFit, clientsAtOnce - callsThatFit]);
    // What the kernel's buffers take keeps one or the other going for a while.
    const stalled = () => r2.metric("sallyport_link_stalled_calls");
    await until("they stand still", async () => (await stalled()) > 0.9 * callsThatFit, 40_000);
    expect(await r2.metric("sallyport_memory_used_bytes")).toBe(callsThatFit * callBytes);
    expect(await r2.metric("sallyport_link_queued_bytes")).toBeLessThan(budgetBytes / 2);
    // docs/memory.md, "R2".
    expect(r2.memory.peak).toBeLessThan(256 * mebibyte + budgetBytes);
    expect((await fetch(`${r1.url}/small`)).status).toBe(503);
    for (const socket of sockets) socket.destroy();
    await until("all of it is given back", async () => (await r2.metric("sallyport_memory_used_bytes")) === 0, 20_000);
    expect(await (await fetch(`${r1.url}/small`)).text()).toBe("ok");
  });
});

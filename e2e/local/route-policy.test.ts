import { once } from "node:events";
import http, { type IncomingMessage, type Server, type ServerResponse } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RouterProcess, Routers } from "../load/router-pair.ts";

/** What a route says of its calls beside where they go, over whole routers: `limits` and `retry`. */

/** Answers "ok" at once; a path below /hold only when the test says so. */
class Destination {
  readonly arrived: string[] = [];
  readonly #held: ServerResponse[] = [];
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  constructor() {
    this.#server = http.createServer((request, response) => void this.#take(request, response));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async until(arrivals: number): Promise<void> {
    while (this.arrived.length < arrivals) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  answerHeld(): void {
    for (const response of this.#held.splice(0)) response.end("ok");
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += chunk;
    this.arrived.push(`${request.method} ${request.url} ${body}`.trim());
    if (request.url?.startsWith("/hold")) this.#held.push(response);
    else response.end("ok");
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Between R2 and R1: what goes through it can be cut, as a network does. */
class Wire {
  readonly #sockets = new Set<Socket>();
  readonly #server: net.Server;

  constructor(port: number) {
    this.#server = net.createServer((near) => {
      const far = net.connect(port, "127.0.0.1");
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

let destination: Destination;
let origin: string;
let routers: Routers;
let r1: RouterProcess;
let wire: Wire | undefined;

beforeAll(async () => {
  routers = await Routers.create();
});

afterAll(() => routers.close());

beforeEach(async () => {
  destination = new Destination();
  origin = await destination.listen();
  // One link: what R2 said on it before a later answer, R1 has heard.
  r1 = await routers.dmz({ pool: { min: 1, max: 1 } });
});

afterEach(async () => {
  wire?.close();
  wire = undefined;
  destination.close();
  await r1.kill();
});

function route(name: string, more: object = {}): object {
  const spec = {
    ...{ parentRefs: [{ name: "load" }], backendRefs: [{ url: origin }] },
    ...{ matches: [{ path: { value: `/${name}` } }, { path: { value: `/hold/${name}` } }], ...more },
  };
  return { apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name }, spec };
}

async function call(path: string, init: RequestInit = {}) {
  const response = await fetch(`${r1.url}${path}`, init);
  const text = await response.text();
  const code = /"?code"?[:=]"([A-Z_]+)"/.exec(text)?.[1];
  return { status: response.status, code, retryAfter: response.headers.get("retry-after") };
}

const ok = { status: 200, code: undefined, retryAfter: null };
const busy = { status: 503, code: "OVERLOADED", retryAfter: "1" };

describe("M2: a route's limits", () => {
  it("turn away what is over them, with a busy answer, and no other route's calls", async () => {
    const r2 = await routers.intranet([r1], origin, {
      routes: [
        route("few", { limits: { maxCalls: 1 } }),
        route("rate", { limits: { callsPerSecond: 1 } }),
        route("any"),
      ],
    });
    await r1.untilReady();
    const held = call("/hold/few");
    await destination.until(1);
    expect(await call("/few")).toEqual(busy);
    const soap = { method: "POST", headers: { "Content-Type": "text/xml" }, body: "<x/>" };
    expect(await call("/few", soap)).toEqual(busy);
    expect(await call("/any")).toEqual(ok);
    expect(destination.arrived).toEqual(["GET /hold/few", "GET /any"]);
    destination.answerHeld();
    expect(await held).toEqual(ok);
    expect(await call("/few")).toEqual(ok);
    // A machine would have to take twenty seconds over them to have them all let through.
    const rated = await Promise.all(Array.from({ length: 20 }, () => call("/rate")));
    expect(rated).toEqual(expect.arrayContaining([ok, busy]));
    expect(await r2.metrics()).toContain('sallyport_route_rejected_total{route="default/few",limit="maxCalls"} 2');
    expect((await r2.status()).routeLimits).toContainEqual({
      ...{ route: "default/few", calls: 0, rejected: 2, maxCalls: 1 },
    });
    await r2.kill();
  });

  it("may change while calls run, which go on to count", async () => {
    const few = (maxCalls: number) => ({ routes: [route("few", { limits: { maxCalls } })] });
    const r2 = await routers.intranet([r1], origin, few(1));
    await r1.untilReady();
    const first = call("/hold/few");
    await destination.until(1);
    expect(await call("/few")).toEqual(busy);
    await r2.reload(few(2));
    const second = call("/hold/few");
    await destination.until(2);
    expect(await call("/few")).toEqual(busy);
    destination.answerHeld();
    expect(await Promise.all([first, second])).toEqual([ok, ok]);
    expect(await call("/few")).toEqual(ok);
    await r2.kill();
  });
});

describe("T4: a link that is cut under a call", () => {
  it("a POST whose route is repeatable arrives again, whole, and succeeds; by default it fails, and does not", async () => {
    wire = new Wire(r1.ports.tunnel!);
    const port = await wire.listen();
    const r2 = await routers.intranet([r1], origin, {
      dmz: [{ name: "R1", address: "127.0.0.1", port }],
      routes: [route("again", { retry: { onLinkLoss: "Always" } }), route("once")],
    });
    await r1.untilReady();
    const post = (body: string) => ({ method: "POST", body });
    const calls = [call("/hold/again", post("a".repeat(1_000))), call("/hold/once", post("b"))];
    await destination.until(2);
    expect(await call("/once")).toEqual(ok);
    wire.cut();
    await destination.until(4);
    destination.answerHeld();
    const [again, once] = await Promise.all(calls);
    expect([again, once]).toEqual([ok, { status: 502, code: "LINK_LOST", retryAfter: null }]);
    expect(destination.arrived.toSorted()).toEqual([
      "GET /once",
      `POST /hold/again ${"a".repeat(1_000)}`,
      `POST /hold/again ${"a".repeat(1_000)}`,
      "POST /hold/once b",
    ]);
    expect(await r1.metric("sallyport_repeated_lost_total")).toBe(1);
    await r2.kill();
  });
});

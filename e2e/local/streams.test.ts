import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { selfSigned } from "@sallyport/router-intranet/dial/testing/self-signed";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevProcess, freePort } from "./dev-process.ts";

/** TCP and TLS listeners of a whole tunnel. */

interface Ports {
  readonly web: number;
  readonly tcp: number;
  readonly proxied: number;
  readonly tls: number;
}

let dev: DevProcess;
let ports: Ports;
let destination: Server;
let secure: Server;
/** What the destination does with its next connection. */
let serve: (socket: Socket) => void = () => {};
const client = await selfSigned([{ type: "dns", value: "client.example" }]);
const server = await selfSigned([{ type: "dns", value: "a.example.com" }]);

beforeAll(async () => {
  destination = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  secure = createTlsServer(
    { cert: server.cert, key: server.key, ca: client.cert, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      const { subject } = socket.getPeerCertificate();
      socket.end(`hello ${subject.CN} at ${socket.servername}`);
    },
  );
  ports = { web: await freePort(), tcp: await freePort(), proxied: await freePort(), tls: await freePort() };
  dev = await DevProcess.ready(documents(await listen(destination), await listen(secure)));
});

afterAll(async () => {
  await dev.stop();
  destination.close();
  secure.close();
});

describe("a TCP listener", () => {
  it("T5: carries what either side says first", async () => {
    serve = (socket) => socket.write("220 ready\r\n");
    const socket = connect(ports.tcp, "127.0.0.1");
    expect(String((await once(socket, "data"))[0])).toBe("220 ready\r\n");
    socket.destroy();
  });

  it("keeps half-close: the answer to a whole request comes after its end", async () => {
    serve = (socket) => void wholeOf(socket).then((bytes) => socket.end(`got ${bytes.length}`));
    const socket = connect(ports.tcp, "127.0.0.1");
    socket.end("all of it");
    expect(String(await wholeOf(socket))).toBe("got 9");
  });

  it("M3: carries much, both ways at once, unchanged", async () => {
    serve = (socket) => socket.pipe(socket);
    const sent = randomBytes(32 * 1024 * 1024);
    const socket = connect({ port: ports.tcp, host: "127.0.0.1", allowHalfOpen: true });
    const came = wholeOf(socket);
    socket.end(sent);
    expect(hash(await came)).toBe(hash(sent));
  });

  it("passes a reset on, from the destination and from the client", async () => {
    serve = (socket) => socket.once("data", () => socket.resetAndDestroy());
    const broken = connect(ports.tcp, "127.0.0.1");
    broken.write("x");
    expect((await once(broken, "error"))[0]).toMatchObject({ code: "ECONNRESET" });

    const reset = new Promise<Error>((resolve) => {
      serve = (socket) => {
        socket.write("y");
        socket.on("error", resolve);
        socket.resume();
      };
    });
    const breaking = connect(ports.tcp, "127.0.0.1");
    await once(breaking, "data");
    breaking.resetAndDestroy();
    expect(await reset).toMatchObject({ code: "ECONNRESET" });
  });
});

describe("the PROXY protocol", () => {
  it.each([
    ["version 1", Buffer.from("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n")],
    [
      "version 2",
      Buffer.concat([
        Buffer.from("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "latin1"),
        Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 4711 >> 8, 4711 & 255, 443 >> 8, 443 & 255]),
      ]),
    ],
  ])("from a load balancer, %s, tells the destination the client's address", async (_, header) => {
    serve = (socket) => void wholeOf(socket).then((bytes) => socket.end(bytes));
    const socket = connect(ports.proxied, "127.0.0.1");
    socket.end(Buffer.concat([header, Buffer.from("then this")]));
    const came = await wholeOf(socket);
    expect(came.subarray(0, 16).toString("latin1")).toBe("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
    expect([...came.subarray(16, 28)]).toEqual([192, 0, 2, 7, 198, 51, 100, 1, 4711 >> 8, 4711 & 255, 1, 187]);
    expect(came.subarray(28).toString()).toBe("then this");
  });

  it("is asked for: a trusted address without it is broken off", async () => {
    serve = () => expect.unreachable();
    const socket = connect(ports.proxied, "127.0.0.1");
    socket.end("GET / HTTP/1.1\r\n\r\n");
    expect((await once(socket, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
  });
});

describe("a TLS listener", () => {
  it("T2: leaves TLS to the ends, client certificate and all, and routes by the name that is called", async () => {
    expect(await greeting("a.example.com")).toBe("hello test at a.example.com");
    expect(await greeting("deep.b.example.com")).toBe("hello test at deep.b.example.com");
  });

  it("breaks off what no route takes, and what is not TLS", async () => {
    const stranger = connectTls({ port: ports.tls, host: "127.0.0.1", servername: "example.net" });
    expect((await once(stranger, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
    const plain = connect(ports.tls, "127.0.0.1");
    plain.write("GET / HTTP/1.1\r\n\r\n");
    expect((await once(plain, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
  });
});

it("a listener for HTTP beside them finds no route that carries bytes", async () => {
  expect((await fetch(`http://127.0.0.1:${ports.web}/`)).status).toBe(404);
});

async function greeting(servername: string): Promise<string> {
  const socket: TLSSocket = connectTls({
    ...{ port: ports.tls, host: "127.0.0.1", servername, ca: server.cert, cert: client.cert, key: client.key },
    // One certificate serves all names here.
    checkServerIdentity: () => undefined,
  });
  return String(await wholeOf(socket));
}

async function wholeOf(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => parts.push(bytes));
  await once(socket, "end");
  return Buffer.concat(parts);
}

async function listen(target: Server): Promise<number> {
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  return (target.address() as AddressInfo).port;
}

function hash(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function documents(plainPort: number, securePort: number): string {
  const route = (name: string, listener: string, rest: string) => `---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: ${name} }
spec:
  parentRefs: [{ name: test, sectionName: ${listener} }]
  ${rest}
`;
  return `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: test }
spec:
  pairs: 1
  dmz:
    listeners:
      - { name: web, protocol: HTTP, port: ${ports.web} }
      - { name: tcp, protocol: TCP, port: ${ports.tcp} }
      - { name: proxied, protocol: TCP, port: ${ports.proxied}, proxyProtocol: { trustedAddresses: [127.0.0.0/8] } }
      - { name: tls, protocol: TLS, port: ${ports.tls} }
${route("plain", "tcp", `backendRefs: [{ url: "tcp://127.0.0.1:${plainPort}" }]`)}${route(
  "proxied",
  "proxied",
  `backendRefs: [{ url: "tcp://127.0.0.1:${plainPort}", proxyProtocol: V2 }]`,
)}${route(
  "secure",
  "tls",
  `matches: [{ host: a.example.com }, { host: "*.b.example.com" }]
  backendRefs: [{ url: "tcp://127.0.0.1:${securePort}" }]`,
)}`;
}

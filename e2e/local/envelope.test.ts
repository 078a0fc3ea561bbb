import http, { type Server } from "node:http";
import net, { type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevProcess, freePort } from "./dev-process.ts";

/** Two destinations behind one path, told apart by `<ClientRouteName>` in the envelope alone. */

const destinations: Server[] = [];
let dev: DevProcess;

/** Answers its name and the body as it came. */
async function serve(name: string): Promise<string> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.writeHead(200, { "X-Destination": name }).end(Buffer.concat(chunks)));
  });
  destinations.push(server.listen(0, "127.0.0.1"));
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function documents(port: number, blue: string, green: string): string {
  const route = (name: string, url: string, value: string) => `---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: ${name} }
spec:
  parentRefs: [{ name: test }]
  matches:
    - soap: { header: { name: ClientRouteName, value: ${value} } }
    - soap: { action: { type: Contains, value: /${name}/ } }
  backendRefs: [{ url: "${url}" }]
`;
  return `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: test }
spec:
  pairs: 1
  dmz:
    listeners: [{ name: http, protocol: HTTP, port: ${port} }]
${route("blue", blue, "blue")}${route("green", green, "grün")}`;
}

beforeAll(async () => {
  dev = await DevProcess.ready(documents(await freePort(), await serve("blue"), await serve("green")));
});

afterAll(async () => {
  expect(await dev.stop()).toBe(0);
  for (const server of destinations) {
    server.closeAllConnections();
    server.close();
  }
});

const soap11 = "http://schemas.xmlsoap.org/soap/envelope/";
const soap12 = "http://www.w3.org/2003/05/soap-envelope";
const wsa = "http://www.w3.org/2005/08/addressing";
const routeName = (value: string) => `<ClientRouteName>${value}</ClientRouteName>`;

function envelope(blocks: string, namespace = soap11): string {
  const body = `<s:Body><Add><a>2</a><b>${"3".repeat(100_000)}</b></Add></s:Body>`;
  return `<s:Envelope xmlns:s="${namespace}"><s:Header>${blocks}</s:Header>${body}</s:Envelope>`;
}

function mtom(root: Buffer, charset: string): Buffer {
  const part = (head: string, content: Buffer) =>
    Buffer.concat([Buffer.from(`\r\n--MIMEBoundary\r\n${head}\r\n\r\n`), content]);
  return Buffer.concat([
    part(`Content-ID: <root@x>\r\nContent-Type: application/xop+xml; charset=${charset}; type="text/xml"`, root),
    part("Content-ID: <data@x>\r\nContent-Type: application/octet-stream", Buffer.alloc(300_000, 0xa7)),
    Buffer.from("\r\n--MIMEBoundary--\r\n"),
  ]);
}

const mtomType = 'multipart/related; boundary=MIMEBoundary; type="application/xop+xml"; start="<root@x>"';

interface Reply {
  readonly status: number;
  readonly destination: string | undefined;
  readonly body: Buffer;
}

function post(contentType: string, body: Buffer | string, headers: http.OutgoingHttpHeaders = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers: { "Content-Type": contentType, ...headers } };
    const request = http.request(`${dev.url()}/service`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const destination = response.headers["x-destination"] as string | undefined;
        resolve({ status: response.statusCode ?? 0, destination, body: Buffer.concat(chunks) });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

describe("T9: an envelope's header decides between two destinations", () => {
  const utf16 = (text: string, bigEndian = false) => {
    const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
    return bigEndian ? bytes.swap16() : bytes;
  };
  const blue = envelope(routeName("blue"));
  const green = envelope(routeName("grün"), soap12);

  it.each<[string, string, Buffer | string, string]>([
    ["SOAP 1.1", "text/xml; charset=utf-8", blue, "blue"],
    ["SOAP 1.2", "application/soap+xml; charset=utf-8", green, "green"],
    ["SOAP 1.1 in UTF-16 LE", "text/xml; charset=utf-16", utf16(envelope(routeName("grün"))), "green"],
    ["SOAP 1.2 in UTF-16 BE", "application/soap+xml", utf16(envelope(routeName("blue"), soap12), true), "blue"],
    ["MTOM", mtomType, mtom(Buffer.from(blue), "utf-8"), "blue"],
    ["MTOM in UTF-16", mtomType, mtom(utf16(green), "utf-16"), "green"],
    [
      "WS-Addressing's action",
      "application/soap+xml",
      envelope(`<Action xmlns="${wsa}">urn:x/green/Add</Action>`, soap12),
      "green",
    ],
  ])("%s, and the body arrives as it was sent", async (_, contentType, body, destination) => {
    const reply = await post(contentType, body);
    expect([reply.status, reply.destination]).toEqual([200, destination]);
    expect(reply.body.equals(Buffer.from(body))).toBe(true);
  });

  it("with a client that sends nothing before it sees 100 (Continue)", async () => {
    const socket = net.connect(Number(new URL(dev.url()).port), "127.0.0.1");
    const head = `POST /service HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: ${blue.length}\r\n`;
    socket.write(`${head}Expect: 100-continue\r\nConnection: close\r\n\r\n`);
    let received = "";
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", () => resolve());
      socket.on("data", (chunk) => {
        if (received === "") socket.write(blue);
        received += chunk.toString("latin1");
      });
    });
    const heads = received.match(/^HTTP\/1\.1 \d+ [^\r]*/gm);
    expect(heads).toEqual(["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"]);
    expect(received).toContain("X-Destination: blue");
  });
});

describe("T9: an envelope that is refused", () => {
  it.each<[string, string, string, number]>([
    ["with a SOAP 1.1 fault", "text/xml", soap11, 500],
    ["with a SOAP 1.2 fault", "application/soap+xml", soap12, 500],
  ])("is answered %s that says why", async (_, contentType, namespace, status) => {
    const reply = await post(contentType, `<!DOCTYPE x [<!ENTITY e "e">]>${envelope(routeName("&e;"), namespace)}`);
    expect([reply.status, reply.destination]).toEqual([status, undefined]);
    expect(reply.body.toString()).toContain(namespace);
    expect(reply.body.toString()).toContain("document type declaration (DTD), which SOAP forbids");
  });

  it("by no route, when its header does not end in 64 KiB: the call does not hang", async () => {
    const long = "y".repeat(200_000);
    const reply = await post("text/xml", envelope(`<x>${long}</x>${routeName("blue")}`));
    expect(reply.body.toString()).toContain("no route takes POST /service on listener http");
  });

  it("by no route, when its header is none that one asks for", async () => {
    const reply = await post("text/xml", envelope(routeName("red")));
    expect(reply.body.toString()).toContain("no route takes POST /service on listener http");
  });
});

import type { Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import { faultRecord, framingFaults } from "@sallyport/proto/net-tcp/framing-fault";
import { readPreamble } from "@sallyport/proto/net-tcp/preamble";
import { RecordReader } from "@sallyport/proto/net-tcp/record-reader";
import { action, chars, element, envelopeOf, sessionStrings, xmlns } from "@sallyport/proto/net-tcp/testing/binary-xml";
import { ack, end, envelope, preamble } from "@sallyport/proto/net-tcp/testing/records";
import { selfSigned } from "@sallyport/router-intranet/dial/testing/self-signed";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevProcess, freePort } from "./dev-process.ts";
import { listen, RawClient } from "./net-tcp-peer.ts";

/** net.tcp over a whole tunnel, byte by byte: sessions told apart by via, by action and by a header. */

const services: { port: number; close: () => void }[] = [];
const seen: { name: string; preamble: string }[] = [];
let dev: DevProcess;
let port: number;
const tls = await selfSigned([{ type: "dns", value: "localhost" }]);

/** Acknowledges, answers each envelope with its own name and the envelope, and End with End. */
async function service(name: string): Promise<number> {
  const started = await listen((socket) => void serveSession(name, socket));
  services.push(started);
  return started.port;
}

function serveSession(name: string, socket: Socket): void {
  let kept = Buffer.alloc(0);
  let reader: RecordReader | undefined;
  let payload = Buffer.alloc(0);
  const read = (piece: Buffer) => {
    reader?.push(piece);
    for (let event = reader?.next(); event !== undefined; event = reader?.next()) {
      if (event.t === "payload") payload = Buffer.concat([payload, event.bytes]);
      if (event.t === "envelopeEnd") {
        socket.write(envelope(Buffer.concat([Buffer.from(`${name}:`), payload])));
        payload = Buffer.alloc(0);
      }
      if (event.t === "end") socket.write(end);
    }
  };
  const onData = (piece: Buffer) => {
    if (reader !== undefined) return read(piece);
    kept = Buffer.concat([kept, piece]);
    const reading = readPreamble(kept);
    if (reading.t !== "read") return;
    seen.push({ name, preamble: kept.subarray(0, reading.bytes).toString("hex") });
    if (reading.preamble.upgrade !== "") return upgrade(name, socket, onData);
    reader = new RecordReader("initiator");
    reader.push(kept.subarray(0, reading.bytes));
    while (reader.next() !== undefined);
    socket.write(ack);
    read(kept.subarray(reading.bytes));
  };
  socket.on("data", onData);
}

/** Then the preamble's end comes inside TLS, and all else. */
function upgrade(name: string, socket: Socket, onData: (piece: Buffer) => void): void {
  socket.off("data", onData);
  socket.write(Buffer.from([0x0a]));
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext: createSecureContext({ key: tls.key, cert: tls.cert }),
  });
  secured.once("data", (bytes) => {
    if (bytes[0] === 0x0c) secured.write(ack);
    secured.on("data", (more) => secured.write(envelope(`${name} secretly: ${more.subarray(2)}`)));
  });
}

function documents(ports: Record<string, number>): string {
  const route = (name: string, matches: string) => `---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: ${name} }
spec:
  parentRefs: [{ name: test }]
  matches: ${matches}
  backendRefs: [{ url: "net.tcp://127.0.0.1:${ports[name]}" }]
`;
  return `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: test }
spec:
  pairs: 1
  dmz:
    listeners: [{ name: wcf, protocol: NetTCP, port: ${port} }]
${route("via", "[{ path: { value: /by-via } }, { host: via.example }]")}${route("action", "[{ soap: { action: { type: Contains, value: /ICalc/ } } }]")}${route("header", "[{ soap: { header: { name: ClientRouteName, value: test } } }]")}${route("gone", "[{ path: { value: /gone } }, { soap: { action: { value: urn:gone } } }]")}`;
}

beforeAll(async () => {
  port = await freePort();
  const ports = { via: await service("via"), action: await service("action"), header: await service("header") };
  dev = await DevProcess.ready(documents({ ...ports, gone: await freePort() }));
});

afterAll(async () => {
  expect(await dev.stop()).toBe(0);
  for (const { close } of services) close();
});

const add = envelopeOf(action("http://tempuri.org/ICalc/Add"));
const inSession = (bytes: Buffer) => Buffer.concat([sessionStrings("x"), bytes]);
const routed = inSession(
  envelopeOf(action("urn:other"), element("", "ClientRouteName"), xmlns("", "urn:r"), chars("test")),
);

async function ask(client: RawClient, sent: Buffer, name: string): Promise<void> {
  client.send(envelope(sent));
  const answer = envelope(Buffer.concat([Buffer.from(`${name}:`), sent]));
  expect(await client.take(answer.length)).toEqual(answer);
}

async function session(client: RawClient, first: Buffer, sent: Buffer, name: string): Promise<void> {
  client.send(first);
  expect(await client.take(1)).toEqual(ack);
  await ask(client, sent, name);
  await ask(client, Buffer.from("not even SOAP"), name);
  client.send(end);
  expect(await client.take(1)).toEqual(end);
  expect(seen.at(-1)).toEqual({ name, preamble: first.toString("hex") });
}

const byPath = preamble({ via: "net.tcp://any.example:808/by-via/calc" });
const elsewhere = preamble({ via: "net.tcp://any.example:808/elsewhere" });

describe("a net.tcp session", () => {
  it.each([
    ["the path of its via", byPath, Buffer.from("anything"), "via"],
    ["the host of its via", preamble({ via: "net.tcp://VIA.example/x" }), Buffer.from("anything"), "via"],
    ["the action of its first envelope", elsewhere, inSession(add), "action"],
    ["a header of its first envelope", elsewhere, routed, "header"],
    ["its action, without a session's strings", preamble({ encoding: 7 }), add, "action"],
  ])("T9: goes by %s, with every byte as it was sent", async (_, first, sent, name) => {
    const client = new RawClient(port);
    await session(client, first, sent, name);
    client.socket.destroy();
  });

  it("T5: and the next one on the same connection go to their own destinations", async () => {
    const client = new RawClient(port);
    await session(client, byPath, Buffer.from("one"), "via");
    await session(client, elsewhere, inSession(add), "action");
    await session(client, elsewhere, routed, "header");
    await session(client, byPath, Buffer.from("four"), "via");
    client.socket.end();
    expect(await client.rest()).toEqual({ bytes: Buffer.alloc(0), closed: "end" });
  });

  it("M3: carries a message of 8 MB", async () => {
    const client = new RawClient(port);
    await session(client, byPath, Buffer.alloc(8 * 1024 * 1024, "x"), "via");
    client.socket.destroy();
  });

  it("T2: that asks for TLS is carried through it end to end", async () => {
    const client = new RawClient(port);
    client.send(preamble({ via: "net.tcp://via.example/", upgrade: "application/ssl-tls" }));
    expect(await client.take(1)).toEqual(Buffer.from([0x0a]));
    client.socket.removeAllListeners("data");
    const secured = connectTls({
      socket: client.socket,
      ca: tls.cert,
      servername: "localhost",
    });
    await new Promise((resolve) => secured.once("secureConnect", resolve));
    secured.write(Buffer.from([0x0c]));
    await new Promise((resolve) => secured.once("data", resolve));
    secured.write(envelope("hello"));
    const answer = await new Promise((resolve) => secured.once("data", resolve));
    expect(answer).toEqual(envelope("via secretly: hello"));
    secured.destroy();
  });
});

describe("a session that cannot be carried", () => {
  const isUpgraded = preamble({ via: "net.tcp://any.example/elsewhere", upgrade: "application/ssl-tls" });
  it.each([
    [
      "whose via and action no route takes",
      elsewhere,
      inSession(envelopeOf(action("urn:other"))),
      framingFaults.endpointNotFound,
    ],
    [
      "whose destination is not there",
      preamble({ via: "net.tcp://x/gone" }),
      undefined,
      framingFaults.endpointUnavailable,
    ],
    [
      "whose destination, by its action, is not there",
      elsewhere,
      inSession(envelopeOf(action("urn:gone"))),
      framingFaults.endpointUnavailable,
    ],
    [
      "that hides what routes ask for",
      isUpgraded,
      undefined,
      "the session asks for application/ssl-tls, so its messages cannot be seen, and no route takes its via; match by host or path of the via",
    ],
    [
      "whose first envelope is none",
      elsewhere,
      Buffer.from([0, 0xff]),
      "the binary envelope has a record of type 255, which [MC-NBFX] does not know",
    ],
  ])("%s gets a fault that says so", async (_, first, sent, fault) => {
    const client = new RawClient(port);
    client.send(first);
    if (sent !== undefined) {
      expect(await client.take(1)).toEqual(ack);
      client.send(envelope(sent));
    }
    client.socket.on("end", () => client.socket.end());
    expect(await client.rest()).toEqual({ bytes: faultRecord(fault), closed: "end" });
  });

  it.each([
    ["another version", Buffer.from([0, 2, 0]), framingFaults.unsupportedVersion],
    ["an unknown mode", Buffer.from([0, 1, 0, 1, 7]), framingFaults.unsupportedMode],
    ["an endless via", Buffer.from([0, 1, 0, 1, 2, 2, 0xff, 0xff, 0x7f]), framingFaults.viaTooLong],
  ])("of %s is told, and closed", async (_, bytes, fault) => {
    const client = new RawClient(port);
    client.send(bytes);
    expect(await client.rest()).toEqual({ bytes: faultRecord(fault), closed: "end" });
  });

  it.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["an oversize number", Buffer.from([0, 1, 0, 1, 2, 2, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ])("that is %s is broken off", async (_, bytes) => {
    const client = new RawClient(port);
    client.send(bytes);
    expect(await client.rest()).toEqual({ bytes: Buffer.alloc(0), closed: "ECONNRESET" });
  });
});

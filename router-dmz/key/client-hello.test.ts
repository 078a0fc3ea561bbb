import { once } from "node:events";
import { createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, test } from "vitest";
import type { ClientHello } from "./client-hello.ts";
import { readClientHello } from "./client-hello.ts";

const host = "Calc.Example.com";
const real = await helloOf({ servername: host, ALPNProtocols: ["h2", "http/1.1"] });
const said: ClientHello = { serverName: "calc.example.com", protocols: ["h2", "http/1.1"] };

describe("T2: a ClientHello", () => {
  it("of Node's TLS names its server and its protocols", () => {
    expect(readClientHello(real)).toEqual({ t: "read", bytes: real.length, value: said });
  });

  it("without SNI and ALPN names neither", async () => {
    const bare = await helloOf({});
    expect(readClientHello(bare)).toEqual({ t: "read", bytes: bare.length, value: { serverName: "", protocols: [] } });
  });

  it("is asked for again until it is whole, wherever it is cut", () => {
    for (let length = 0; length < real.length; length++) {
      const reading = readClientHello(real.subarray(0, length));
      expect(reading.t).toBe("more");
      if (reading.t === "more") expect(reading.bytes).toBeGreaterThan(length);
    }
  });

  it.each([7, 100])("reads the same from records of %d bytes each", (size) => {
    const cut = inRecords(real.subarray(5), size);
    expect(readClientHello(cut)).toEqual({ t: "read", bytes: cut.length, value: said });
    for (let length = 0; length < cut.length; length++) {
      expect(readClientHello(cut.subarray(0, length)).t).toBe("more");
    }
  });

  it("leaves what follows it alone", () => {
    const more = Buffer.concat([real, Buffer.from("early data")]);
    expect(readClientHello(more)).toEqual({ t: "read", bytes: real.length, value: said });
  });
});

describe("is refused:", () => {
  const label = "a".repeat(62);
  const long = Buffer.alloc(20_000);
  test.each<[string, Buffer, string]>([
    ["HTTP", Buffer.from("G"), "is not TLS"],
    ["SSL 2", Buffer.from([0x80, 0x2e, 1]), "is not TLS"],
    ["SSL's major version", Buffer.from([22, 2]), "is not TLS 1.0 or later"],
    ["a record without bytes", Buffer.from([22, 3, 1, 0, 0]), "has a TLS record of 0 bytes"],
    ["a record that is too long", Buffer.from([22, 3, 1, 0x40, 1]), "has a TLS record of 16385 bytes"],
    ["a ServerHello", Buffer.from([22, 3, 1, 0, 40, 2]), "is TLS and no ClientHello"],
    [
      "a length that no client needs",
      Buffer.from([22, 3, 1, 0, 40, 1, 1, 0, 0]),
      "is a ClientHello of over 16384 bytes",
    ],
    ["records without number", inRecords(real.subarray(5), 1), "is a ClientHello in over 256 records"],
    ["records that go on", inRecords(long.fill("01003fff", 0, 4, "hex"), 1000), "is a ClientHello of over 16384 bytes"],
    [
      "more in its record",
      changed((body) => Buffer.concat([body, Buffer.of(0)])),
      "has more in its records than the ClientHello",
    ],
    ["an alert in between", Buffer.concat([inRecords(real.subarray(5, 50), 45), Buffer.of(21)]), "is not TLS"],
  ])("%s", (_, bytes, why) => {
    expect(readClientHello(bytes)).toEqual({ t: "refused", why });
  });

  const malformed = "is a malformed ClientHello";
  test.each<[string, Buffer]>([
    ["a session id that is not there", hello([], { sessionId: Buffer.of(32) })],
    ["an extension twice", hello([sni("a.example"), sni("b.example")])],
    ["two names", hello([[0, list(2, Buffer.concat([name("a"), name("b")]))]])],
    ["a name that is no host", hello([sni("a b")])],
    ["a name with a line end", hello([sni("a\n")])],
    ["a name of 254 characters", hello([sni(`${label}.${label}.${label}.${label}.aa`)])],
    ["an empty name", hello([sni("")])],
    ["an empty protocol", hello([[16, list(2, Buffer.of(0))]])],
    ["bytes after the extensions", hello([], { after: Buffer.of(1) })],
  ])("%s", (_, bytes) => {
    expect(readClientHello(bytes)).toEqual({ t: "refused", why: malformed });
  });
});

it("a ClientHello of before extensions names nothing", () => {
  const bytes = hello(undefined);
  expect(readClientHello(bytes)).toEqual({ t: "read", bytes: bytes.length, value: { serverName: "", protocols: [] } });
});

type Extension = [number, Buffer];

function hello(extensions: Extension[] | undefined, parts: { sessionId?: Buffer; after?: Buffer } = {}): Buffer {
  const block = (extensions ?? []).map(([type, data]) => Buffer.concat([number(2, type), list(2, data)]));
  const body = Buffer.concat([
    Buffer.alloc(34, 3),
    parts.sessionId ?? Buffer.of(0),
    list(2, Buffer.of(0x13, 1)),
    list(1, Buffer.of(0)),
    ...(extensions ? [list(2, Buffer.concat(block))] : []),
    parts.after ?? Buffer.alloc(0),
  ]);
  return inRecords(Buffer.concat([Buffer.of(1, 0), number(2, body.length), body]), 16_000);
}

function sni(host: string): Extension {
  return [0, list(2, name(host))];
}

function name(host: string): Buffer {
  return Buffer.concat([Buffer.of(0), list(2, Buffer.from(host))]);
}

function list(lengthBytes: 1 | 2, data: Buffer): Buffer {
  return Buffer.concat([number(lengthBytes, data.length), data]);
}

function number(bytes: 1 | 2, value: number): Buffer {
  const written = Buffer.alloc(bytes);
  written.writeUIntBE(value, 0, bytes);
  return written;
}

function changed(change: (handshake: Buffer) => Buffer): Buffer {
  return inRecords(change(real.subarray(5)), 16_000);
}

function inRecords(handshake: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < handshake.length; at += size) {
    records.push(Buffer.concat([Buffer.of(22, 3, 1), list(2, handshake.subarray(at, at + size))]));
  }
  return Buffer.concat(records);
}

/** What Node's client sends first. */
async function helloOf(options: { servername?: string; ALPNProtocols?: string[] }): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connectTls({ port, host: "127.0.0.1", ...options });
  client.on("error", () => {});
  const [socket] = await once(server, "connection");
  const [bytes] = await once(socket, "data");
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

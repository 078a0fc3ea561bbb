import { clientHelloReader, readClientHello, recordsMax } from "@sallyport/router-dmz/key/client-hello";
import { checkPreamble } from "../preamble-oracle.ts";
import type { Target } from "../target.ts";

/** The start of a TLS connection: what is read names a host or none, and records that are cut elsewhere read the same. */
export const target: Target = {
  summary: "a TLS ClientHello: SNI and ALPN, in any records",
  seeds: [hello(sni("a.example.com")), hello(Buffer.alloc(0)), hello(Buffer.concat([sni("B.example"), alpn()]))],
  tokens: [
    "\x16\x03\x01",
    "\x16\x03\x03",
    "\x01\x00",
    "\x00\x00",
    "\x00\x10",
    "\x02h2",
    "\x08http/1.1",
    "a.example.com",
  ],
  inputBytesMax: 4096,
  bufferBytesMax: 4 * 1024 * 1024,
  run(input) {
    const reading = checkPreamble(readClientHello, input);
    if (reading.t === "more" && reading.bytes > clientHelloReader.bytesMax)
      throw new Error("it asks for more than it may");
    if (reading.t !== "read") return;
    const { serverName } = reading.value;
    if (serverName !== "" && !/^[a-z0-9._-]{1,253}$/.test(serverName))
      throw new Error("a name that is no host was taken");
    checkRecords(input.subarray(0, reading.bytes), serverName);
  },
};

function checkRecords(bytes: Buffer, serverName: string): void {
  const recut = inRecords(handshakeOf(bytes), 7);
  if (recut.length > clientHelloReader.bytesMax || recut.length > 12 * recordsMax) return;
  const reading = readClientHello(recut);
  if (reading.t !== "read" || reading.value.serverName !== serverName) throw new Error("other records read otherwise");
}

function handshakeOf(bytes: Buffer): Buffer {
  const fragments: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    fragments.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return Buffer.concat(fragments);
}

function inRecords(handshake: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < handshake.length; at += size) {
    const fragment = handshake.subarray(at, at + size);
    records.push(Buffer.of(22, 3, 1, 0, fragment.length), fragment);
  }
  return Buffer.concat(records);
}

function hello(extensions: Buffer): Buffer {
  const body = Buffer.concat([
    Buffer.alloc(34, 3),
    Buffer.of(0, 0, 2, 0x13, 1, 1, 0, 0, extensions.length),
    extensions,
  ]);
  const handshake = Buffer.concat([Buffer.of(1, 0, 0, body.length), body]);
  return Buffer.concat([Buffer.of(22, 3, 1, 0, handshake.length), handshake]);
}

function sni(name: string): Buffer {
  const { length } = name;
  return Buffer.concat([Buffer.of(0, 0, 0, length + 5, 0, length + 3, 0, 0, length), Buffer.from(name)]);
}

function alpn(): Buffer {
  return Buffer.concat([Buffer.of(0, 16, 0, 5, 0, 3, 2), Buffer.from("h2")]);
}

import { isIPv4, isIPv6, SocketAddress } from "node:net";
import type { PreambleReader, ProxyHeader, Reading } from "../preamble.ts";

/** TLVs of version 2 are skipped; more of them than this nobody sends. */
const v2BytesMax = 4096;
/** With its line end: proxy-protocol.txt, 2.1. */
const v1BytesMax = 107;

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const v1Start = Buffer.from("PROXY ", "latin1");
const v2HeadBytes = 16;

/** No library that is kept reads it without owning the socket. */
export const proxyHeaderReader: PreambleReader<ProxyHeader> = { bytesMax: v2BytesMax, read: readProxyHeader };

export function readProxyHeader(bytes: Buffer): Reading<ProxyHeader> {
  if (bytes.length === 0) return { t: "more", bytes: 1 };
  if (startsAs(bytes, signature)) return readV2(bytes);
  if (startsAs(bytes, v1Start)) return readV1(bytes);
  return refused("is no PROXY header, which connections from this address must have");
}

/** As far as both go. */
function startsAs(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function readV1(bytes: Buffer): Reading<ProxyHeader> {
  const lineEnd = bytes.subarray(0, v1BytesMax).indexOf("\r\n", "latin1");
  if (lineEnd === -1) {
    if (bytes.length >= v1BytesMax) return refused(`is a PROXY line of over ${v1BytesMax} bytes`);
    return { t: "more", bytes: bytes.length + 1 };
  }
  const value = readLine(bytes.toString("latin1", 0, lineEnd));
  return value === undefined ? refused("is a malformed PROXY line") : { t: "read", bytes: lineEnd + 2, value };
}

function readLine(line: string): ProxyHeader | undefined {
  if (/^PROXY UNKNOWN(?: [ -~]*)?$/.test(line)) return { t: "local" };
  const [, family, clientAddress = "", localAddress = "", clientPort, localPort] =
    /^PROXY (TCP4|TCP6) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/.exec(line) ?? [];
  const isAddress = family === "TCP4" ? isIPv4 : isPlainIpv6;
  const ports = [Number(clientPort), Number(localPort)] as const;
  if (family === undefined || !isAddress(clientAddress) || !isAddress(localAddress)) return undefined;
  if (ports.some((port) => port > 65535)) return undefined;
  return { t: "proxied", clientAddress, clientPort: ports[0], localAddress, localPort: ports[1] };
}

function isPlainIpv6(address: string): boolean {
  return isIPv6(address) && !address.includes("%");
}

function readV2(bytes: Buffer): Reading<ProxyHeader> {
  if (bytes.length < v2HeadBytes) return { t: "more", bytes: v2HeadBytes };
  const command = bytes[12]!;
  if (command >> 4 !== 2 || (command & 0x0f) > 1) return refused("is a PROXY header of an unknown version or command");
  const length = v2HeadBytes + bytes.readUInt16BE(14);
  if (length > v2BytesMax) return refused(`is a PROXY header of ${length} bytes, over ${v2BytesMax}`);
  if (bytes.length < length) return { t: "more", bytes: length };
  const value = (command & 0x0f) === 0 ? local : readAddresses(bytes[13]!, bytes.subarray(v2HeadBytes, length));
  return value === undefined
    ? refused("is a PROXY header without the addresses it announces")
    : { t: "read", bytes: length, value };
}

const local: ProxyHeader = { t: "local" };

/** Families other than TCP over IPv4 and IPv6 tell no address that counts here: as UNKNOWN. */
function readAddresses(family: number, block: Buffer): ProxyHeader | undefined {
  if (family === 0x11) return readPair(block, 4, ipv4Text);
  if (family === 0x21) return readPair(block, 16, ipv6Text);
  return local;
}

function readPair(block: Buffer, size: number, textOf: (bytes: Buffer) => string): ProxyHeader | undefined {
  if (block.length < 2 * size + 4) return undefined;
  return {
    t: "proxied",
    clientAddress: textOf(block.subarray(0, size)),
    localAddress: textOf(block.subarray(size, 2 * size)),
    clientPort: block.readUInt16BE(2 * size),
    localPort: block.readUInt16BE(2 * size + 2),
  };
}

function ipv4Text(bytes: Buffer): string {
  return bytes.join(".");
}

/** In the shortest form, which SocketAddress knows. */
function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return new SocketAddress({ family: "ipv6", address: groups.join(":") }).address;
}

function refused(why: string): Reading<ProxyHeader> {
  return { t: "refused", why };
}

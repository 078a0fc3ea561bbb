import { isIPv4, isIPv6 } from "node:net";
import type { Open } from "@sallyport/proto/frame";

/**
 * The PROXY protocol's header, version 2 (haproxy.org, proxy-protocol.txt, 2.2): tells a destination whose connection it
 * gets. The name that TLS calls goes along as PP2_TYPE_AUTHORITY. LOCAL where the addresses are not known.
 */
export function proxyHeader({ client, local, serverName }: Pick<Open, "client" | "local" | "serverName">): Buffer {
  const [from, to] = [parseEndpoint(client), parseEndpoint(local)];
  if (from === undefined || to === undefined) return header(localCommand, 0, Buffer.alloc(0));
  const isIpv4Pair = isIPv4(from.address) && isIPv4(to.address);
  const addresses = [from, to].map(({ address }) => (isIpv4Pair ? ipv4Bytes(address) : ipv6Bytes(address)));
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(from.port, 0);
  ports.writeUInt16BE(to.port, 2);
  return header(proxyCommand, isIpv4Pair ? 0x11 : 0x21, Buffer.concat([...addresses, ports, authority(serverName)]));
}

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const localCommand = 0x20;
const proxyCommand = 0x21;
const authorityType = 0x02;

function header(command: number, family: number, block: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(command, 0);
  head.writeUInt8(family, 1);
  head.writeUInt16BE(block.length, 2);
  return Buffer.concat([signature, head, block]);
}

function authority(serverName: string): Buffer {
  const name = Buffer.from(serverName, "latin1");
  if (name.length === 0 || name.length > 255) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([authorityType, 0, name.length]), name]);
}

function parseEndpoint(text: string): { readonly address: string; readonly port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? "";
  const isAddress = isIPv4(address) || isIPv6(address);
  return isAddress && Number(port) <= 65535 ? { address, port: Number(port) } : undefined;
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

/** An IPv4 address among IPv6 ones is mapped: RFC 4291, 2.5.5.2. */
function ipv6Bytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), ipv4Bytes(address)]);
  // The URL parser writes an address with its last 32 bits in hexadecimal too.
  const { hostname } = new URL(`http://[${address.split("%", 1)[0]}]`);
  const [head = "", tail] = hostname.slice(1, -1).split("::");
  const groupsOf = (part: string | undefined) => (part ? part.split(":") : []);
  const [left, right] = [groupsOf(head), groupsOf(tail)];
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  const bytes = Buffer.alloc(16);
  for (const [at, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * at);
  return bytes;
}

import { describe, expect, it, test } from "vitest";
import { readProxyHeader } from "./proxy-header.ts";

const local = { t: "local" };
const ipv4 = {
  t: "proxied",
  clientAddress: "192.0.2.7",
  clientPort: 4711,
  localAddress: "198.51.100.1",
  localPort: 443,
};
const ipv6 = { t: "proxied", clientAddress: "2001:db8::7", clientPort: 1, localAddress: "::1", localPort: 65535 };
const v4Block = Buffer.from("c0000207c6336401126701bb", "hex");
const v6Block = Buffer.from(`20010db8${"0".repeat(23)}7${"0".repeat(31)}10001ffff`, "hex");

describe("a PROXY header", () => {
  test.each<[string, Buffer, object]>([
    ["version 1, IPv4", line("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443"), ipv4],
    ["version 1, IPv6", line("PROXY TCP6 2001:db8::7 ::1 1 65535"), ipv6],
    ["version 1, unknown", line("PROXY UNKNOWN"), local],
    ["version 1, unknown with more", line("PROXY UNKNOWN ffff::1 ffff::2 1 2"), local],
    ["version 2, IPv4", binary(0x21, 0x11, v4Block), ipv4],
    ["version 2, IPv6", binary(0x21, 0x21, v6Block), ipv6],
    ["version 2 with TLVs", binary(0x21, 0x11, Buffer.concat([v4Block, Buffer.from("0400020000", "hex")])), ipv4],
    ["version 2, local", binary(0x20, 0x11, v4Block), local],
    ["version 2, a Unix socket", binary(0x21, 0x31, Buffer.alloc(216)), local],
    ["version 2, UDP", binary(0x21, 0x12, v4Block), local],
  ])("of %s tells whose connection it is, wherever it is cut", (_, header, value) => {
    const followed = Buffer.concat([header, Buffer.from("GET / HTTP/1.1")]);
    expect(readProxyHeader(followed)).toEqual({ t: "read", bytes: header.length, value });
    for (let length = 1; length < header.length; length++) {
      const reading = readProxyHeader(header.subarray(0, length));
      expect(reading.t).toBe("more");
      if (reading.t === "more") expect(reading.bytes).toBeGreaterThan(length);
    }
  });

  const malformed = "is a malformed PROXY line";
  test.each<[string, Buffer, string]>([
    ["no header", Buffer.from("GET"), "is no PROXY header, which connections from this address must have"],
    ["a line without end", Buffer.from(`PROXY TCP4 ${"1".repeat(100)}`), "is a PROXY line of over 107 bytes"],
    ["an address of the other family", line("PROXY TCP4 ::1 ::1 1 2"), malformed],
    ["an address with a zone", line("PROXY TCP6 fe80::1%eth0 ::1 1 2"), malformed],
    ["a name", line("PROXY TCP4 localhost 192.0.2.1 1 2"), malformed],
    ["two blanks", line("PROXY TCP4  192.0.2.7 192.0.2.1 1 2"), malformed],
    ["a port over 65535", line("PROXY TCP4 192.0.2.7 192.0.2.1 65536 2"), malformed],
    ["a port with a zero before it", line("PROXY TCP4 192.0.2.7 192.0.2.1 01 2"), malformed],
    ["more at the end", line("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3"), malformed],
    ["UDP", line("PROXY UDP4 192.0.2.7 192.0.2.1 1 2"), malformed],
    ["version 3", binary(0x31, 0x11, v4Block), "is a PROXY header of an unknown version or command"],
    ["an unknown command", binary(0x22, 0x11, v4Block), "is a PROXY header of an unknown version or command"],
    [
      "too few addresses",
      binary(0x21, 0x11, v4Block.subarray(1)),
      "is a PROXY header without the addresses it announces",
    ],
    [
      "too many TLVs",
      binary(0x21, 0x11, Buffer.alloc(5000)).subarray(0, 16),
      "is a PROXY header of 5016 bytes, over 4096",
    ],
  ])("is refused: %s", (_, bytes, why) => {
    expect(readProxyHeader(bytes)).toEqual({ t: "refused", why });
  });

  it("in text of 107 bytes is the longest", () => {
    const longest = line(`PROXY UNKNOWN ${"f".repeat(91)}`);
    expect([longest.length, readProxyHeader(longest).t]).toEqual([107, "read"]);
  });
});

function line(text: string): Buffer {
  return Buffer.from(`${text}\r\n`, "latin1");
}

function binary(command: number, family: number, block: Buffer): Buffer {
  const head = Buffer.from("\r\n\r\n\0\r\nQUIT\n\0\0\0\0", "latin1");
  head.writeUInt8(command, 12);
  head.writeUInt8(family, 13);
  head.writeUInt16BE(block.length, 14);
  return Buffer.concat([head, block]);
}

import { isIP } from "node:net";
import { endpoint } from "@sallyport/router-dmz/endpoint";
import { proxyHeaderReader, readProxyHeader } from "@sallyport/router-dmz/key/proxy-header";
import { proxyHeader } from "@sallyport/router-intranet/dial/proxy-header";
import { checkPreamble } from "../preamble-oracle.ts";
import type { Target } from "../target.ts";

/** The PROXY protocol's header: addresses that are read are addresses, and R2's header of them reads the same. */
export const target: Target = {
  summary: "the PROXY protocol's header, versions 1 and 2",
  seeds: [
    Buffer.from("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"),
    Buffer.from("PROXY TCP6 2001:db8::7 ::1 1 65535\r\nGET"),
    Buffer.from("PROXY UNKNOWN\r\n"),
    proxyHeader({ client: "192.0.2.7:4711", local: "198.51.100.1:443", serverName: "a.example" }),
    proxyHeader({ client: "[2001:db8::7]:1", local: "[::1]:2", serverName: "" }),
    proxyHeader({ client: "", local: "", serverName: "" }),
  ],
  tokens: [
    "PROXY ",
    "TCP4 ",
    "TCP6 ",
    "UNKNOWN",
    "\r\n",
    "\r\n\r\n\0\r\nQUIT\n",
    "::",
    "65535",
    "\x21\x11\0\x0c",
    "\x21\x21\0\x24",
  ],
  inputBytesMax: 5000,
  bufferBytesMax: 4 * 1024 * 1024,
  run(input) {
    const reading = checkPreamble(readProxyHeader, input);
    if (reading.t === "more" && reading.bytes > proxyHeaderReader.bytesMax)
      throw new Error("it asks for more than it may");
    if (reading.t !== "read" || reading.value.t === "local") return;
    const { clientAddress, clientPort, localAddress, localPort } = reading.value;
    if (isIP(clientAddress) === 0 || isIP(localAddress) === 0) throw new Error("what is no address was taken for one");
    const client = endpoint(clientAddress, clientPort);
    const written = proxyHeader({ client, local: endpoint(localAddress, localPort), serverName: "" });
    const again = readProxyHeader(written);
    if (again.t !== "read" || again.value.t !== "proxied") throw new Error("R2's header of it is none");
    const writtenAgain = proxyHeader({
      client: endpoint(again.value.clientAddress, again.value.clientPort),
      local: endpoint(again.value.localAddress, again.value.localPort),
      serverName: "",
    });
    if (!written.equals(writtenAgain)) throw new Error("R2's header of it reads otherwise");
  },
};

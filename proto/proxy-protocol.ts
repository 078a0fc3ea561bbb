import { BlockList, isIP, isIPv6 } from "node:net";
import { z } from "zod";
import { atomic } from "./kubernetes-hint.ts";

/** Settings of the PROXY protocol: who may say, before a connection's first byte, whose connection it is. */

const networksMax = 64;

const network = z
  .string()
  .max(64)
  .refine(isNetwork, 'is not a network such as "10.0.0.0/8", "2001:db8::/32" or "192.0.2.7"');

/** On a listener: connections from these addresses begin with a header of it, version 1 or 2; others have none. */
export const proxyProtocolSchema = z.strictObject({
  trustedAddresses: z
    .array(network)
    .min(1)
    .max(networksMax)
    .meta(atomic)
    .describe("Networks of load balancers, whose connections must begin with its header. Nobody else is believed."),
});

export type ProxyProtocol = z.output<typeof proxyProtocolSchema>;

/** On a destination: each connection begins with a header of this version. */
export const proxyProtocolOut = z.enum(["V2"]);

/** Whether an address lies in one of the networks, which are checked ones. */
export function networkTest(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const each of networks) {
    const [address = "", bits] = each.split("/");
    const family = familyOf(address);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyOf(address));
}

function isNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  if (isIP(address) === 0 || address.includes("%") || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv6(address) ? 128 : 32));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

import { lookup } from "node:dns";
import { BlockList, isIP, isIPv6, type LookupFunction } from "node:net";
import { TunnelError } from "@sallyport/proto/error";

/** Whether a destination may have this IP address. */
export type AllowAddress = (address: string) => boolean;

const refused = new BlockList();
// Link-local, with the metadata service of most clouds in it.
refused.addSubnet("169.254.0.0", 16, "ipv4");
refused.addSubnet("fe80::", 10, "ipv6");
// The same range behind NAT64 (RFC 6052).
refused.addSubnet("64:ff9b::a9fe:0", 112, "ipv6");
// … in the form that IPv4-compatible addresses had, and behind 6to4 (RFC 3056).
refused.addSubnet("::a9fe:0", 112, "ipv6");
refused.addSubnet("2002:a9fe::", 32, "ipv6");
// Metadata services elsewhere: Alibaba, Azure, Oracle, then AWS and Google over IPv6.
refused.addAddress("100.100.100.200", "ipv4");
refused.addAddress("168.63.129.16", "ipv4");
refused.addAddress("192.0.0.192", "ipv4");
for (const last of ["6464:64c8", "a83f:8110", "c000:c0"]) refused.addAddress(`64:ff9b::${last}`, "ipv6");
refused.addAddress("fd00:ec2::254", "ipv6");
refused.addAddress("fd20:ce::254", "ipv6");

/** Outside a cluster: everything but link-local addresses and the metadata services of clouds. */
export function allowAllButMetadata(address: string): boolean {
  const plain = address.replace(/%.*$/, "");
  return isIP(plain) !== 0 && !refused.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}

/**
 * A lookup for `net.connect` that answers allowed addresses only. So the address checked is the one connected: a name
 * cannot resolve to a good one for the check and to another for the connection.
 */
export function guardedLookup(allow: AllowAddress): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "");
      const allowed = addresses.filter(({ address }) => allow(address));
      const first = allowed[0];
      if (first === undefined) return callback(addressRefused(hostname), "");
      if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

/** Names the host of the route, which is no secret, and not the address behind it. */
export function addressRefused(host: string): TunnelError {
  return new TunnelError(
    "POLICY",
    `destination "${host}" has no address that may be dialled (link-local and cloud metadata addresses are not allowed); ` +
      "point the route's backendRefs at the service itself",
  );
}

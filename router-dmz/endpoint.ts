/** "address:port", and "[address]:port" for IPv6. */
export function endpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** An IPv4 client of a "::" listener shows as ::ffff:a.b.c.d, a link-local one with its zone. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "unknown";
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice("::ffff:".length);
  const zone = address.indexOf("%");
  return zone === -1 ? address : address.slice(0, zone);
}

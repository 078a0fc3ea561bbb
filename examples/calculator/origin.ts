import type { IncomingHttpHeaders } from "node:http";

/**
 * Scheme and host as the caller sees them: "http://localhost:8080". X-Forwarded-Host and X-Forwarded-Proto win over
 * Host, as the tunnel sets them and drops what a client says there. So whoever reaches this service directly can choose
 * the address in its own WSDL; it listens on loopback only, unless told otherwise. Undefined when no header holds a host.
 */
export function callerOrigin(headers: IncomingHttpHeaders): string | undefined {
  const host = [first(headers["x-forwarded-host"]), headers.host].find((value) => value !== undefined && isHost(value));
  if (host === undefined) return undefined;
  const scheme = first(headers["x-forwarded-proto"])?.toLowerCase() === "https" ? "https" : "http";
  return `${scheme}://${host}`;
}

/** Proxies in a row make a list; its first entry is the outermost's, which the caller spoke to. */
function first(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.split(",")[0]?.trim();
}

function isHost(value: string): boolean {
  return value.length <= 261 && /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?$/i.test(value);
}

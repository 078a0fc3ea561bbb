/** What R1 tells a destination of the hop before it; what the client says of earlier hops is not believed. */

export interface Origin {
  /** The client's IP address. */
  readonly address: string;
  /** The Host header, or "". */
  readonly host: string;
  readonly proto: "http" | "https";
}

/** Names and values alternate: X-Forwarded-For, -Proto, -Host, and Forwarded (RFC 7239). */
export function forwardedHeaders(origin: Origin): string[] {
  const { address, host, proto } = origin;
  const node = address.includes(":") ? `"[${address}]"` : address;
  if (host === "") {
    return ["X-Forwarded-For", address, "X-Forwarded-Proto", proto, "Forwarded", `for=${node};proto=${proto}`];
  }
  return [
    "X-Forwarded-For",
    address,
    "X-Forwarded-Proto",
    proto,
    "X-Forwarded-Host",
    host,
    "Forwarded",
    `for=${node};host=${quoted(host)};proto=${proto}`,
  ];
}

/**
 * Is this lower-case name one of those that only R1 may set? '_' counts as '-': CGI and its heirs take the two for one,
 * so a destination may read `X_Forwarded_For` as what R1 has said.
 */
export function isForwarded(name: string): boolean {
  if (name !== "forwarded" && !name.startsWith("x") && !name.startsWith("sallyport")) return false;
  const dashed = name.replaceAll("_", "-");
  if (dashed === "forwarded" || dashed === "x-real-ip") return true;
  return dashed.startsWith("x-forwarded-") || dashed.startsWith("sallyport-") || dashed === "x-forwarded";
}

/** RFC 7239, 4: a value that is no token (one with a port, one in brackets) is a quoted string. */
function quoted(value: string): string {
  return token.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

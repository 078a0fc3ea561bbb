/** The addresses that a route may send calls to: what `backendRefs[].url` may be. */

/** By scheme: what a destination speaks. "bytes": any protocol, each call a connection of its own; "net.tcp": the same for each session. */
const kinds = { http: "http", https: "http", tcp: "bytes", tls: "bytes", "net.tcp": "net.tcp" } as const;

export type BackendKind = (typeof kinds)[keyof typeof kinds];
export type BackendScheme = keyof typeof kinds;

/** As a JSON Schema has it. */
export const backendUrlPattern = "^(https?|tcp|tls|net\\.tcp)://[^\\s/\\\\?#@]+/?$";

/** Why a URL is no backend's, as a predicate; undefined: it is one. */
export function backendUrlProblem(url: string): string | undefined {
  // The URL parser mends much (slashes, spaces, line ends); what it had to mend is refused.
  const scheme = /^([a-z.]+):\/\/[^\s/\\?#]/.exec(url)?.[1] ?? "";
  const isKnown = Object.hasOwn(kinds, scheme) && !/[\s\\]/.test(url) && URL.canParse(url);
  if (!isKnown) return "is not an http://, https://, tcp://, tls:// or net.tcp:// URL";
  const { port } = new URL(url);
  if (port === "0") return "names port 0; give the port that the service listens on";
  if (!/^[a-z.]+:\/\/[^/?#@]+\/?$/.test(url))
    return kinds[scheme as BackendScheme] === "http"
      ? "is more than scheme://host:port; leave the rest out: a caller's path is passed on as it came"
      : "is more than scheme://host:port; leave the rest out";
  const lacksPort = kinds[scheme as BackendScheme] !== "http" && port === "";
  return lacksPort ? `names no port, and ${scheme}:// has none of its own; write ${scheme}://host:port` : undefined;
}

/** Of a URL without a problem. */
export function backendScheme(url: string): BackendScheme {
  return url.slice(0, url.indexOf(":")) as BackendScheme;
}

export function backendKind(url: string): BackendKind {
  return kinds[backendScheme(url)];
}

import { TunnelError } from "@sallyport/proto/error";
import { resetCode } from "./connect.ts";

/** How far the exchange was: no connection yet, no response head yet, or in the response. */
export type Phase = "connecting" | "waiting" | "answering";

/**
 * The one place where errors of sockets, TLS, DNS, undici and node:http become the tunnel's. The message goes to the
 * client, so it names the route and no address; the cause, for the log, has it all.
 */
export function toTunnelError(route: string, phase: Phase, error: unknown): TunnelError {
  if (error instanceof TunnelError) return error;
  const code = codeOf(error);
  if (malformedCodes.has(code)) {
    return new TunnelError("BAD_REQUEST", `route ${route}: the request's head cannot be sent on (${code})`, error);
  }
  if (phase === "connecting") {
    return new TunnelError("DESTINATION_UNREACHABLE", `route ${route}: ${unreachable(code)}`, error);
  }
  return new TunnelError("DESTINATION_FAILED", `route ${route}: ${brokenOff(code, phase)}`, error);
}

/** What the libraries say of a method, target or header that HTTP does not allow. */
const malformedCodes = new Set([
  "UND_ERR_INVALID_ARG",
  "ERR_INVALID_HTTP_TOKEN",
  "ERR_INVALID_CHAR",
  "ERR_UNESCAPED_CHARACTERS",
  "ERR_HTTP_INVALID_HEADER_VALUE",
]);

function unreachable(code: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return "connection refused by the destination; see that it runs and that backendRefs names its port";
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "ENODATA":
      return "the destination's name does not resolve; see that backendRefs names a service that exists";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no way to the destination's network; see routes and network policies";
    case "ETIMEDOUT":
    case "UND_ERR_CONNECT_TIMEOUT":
      return "no connection to the destination in time; see network policies or raise destinations.connectTimeoutMs";
    case "ECONNRESET":
    case resetCode:
      return "the destination closed the connection while it was set up; see that backendRefs has the right scheme";
    default:
      return isTls(code)
        ? `TLS with the destination failed (${code}); see its certificate's names and the CA that signed it`
        : `no connection to the destination (${code})`;
  }
}

function brokenOff(code: string, phase: "waiting" | "answering"): string {
  if (code.startsWith("HPE_HEADER_OVERFLOW") || code === "UND_ERR_HEADERS_OVERFLOW") {
    return "the destination's response head is too large; make its headers smaller";
  }
  if (code.startsWith("HPE_") && code !== "HPE_INVALID_EOF_STATE") {
    return `the destination's response is not HTTP/1.1 (${code}); see that backendRefs has the right scheme and port`;
  }
  return phase === "waiting"
    ? `the destination closed the connection before it answered (${code}); it may have taken the request. ` +
        "If that befalls idle connections, set destinations.keepAliveTimeoutMs below the destination's own"
    : `the destination broke off in the middle of its response (${code})`;
}

function isTls(code: string): boolean {
  return /^(CERT_|ERR_TLS|ERR_SSL|EPROTO|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|CRL_)/.test(code);
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.name : "unknown";
}

import type { BackendScheme } from "./backend-url.ts";

/** What listeners speak, and where calls of each may go. */

/** Those that this version serves. */
export const listenerProtocols = ["HTTP", "TCP", "TLS", "NetTCP"] as const;
/** Of the whole design; a later version serves them. */
const protocolsToCome = ["HTTPS"];

export type ListenerProtocol = (typeof listenerProtocols)[number];

/** A field of a route's match. */
export type MatchField = "host" | "path" | "method" | "soap" | "headers" | "queryParams";

interface ProtocolTraits {
  /** Calls are byte streams. */
  readonly isRaw: boolean;
  /** What can be asked of no call. */
  readonly lacks: readonly MatchField[];
  readonly schemes: readonly BackendScheme[];
}

const traits: Readonly<Record<ListenerProtocol, ProtocolTraits>> = {
  HTTP: { isRaw: false, lacks: [], schemes: ["http", "https"] },
  TCP: { isRaw: true, lacks: ["path", "method", "soap", "headers", "queryParams", "host"], schemes: ["tcp", "tls"] },
  // TLS goes through as it is: another TLS around it is never meant.
  TLS: { isRaw: true, lacks: ["path", "method", "soap", "headers", "queryParams"], schemes: ["tcp"] },
  NetTCP: { isRaw: true, lacks: ["method", "headers", "queryParams"], schemes: ["net.tcp"] },
};

export function protocolTraits(protocol: ListenerProtocol): ProtocolTraits {
  return traits[protocol];
}

/** Why a protocol is not served, as a predicate; undefined: it is unknown. */
export function protocolProblem(input: unknown): string | undefined {
  if (typeof input !== "string" || !protocolsToCome.includes(input)) return undefined;
  return `is not served by this version; ${listenerProtocols.join(", ")} are`;
}

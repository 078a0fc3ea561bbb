import type { BackendScheme } from "./backend-url.ts";

/** What listeners speak, and where calls of each may go. */

/** Those that this version serves. */
export const listenerProtocols = ["HTTP", "TCP", "TLS"] as const;
/** Of the whole design; a later version serves them. */
const protocolsToCome = ["HTTPS", "NetTCP"];

export type ListenerProtocol = (typeof listenerProtocols)[number];

interface ProtocolTraits {
  /** Calls are byte streams: nothing of HTTP can be asked of them. */
  readonly isRaw: boolean;
  /** Calls name a host. */
  readonly hasHost: boolean;
  readonly schemes: readonly BackendScheme[];
}

const traits: Readonly<Record<ListenerProtocol, ProtocolTraits>> = {
  HTTP: { isRaw: false, hasHost: true, schemes: ["http", "https"] },
  TCP: { isRaw: true, hasHost: false, schemes: ["tcp", "tls"] },
  // TLS goes through as it is: another TLS around it is never meant.
  TLS: { isRaw: true, hasHost: true, schemes: ["tcp"] },
};

export function protocolTraits(protocol: ListenerProtocol): ProtocolTraits {
  return traits[protocol];
}

/** Why a protocol is not served, as a predicate; undefined: it is unknown. */
export function protocolProblem(input: unknown): string | undefined {
  if (typeof input !== "string" || !protocolsToCome.includes(input)) return undefined;
  return `is not served by this version; ${listenerProtocols.join(", ")} are`;
}

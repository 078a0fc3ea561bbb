/** How certificates name the routers of a tunnel: docs/adr/0011, "Identity". */

/** Who has a certificate of a tunnel's CA. */
export const roles = ["dmz", "intranet", "operator"] as const;

export type Role = (typeof roles)[number];

/** Whose CA it is. */
export interface Owner {
  readonly trustDomain: string;
  /** "namespace/name" */
  readonly tunnel: string;
}

/** `spiffe://<trust domain>/tunnel/<namespace>/<name>/<role>`; `tunnel` is "namespace/name". */
export function spiffeId(trustDomain: string, tunnel: string, role: Role): string {
  return `spiffe://${trustDomain}/tunnel/${tunnel}/${role}`;
}

/**
 * The URIs among a certificate's alternative names, from the text that Node makes of them. It writes a name that holds a
 * separator as a JSON string, so a plain split cannot be fooled.
 */
export function uriNames(subjectAltName: string): string[] {
  const entries = subjectAltName.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return entries
    .map((entry) => entry.trim())
    .filter((entry) => entry.startsWith("URI:"))
    .map((entry) => entry.slice("URI:".length));
}

import { createHash } from "node:crypto";
import type { TunnelRoute } from "./resource.ts";

/**
 * The start of the SHA-256 of what counts in a parsed route: its name, its age and its spec. Labels, resourceVersion and
 * status do not, nor does the order of keys. 16 hexadecimal digits.
 */
export function routeHash(route: TunnelRoute): string {
  const known = hashes.get(route) ?? compute(route);
  hashes.set(route, known);
  return known;
}

/** A parsed route never changes, and is asked for at every report to every R1 and operator. */
const hashes = new WeakMap<TunnelRoute, string>();

function compute({ metadata: { namespace, name, creationTimestamp }, spec }: TunnelRoute): string {
  const counted = canonicalJson({ namespace, name, creationTimestamp, spec });
  return createHash("sha256").update(counted).digest("hex").slice(0, 16);
}

/** JSON with keys in order of code units, without white space and without what is undefined. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { canonicalJson } from "@sallyport/proto/route-hash";
import type { KubeObject } from "../kube-object.ts";
import { annotation } from "../names.ts";

/** The object with the mark of its own content: a field that is wanted no more leaves another mark. */
export function marked(object: KubeObject): KubeObject {
  const mark = createHash("sha256").update(canonicalJson(object)).digest("hex").slice(0, 16);
  const annotations = { ...object.metadata.annotations, [annotation.applied]: mark };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** Whether everything of `wanted` is in `live`; what only `live` has is its server's and other people's. */
export function covers(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    // The API server leaves out what is empty.
    const list = Array.isArray(live) ? live : live === undefined || live === null ? [] : undefined;
    return list?.length === wanted.length && wanted.every((entry, index) => covers(list[index], entry));
  }
  if (typeof wanted === "object" && wanted !== null) {
    if (live === undefined || live === null) return Object.keys(wanted).length === 0;
    if (typeof live !== "object") return false;
    return Object.entries(wanted).every(([key, entry]) => {
      const found = (live as Record<string, unknown>)[key];
      return selecting.has(key) && isTextMap(entry) ? isDeepStrictEqual(found, entry) : covers(found, entry);
    });
  }
  return live === wanted;
}

/** Maps that select something else with one key more. */
const selecting: ReadonlySet<string> = new Set(["selector", "matchLabels", "nodeSelector"]);

function isTextMap(entry: unknown): boolean {
  if (typeof entry !== "object" || entry === null) return false;
  const values = Object.values(entry);
  return values.length > 0 && values.every((one) => typeof one === "string");
}

/** What the API server made of `wanted`: "1" where 1 was written, "500m" for "0.5". */
export function asStored(live: unknown, wanted: unknown): unknown {
  if (Array.isArray(wanted) && Array.isArray(live)) {
    return wanted.map((entry, index) => asStored(live[index], entry));
  }
  if (typeof wanted === "object" && wanted !== null && typeof live === "object" && live !== null) {
    const entries = Object.entries(wanted).map(
      ([key, entry]) => [key, asStored((live as Record<string, unknown>)[key], entry)] as const,
    );
    return Object.fromEntries(entries);
  }
  return live ?? wanted;
}

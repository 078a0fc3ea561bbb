import type { RouteState } from "@sallyport/proto/admin";

/** The most of one message `Routes`. docs/protocol.md, "The operator's stream". */
const routesMax = 1_000;
/** Half of what a message may have: lengths here are estimates. */
const bytesMax = 512 * 1024;
/** Texts for people, in characters. */
const textMax = 1_000;
/** Of a route beside its texts: hash, tags, lengths. */
const overheadBytes = 64;

/** The routes in parts, each good for one message; one empty part without any. */
export function routeParts(routes: readonly RouteState[]): RouteState[][] {
  const parts: RouteState[][] = [[]];
  let bytes = 0;
  for (const given of routes) {
    const route = { ...given, refused: shortened(given.refused), problem: shortened(given.problem) };
    const size = sizeOf(route);
    if (parts.at(-1)!.length >= routesMax || bytes + size > bytesMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(route);
    bytes += size;
  }
  return parts;
}

/** At most 1,000 characters of a text. */
export function shortened(text: string): string {
  return text.length <= textMax ? text : `${text.slice(0, textMax - 1)}…`;
}

function sizeOf({ namespace, name, refused, problem }: RouteState): number {
  const texts = [namespace, name, refused, problem];
  return overheadBytes + texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

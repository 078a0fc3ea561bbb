import type { BackendRef, TunnelRoute } from "@sallyport/proto/resource";
import type { CompiledRoute } from "./routing-table.ts";

/** Where calls of a route may go. The path, query and all else of a call are passed on as they came. */
export interface Backend {
  readonly url: URL;
  /** "scheme://host:port", the port left out where it is the scheme's own. */
  readonly origin: string;
  /** Each connection begins with a PROXY header. */
  readonly proxyProtocol: boolean;
  readonly weight: number;
}

/** A route's destinations, laid on a line from 0 to `weightSum`. */
export interface Backends {
  readonly choices: readonly BackendChoice[];
  readonly weightSum: number;
}

interface BackendChoice {
  /** Where its stretch of the line ends. */
  readonly below: number;
  readonly pick: BackendPick;
}

/** `message` is for people and may go to the caller: it names nothing of the intranet but the route. */
export type BackendPick =
  | { readonly t: "backend"; readonly backend: Backend }
  | { readonly t: "none"; readonly message: string };

/**
 * One of the route's destinations, each as often as its weight says; weight 0 never. `random` gives numbers in [0, 1).
 * A backendRef that cannot be used keeps its share, as Gateway API has it, and gives `none`: or a mistake in one would
 * silently send its calls to another.
 */
export function pickBackend(route: CompiledRoute, random: () => number): BackendPick {
  const { choices, weightSum } = route.backends;
  const only = choices[0];
  if (only === undefined) return { t: "none", message: `every backendRef of route ${route.key} has weight 0` };
  if (choices.length === 1) return only.pick;
  const point = random() * weightSum;
  return (choices.find((choice) => point < choice.below) ?? only).pick;
}

/** Reads a route's backendRefs. What is wrong with one is told to `report`, with its mend. */
export function compileBackends(key: string, { spec }: TunnelRoute, report: (message: string) => void): Backends {
  const choices: BackendChoice[] = [];
  let weightSum = 0;
  for (const [at, ref] of spec.backendRefs.entries()) {
    const compiled = compileBackend(ref);
    if (typeof compiled === "string") report(`backendRefs[${at}] ${compiled}`);
    if (ref.weight === 0) continue;
    weightSum += ref.weight;
    const unusable: BackendPick = { t: "none", message: `backendRefs[${at}] of route ${key} cannot be used` };
    choices.push({
      below: weightSum,
      pick: typeof compiled === "string" ? unusable : { t: "backend", backend: compiled },
    });
  }
  return { choices, weightSum };
}

function compileBackend(ref: BackendRef): Backend | string {
  if (!("url" in ref)) {
    return `is the Service ${ref.name}, which has an address only in a cluster; outside of one write url: http://<host>:<port>`;
  }
  const url = URL.parse(ref.url);
  if (url === null || !/^(?:https?|tcp|tls|net\.tcp):$/.test(url.protocol)) {
    return `has a url that is none; write http://<host>:<port>, or with https, tcp, tls or net.tcp`;
  }
  const { username, password, pathname, search, hash } = url;
  if (username + password + search + hash !== "" || pathname.length > 1) {
    return "has a url with more than an origin; write only scheme://host:port: the caller's path is passed on unchanged";
  }
  const { protocol, host } = url;
  return { url, origin: `${protocol}//${host}`, proxyProtocol: ref.proxyProtocol !== undefined, weight: ref.weight };
}

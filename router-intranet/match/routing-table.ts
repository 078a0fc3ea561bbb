import type { RouteMatch, TunnelRoute } from "@sallyport/proto/resource";
import type { Backends } from "./backend.ts";
import type { Condition } from "./condition.ts";
import type { AskedHeaders } from "./envelope-header.ts";
import type { RouteIndex } from "./route-index.ts";

/** The routes of one tunnel, ready for calls. Made by `compileRoutes`, never changed. */
export interface RoutingTable {
  /** In the order they came. */
  readonly routes: readonly CompiledRoute[];
  /** All their usable matches; of those that take a call the first one wins. */
  readonly matches: readonly CompiledMatch[];
  /** The same matches, to be found without trying each: those that can take HTTP calls. */
  readonly index: RouteIndex;
  /** By the protocol of the call's listener: those that can take its bytes. */
  readonly rawIndexes: ReadonlyMap<string, RouteIndex>;
  /** The header blocks that they ask for. */
  readonly askedHeaders: AskedHeaders;
  readonly problems: readonly RouteProblem[];
}

export interface CompiledRoute {
  /** "namespace/name" */
  readonly key: string;
  readonly document: TunnelRoute;
  /** The listeners it is bound to by `sectionName`; `undefined`: all. */
  readonly listeners: ReadonlySet<string> | undefined;
  readonly backends: Backends;
}

export interface CompiledMatch {
  readonly route: CompiledRoute;
  /** Its place in the document; 0 for the one match of a route without any. */
  readonly matchIndex: number;
  readonly match: RouteMatch;
  /** Its place in `RoutingTable.matches`. */
  readonly rank: number;
  readonly conditions: readonly Condition[];
}

/** What is wrong with a route that can otherwise be used: cause and mend, for people. */
export interface RouteProblem {
  /** "namespace/name" */
  readonly route: string;
  readonly message: string;
}

import { TunnelError } from "@sallyport/proto/error";
import type { RouteLimits } from "@sallyport/proto/resource";
import type { Clock } from "@sallyport/tunnel/clock";
import { TokenBucket } from "@sallyport/tunnel/token-bucket";

/** What is needed of a route of the table. */
export interface LimitedRoute {
  /** "namespace/name" */
  readonly key: string;
  readonly document: { readonly spec: { readonly limits?: RouteLimits | undefined } };
}

/** A call that was counted in. */
export interface Admission {
  /** Once, when the call is over. */
  release(): void;
}

export type LimitName = "maxCalls" | "callsPerSecond";

export type Admitted =
  | { readonly t: "admitted"; readonly admission: Admission }
  | { readonly t: "over"; readonly limit: LimitName; readonly error: TunnelError };

/**
 * What each route may carry at this R2, over all its links (M2). Calls of all routes are counted, so that a limit which a
 * reload brings counts those under way. Bounded by the routes, and by calls under way of routes that are gone.
 */
export class RouteQuotas {
  readonly #clock: Clock;
  readonly #loads = new Map<string, RouteLoad>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The routes served from now on; a route of a name that was there keeps its counts. */
  update(routes: readonly LimitedRoute[]): void {
    const served = new Set<string>();
    for (const { key, document } of routes) {
      served.add(key);
      this.#loadOf(key).limits = document.spec.limits ?? {};
    }
    for (const [key, load] of this.#loads) {
      if (served.has(key)) continue;
      load.limits = {};
      if (load.calls === 0) this.#loads.delete(key);
    }
  }

  /** Counts a call in, or says why it may not be. */
  admit(key: string): Admitted {
    const load = this.#loadOf(key);
    const limit = load.over(this.#clock.now());
    if (limit === undefined) {
      load.calls++;
      return load.admitted;
    }
    load.rejected++;
    const words = limit === "maxCalls" ? "calls at once" : "calls a second";
    const text = `route ${key} may carry ${load.limits[limit]} ${words} at one intranet router; try again later`;
    return { t: "over", limit, error: new TunnelError("OVERLOADED", text) };
  }

  /** Of the routes that have limits. */
  get status(): readonly object[] {
    return [...this.#loads]
      .filter(([, { limits }]) => Object.keys(limits).length > 0)
      .map(([route, { calls, rejected, limits }]) => ({ route, calls, rejected, ...limits }));
  }

  get size(): number {
    return this.#loads.size;
  }

  #loadOf(key: string): RouteLoad {
    const known = this.#loads.get(key);
    if (known !== undefined) return known;
    const load = new RouteLoad();
    this.#loads.set(key, load);
    return load;
  }
}

/** One route's calls. It is the admission of each of them, so that none needs an object of its own. */
class RouteLoad implements Admission {
  calls = 0;
  rejected = 0;
  limits: RouteLimits = {};
  readonly admitted: Admitted = { t: "admitted", admission: this };
  #bucket: TokenBucket | undefined;

  /** The limit that one more call would break. A token is taken only by a call that no other limit stops. */
  over(nowMs: number): LimitName | undefined {
    const { maxCalls, callsPerSecond } = this.limits;
    if (maxCalls !== undefined && this.calls >= maxCalls) return "maxCalls";
    if (callsPerSecond === undefined) return undefined;
    this.#bucket ??= new TokenBucket(callsPerSecond, nowMs);
    return this.#bucket.take(callsPerSecond, nowMs) ? undefined : "callsPerSecond";
  }

  release(): void {
    this.calls--;
  }
}

import { TunnelError } from "@sallyport/proto/error";
import type { AllowAddress } from "./address.ts";
import { createConnect } from "./connect.ts";
import type { Destinations, Exchange, ExchangeRequest, ResponseEvents } from "./destination.ts";
import { type Gathered, Gathering } from "./gathering.ts";
import { NodeHttpDialler } from "./node-http.ts";
import { Slots } from "./slots.ts";
import { UndiciDialler } from "./undici.ts";

/** `destinations` of the router's configuration, and what it does not say. */
export interface DiallerOptions {
  readonly connectTimeoutMs: number;
  /** 0: a connection for each request. */
  readonly keepAliveTimeoutMs: number;
  /** Exchanges at once with one destination, and so the most connections in use to it. */
  readonly connectionsMax: number;
  readonly allowAddress: AllowAddress;
  /** PEM; left out: Node's own. */
  readonly trustedCas?: string;
}

/** The destinations of R2, over HTTP/1.1, plain or TLS. */
export function createDestinations(options: DiallerOptions): Destinations {
  return new Dialler(options);
}

class Dialler implements Destinations {
  readonly #connectionsMax: number;
  readonly #slots: Slots;
  readonly #undici: UndiciDialler;
  readonly #nodeHttp: NodeHttpDialler;
  #closing: Promise<void> | undefined;

  constructor(options: DiallerOptions) {
    this.#connectionsMax = options.connectionsMax;
    this.#slots = new Slots(options.connectionsMax);
    const shared = { ...options, connect: createConnect(options), slots: this.#slots };
    this.#undici = new UndiciDialler(shared);
    this.#nodeHttp = new NodeHttpDialler(shared);
  }

  exchange(request: ExchangeRequest, events: ResponseEvents): Exchange {
    const refusal = this.#refusal(request);
    if (refusal) {
      events.onResponseFailed(refusal);
      return refusedExchange;
    }
    if (request.upgrade !== undefined || !this.#undici.carries(request))
      return this.#nodeHttp.exchange(request, events);
    if (request.bodyBytes === 0) return this.#undici.exchange(request, null, events);
    return new Gathering(
      (gathered) => this.#dial(request, gathered, events),
      () => this.#slots.give(request.origin),
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#slots.allFree().then(() => {
      this.#nodeHttp.close();
      return this.#undici.close();
    });
    return this.#closing;
  }

  #refusal(request: ExchangeRequest): TunnelError | undefined {
    if (this.#closing) return new TunnelError("DRAINING", "the intranet router stops");
    if (this.#slots.take(request.origin)) return undefined;
    return new TunnelError(
      "OVERLOADED",
      `route ${request.route}: the destination has ${this.#connectionsMax} calls at once already; ` +
        "raise destinations.connectionsMax or add instances",
    );
  }

  #dial(request: ExchangeRequest, gathered: Gathered, events: ResponseEvents): Exchange {
    if (gathered.t === "whole" && gathered.trailers.length === 0) {
      return this.#undici.exchange(request, gathered.body, events);
    }
    const exchange = this.#nodeHttp.exchange(request, events);
    if (gathered.t === "whole") {
      exchange.write(gathered.body);
      exchange.end(gathered.trailers);
    }
    return exchange;
  }
}

const refusedExchange: Exchange = { write() {}, end() {}, abort() {}, pause() {}, resume() {} };

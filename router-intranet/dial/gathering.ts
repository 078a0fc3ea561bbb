import type { TunnelError } from "@sallyport/proto/error";
import type { Exchange } from "./destination.ts";

/** A body that has come whole, or the sign that it is to be streamed. */
export type Gathered =
  | { readonly t: "whole"; readonly body: Buffer; readonly trailers: readonly string[] }
  | { readonly t: "partial" };

/** More than this is streamed, even if it came at once. */
export const gatherBytesMax = 64 * 1024;

/**
 * Keeps a request's body back until the end of this turn of the event loop, because most bodies come in the same batch
 * as their head and a whole one is cheaper to send. What is not whole by then is streamed.
 */
export class Gathering implements Exchange {
  readonly #dial: (gathered: Gathered) => Exchange;
  readonly #drop: () => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #state: { t: "gathering" } | { t: "dialled"; exchange: Exchange } | { t: "aborted" } = { t: "gathering" };

  /** One of `dial` and `drop` is called once: `drop` when the exchange was aborted before. */
  constructor(dial: (gathered: Gathered) => Exchange, drop: () => void) {
    this.#dial = dial;
    this.#drop = drop;
    atEndOfTurn(this);
  }

  write(bytes: Buffer): void {
    if (this.#state.t === "dialled") this.#state.exchange.write(bytes);
    if (this.#state.t !== "gathering") return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > gatherBytesMax) this.#stream();
  }

  end(trailers: readonly string[]): void {
    if (this.#state.t === "dialled") this.#state.exchange.end(trailers);
    if (this.#state.t !== "gathering") return;
    const [first, second] = this.#chunks;
    const body = first !== undefined && second === undefined ? first : Buffer.concat(this.#chunks);
    this.#start({ t: "whole", body, trailers });
  }

  abort(error: TunnelError): void {
    if (this.#state.t === "dialled") this.#state.exchange.abort(error);
    if (this.#state.t !== "gathering") return;
    this.#state = { t: "aborted" };
    this.#chunks = [];
    this.#drop();
  }

  pause(): void {
    if (this.#state.t === "dialled") this.#state.exchange.pause();
  }

  resume(): void {
    if (this.#state.t === "dialled") this.#state.exchange.resume();
  }

  /** What is not whole by now is streamed. */
  turnEnded(): void {
    if (this.#state.t === "gathering") this.#stream();
  }

  #stream(): void {
    const chunks = this.#chunks;
    const exchange = this.#start({ t: "partial" });
    for (const chunk of chunks) exchange.write(chunk);
  }

  #start(gathered: Gathered): Exchange {
    this.#chunks = [];
    const exchange = this.#dial(gathered);
    this.#state = { t: "dialled", exchange };
    return exchange;
  }
}

/** Of this turn: one timer for all of them. */
let gatherings: Gathering[] = [];

function atEndOfTurn(gathering: Gathering): void {
  if (gatherings.push(gathering) === 1) setImmediate(endTurn);
}

function endTurn(): void {
  const ended = gatherings;
  gatherings = [];
  for (const gathering of ended) gathering.turnEnded();
}

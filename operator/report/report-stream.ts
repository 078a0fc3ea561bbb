import { adminVersion, type RouterMessage, type RouteState } from "@sallyport/proto/admin";
import { backOffMs } from "../back-off.ts";
import type { Clock } from "../clock.ts";
import type { OpenWatch, RouterWatch } from "./grpc-watch.ts";
import type { ReportIdentity, RouterReport } from "./router-report.ts";

/** docs/protocol.md, "The operator's stream". */
export const pingIntervalMs = 1_000;
export const silenceMaxMs = 4_000;
/** From dialling to Hello. */
export const setupMaxMs = 5_000;
/** R2 is given no more routes than this. */
export const routesMax = 131_072;

export interface ReportStreamOptions {
  readonly tunnel: string;
  readonly address: string;
  readonly port: number;
  readonly peerId: string;
  /** Asked at each attempt: a renewed certificate comes with the next one. */
  readonly identity: () => ReportIdentity | undefined;
  readonly open: OpenWatch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly software: string;
  readonly onChange: () => void;
  readonly onEnd: (why: string) => void;
}

/** "resting": until the next attempt. "dialling": until Hello. "open": reports come. */
type State = "resting" | "dialling" | "open" | "closed";

const nothing: RouterReport = { configuration: undefined, routes: undefined, uplinks: undefined };

/** Asks one R2 for its reports, again and again, until it is closed. */
export class ReportStream {
  readonly #options: ReportStreamOptions;
  #state: State = "resting";
  #watch: RouterWatch | undefined;
  #report = nothing;
  #parts = new Map<string, RouteState>();
  #failures = 0;
  #nonce = 0;
  #cancelTimer: () => void = () => {};
  #cancelPing: () => void = () => {};

  constructor(options: ReportStreamOptions) {
    this.#options = options;
    this.#dial();
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Undefined: there is no stream now, and what was said before may be true no more. */
  get report(): RouterReport | undefined {
    return this.isOpen ? this.#report : undefined;
  }

  close(): void {
    this.#state = "closed";
    this.#cancelTimer();
    this.#cancelPing();
    this.#watch?.close();
  }

  #dial(): void {
    const { address, port, peerId, open, clock, software } = this.#options;
    const identity = this.#options.identity();
    if (identity === undefined) return this.#rest("the operator has no certificate yet");
    this.#state = "dialling";
    this.#report = nothing;
    this.#parts = new Map();
    this.#cancelTimer = clock.after(setupMaxMs, () => this.#fail(`no Hello within ${setupMaxMs / 1000} s`));
    try {
      this.#watch = open({
        ...{ address, port, identity, peerId },
        onMessage: (message) => this.#take(message),
        onEnd: (why) => this.#rest(why),
      });
    } catch (error) {
      return this.#rest(`the operator's certificate cannot be used: ${(error as Error).message}`);
    }
    this.#watch.send({ t: "subscribe", subscribe: { protocol: adminVersion, software } });
  }

  #take(message: RouterMessage): void {
    if (this.#state !== "dialling" && this.#state !== "open") return;
    if (this.#state === "open") this.#expectMore();
    switch (message.t) {
      case "hello":
        return this.#greet(message.hello);
      case "ping":
        if (!message.ping.ack) this.#watch?.send({ t: "ping", ping: { nonce: message.ping.nonce, ack: true } });
        return;
      case "unknown":
        return;
      case "routes":
        return this.#takeRoutes(message.routes);
      case "uplinks":
        return this.#change({ uplinks: message.uplinks.uplinks });
      case "configuration":
        return this.#change({ configuration: message.configuration });
    }
  }

  #greet({ protocol, tunnel }: { readonly protocol: { readonly major: number }; readonly tunnel: string }): void {
    const { onChange } = this.#options;
    if (protocol.major !== adminVersion.major) return this.#fail(`R2 speaks version ${protocol.major} of the protocol`);
    if (tunnel !== this.#options.tunnel) return this.#fail(`R2 is of tunnel ${tunnel}`);
    this.#state = "open";
    this.#failures = 0;
    this.#expectMore();
    this.#ping();
    onChange();
  }

  #takeRoutes({ routes, more }: { readonly routes: readonly RouteState[]; readonly more: boolean }): void {
    for (const route of routes) this.#parts.set(`${route.namespace}/${route.name}`, route);
    if (this.#parts.size > routesMax) return this.#fail(`R2 reports more than ${routesMax} routes`);
    if (more) return;
    const whole = this.#parts;
    this.#parts = new Map();
    this.#change({ routes: whole });
  }

  #change(part: Partial<RouterReport>): void {
    this.#report = { ...this.#report, ...part };
    if (this.isOpen) this.#options.onChange();
  }

  #expectMore(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(silenceMaxMs, () => this.#fail(`silent for ${silenceMaxMs} ms`));
  }

  #ping(): void {
    this.#cancelPing = this.#options.clock.after(pingIntervalMs, () => {
      this.#nonce += 1;
      this.#watch?.send({ t: "ping", ping: { nonce: this.#nonce, ack: false } });
      this.#ping();
    });
  }

  #fail(why: string): void {
    this.#watch?.close();
    this.#rest(why);
  }

  #rest(why: string): void {
    if (this.#state === "closed") return;
    const wasOpen = this.isOpen;
    this.#state = "resting";
    this.#failures += 1;
    this.#cancelTimer();
    this.#cancelPing();
    const { clock, random, onEnd, onChange } = this.#options;
    const waitMs = backOffMs(this.#failures, { firstMs: 500, maxMs: 10_000, random });
    this.#cancelTimer = clock.after(waitMs, () => this.#dial());
    onEnd(why);
    if (wasOpen) onChange();
  }
}

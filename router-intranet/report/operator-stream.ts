import {
  adminVersion,
  type Configuration,
  decodeOperator,
  encodeRouter,
  type OperatorMessage,
  type RouterMessage,
  type RouteState,
  type Subscribe,
  type UplinkStatus,
} from "@sallyport/proto/admin";
import { TunnelError } from "@sallyport/proto/error";
import type { Unknown } from "@sallyport/proto/message-codec";
import type { Clock } from "@sallyport/tunnel/clock";
import { Heartbeat } from "@sallyport/tunnel/heartbeat";
import { MessageStream } from "@sallyport/tunnel/message-stream";
import type { LinkTransport } from "@sallyport/tunnel/transport";
import { routeParts, shortened } from "./route-parts.ts";

/** From the stream to Subscribe. docs/protocol.md, "The operator's stream", has this and the next. */
const subscribeMs = 3_000;
export const reportIntervalMs = 1_000;
const heartbeatMs = 1_000;
/** Between two parts of the routes, so that calls go on meanwhile. */
const partIntervalMs = 1;

/** What R2 says, at any moment. */
export interface ReportSource {
  routes(): readonly RouteState[];
  uplinks(): readonly UplinkStatus[];
  configuration(): Configuration;
}

export type ReportPart = keyof ReportSource;

export interface OperatorStreamOptions {
  readonly transport: LinkTransport;
  readonly tunnel: string;
  readonly instanceId: string;
  readonly software: string;
  readonly clock: Clock;
  readonly source: ReportSource;
  readonly onSubscribed: (subscribe: Subscribe) => void;
  /** Once, the last event. */
  readonly onClosed: (error: TunnelError | undefined) => void;
}

/** One operator that is told what R2 serves: all of it at first, then what changes. */
export class OperatorStream {
  readonly #options: OperatorStreamOptions;
  readonly #stream: MessageStream<Exclude<RouterMessage, Unknown>, OperatorMessage>;
  readonly #heartbeat: Heartbeat;
  readonly #cancelSubscribe: () => void;
  #state: "new" | "subscribed" | "closed" = "new";
  readonly #changed = new Set<ReportPart>();
  /** Something was said less than an interval ago. */
  #resting = false;
  /** Parts of the routes that are still to be sent. */
  #parts: RouteState[][] = [];

  constructor(options: OperatorStreamOptions) {
    this.#options = options;
    const { clock, transport } = options;
    this.#heartbeat = new Heartbeat({
      ...{ clock, intervalMs: heartbeatMs },
      ping: (nonce) => this.#stream.send({ t: "ping", ping: { nonce, ack: false } }),
      silent: (silentMs) => this.close(new TunnelError("LINK_LOST", `the operator was silent for ${silentMs} ms`)),
    });
    this.#cancelSubscribe = clock.after(subscribeMs, () =>
      this.close(new TunnelError("PROTOCOL", `no Subscribe within ${subscribeMs} ms`)),
    );
    this.#stream = new MessageStream({
      ...{ transport, encode: encodeRouter, decode: decodeOperator },
      onMessage: (message: OperatorMessage) => this.#receive(message),
      onClosed: (error) => this.#ended(error),
    });
  }

  /** That part differs from what was told. */
  changed(part: ReportPart): void {
    if (this.#state !== "subscribed") return;
    this.#changed.add(part);
    if (!this.#resting) this.#tell();
  }

  close(error?: TunnelError): void {
    this.#stream.close(error);
  }

  #receive(message: OperatorMessage): void {
    this.#heartbeat.alive();
    if (this.#state === "new" && message.t !== "subscribe") {
      return this.close(new TunnelError("PROTOCOL", "Subscribe comes first"));
    }
    switch (message.t) {
      case "subscribe":
        return this.#subscribe(message.subscribe);
      case "ping":
        if (message.ping.ack) this.#heartbeat.answered(message.ping.nonce);
        else this.#stream.send({ t: "ping", ping: { nonce: message.ping.nonce, ack: true } });
        return;
      default:
        return;
    }
  }

  #subscribe(subscribe: Subscribe): void {
    const { tunnel, instanceId, software, onSubscribed } = this.#options;
    const { major } = subscribe.protocol;
    if (this.#state !== "new") return this.close(new TunnelError("PROTOCOL", "a second Subscribe"));
    if (major !== adminVersion.major) {
      const text = `the operator speaks version ${major}, this R2 ${adminVersion.major}; run the same release`;
      return this.close(new TunnelError("PROTOCOL", text));
    }
    this.#cancelSubscribe();
    this.#state = "subscribed";
    this.#stream.send({ t: "hello", hello: { protocol: adminVersion, tunnel, instanceId, software } });
    this.#heartbeat.start();
    onSubscribed(subscribe);
    for (const part of ["routes", "uplinks", "configuration"] as const) this.#changed.add(part);
    this.#tell();
  }

  /** Says what has changed, and lets the rest of the interval pass. */
  #tell(): void {
    this.#resting = true;
    this.#options.clock.after(reportIntervalMs, () => {
      this.#resting = false;
      if (this.#state === "subscribed" && this.#changed.size > 0) this.#tell();
    });
    // Routes of before that are still on their way go on; the new ones have their turn later.
    for (const part of [...this.#changed]) if (part !== "routes" || this.#parts.length === 0) this.#say(part);
  }

  #say(part: ReportPart): void {
    const { source } = this.#options;
    this.#changed.delete(part);
    switch (part) {
      case "routes":
        this.#parts = routeParts(source.routes());
        return this.#nextPart();
      case "uplinks": {
        const uplinks = source.uplinks().map((uplink) => ({ ...uplink, lastError: shortened(uplink.lastError) }));
        return this.#stream.send({ t: "uplinks", uplinks: { uplinks } });
      }
      case "configuration": {
        const told = source.configuration();
        const texts = { configRefused: shortened(told.configRefused), routesWaiting: shortened(told.routesWaiting) };
        return this.#stream.send({ t: "configuration", configuration: { ...told, ...texts } });
      }
    }
  }

  #nextPart(): void {
    const routes = this.#parts.shift();
    if (routes === undefined || this.#state !== "subscribed") return;
    const more = this.#parts.length > 0;
    this.#stream.send({ t: "routes", routes: { routes, more } });
    if (more) this.#options.clock.after(partIntervalMs, () => this.#nextPart());
  }

  #ended(error: TunnelError | undefined): void {
    this.#state = "closed";
    this.#cancelSubscribe();
    this.#heartbeat.stop();
    this.#parts = [];
    this.#options.onClosed(error);
  }
}

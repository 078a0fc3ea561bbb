import { TunnelError } from "@sallyport/proto/error";
import { type Limits, type LinkHello, protocolVersion } from "@sallyport/proto/frame";
import {
  type DmzMessage,
  decodeIntranet,
  encodeDmz,
  type Hello,
  type IntranetMessage,
  type Spans,
} from "@sallyport/proto/manage";
import type { Unknown } from "@sallyport/proto/message-codec";
import type { Clock } from "@sallyport/tunnel/clock";
import { Heartbeat } from "@sallyport/tunnel/heartbeat";
import type { Link } from "@sallyport/tunnel/link";
import { MessageStream } from "@sallyport/tunnel/message-stream";
import type { LinkTransport } from "@sallyport/tunnel/transport";

/** From the stream to Hello. docs/protocol.md, "R2's uplink". */
const helloMs = 3_000;

export interface RegistrationOptions {
  readonly transport: LinkTransport;
  readonly peer: string;
  readonly tunnel: string;
  readonly instanceId: string;
  readonly workerId: string;
  readonly software: string;
  readonly limits: Limits;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  /** An error turns the R2 away. */
  readonly admit: (registration: Registration) => TunnelError | undefined;
  /** Any change of state, of links on order, or of routes. */
  readonly onChange: (registration: Registration, error: TunnelError | undefined) => void;
}

/** `new` → `active` → `draining` → `closed`. */
export type RegistrationState = "new" | "active" | "draining" | "closed";

/** One R2 as R1 knows it: its management connection and the links that belong to it. */
export class Registration {
  state: RegistrationState = "new";
  readonly links = new Set<Link>();
  hello: Hello | undefined;
  routeCount = 0;
  /** Links ordered and neither opened nor failed yet. */
  linksOnOrder = 0;
  /** Orders that failed in a row; the next one waits. */
  failedOrders = 0;
  lastOrderError = "";

  readonly peer: string;
  readonly #options: RegistrationOptions;
  readonly #stream: MessageStream<Exclude<DmzMessage, Unknown>, IntranetMessage>;
  readonly #heartbeat: Heartbeat;
  /** Orders not answered yet: how many links each asked for, and how many of them may still come. */
  #orders = new Map<number, { readonly count: number; links: number }>();
  #lastOrder = 0;
  /** Who has taken over, when the same R2 has registered anew. */
  #successor: Registration | undefined;
  #routesSoFar = 0;
  readonly #cancelHello: () => void;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.peer = options.peer;
    this.#heartbeat = new Heartbeat({
      clock: options.clock,
      intervalMs: options.heartbeatMs,
      ping: (nonce) => this.#stream.send({ t: "ping", ping: { nonce, ack: false } }),
      silent: (silentMs) => this.close(new TunnelError("LINK_LOST", `R2 silent for ${silentMs} ms`)),
    });
    this.#cancelHello = options.clock.after(helloMs, () =>
      this.close(new TunnelError("PROTOCOL", `no Hello within ${helloMs} ms`)),
    );
    this.#stream = new MessageStream({
      transport: options.transport,
      encode: encodeDmz,
      decode: decodeIntranet,
      onMessage: (message: IntranetMessage) => this.#receive(message),
      onClosed: (error) => this.#ended(error),
    });
  }

  /** Names the R2 process: another connection of the same one replaces this. */
  get key(): string {
    return this.hello ? `${this.hello.instanceId}/${this.hello.workerId}` : "";
  }

  get roundTripMs(): number {
    return this.#heartbeat.roundTripMs;
  }

  orderLinks(count: number): void {
    const order = ++this.#lastOrder;
    this.#orders.set(order, { count, links: count });
    this.linksOnOrder += count;
    this.#stream.send({ t: "openLinks", openLinks: { order, count } });
  }

  /** Takes a link out of use; it closes when its calls have ended. R2 is told why. */
  closeLink(link: Link): void {
    this.#stream.send({ t: "closeLinks", closeLinks: { linkIds: [link.linkId] } });
    link.drain("R1 has more links than it needs");
  }

  /** A link must have been ordered here, for us, by its owner. */
  admitLink(hello: LinkHello): TunnelError | undefined {
    const { tunnel, instanceId, workerId } = this.#options;
    if (this.state !== "active") return new TunnelError("PROTOCOL", `the registration of that R2 is ${this.state}`);
    if (hello.tunnel !== tunnel) return new TunnelError("PROTOCOL", `this R1 serves tunnel ${tunnel}`);
    if (hello.dmzInstanceId !== instanceId || hello.dmzWorkerId !== workerId) {
      return new TunnelError("PROTOCOL", "the link is meant for another R1; address every R1 by itself");
    }
    const left = this.#orders.get(hello.order)?.links ?? 0;
    if (left === 0) return new TunnelError("PROTOCOL", `order ${hello.order} has no link left to open`);
    this.#orders.get(hello.order)!.links--;
    return undefined;
  }

  /** Hands links and orders over. What R2 still says here counts there. Without a word: nothing changes for the pool. */
  succeedBy(successor: Registration): void {
    this.#successor = successor;
    for (const link of this.links) successor.links.add(link);
    this.links.clear();
    successor.#orders = this.#orders;
    successor.#lastOrder = this.#lastOrder;
    successor.linksOnOrder = this.linksOnOrder;
    successor.failedOrders = this.failedOrders;
    successor.lastOrderError = this.lastOrderError;
    successor.routeCount = this.routeCount;
    this.#orders = new Map();
    this.linksOnOrder = 0;
    if (this.state === "active") this.state = "draining";
  }

  /**
   * Hands R2 spans to export. False if it takes none, or is slow to take what it is sent; else `settled` is called once,
   * with whether they have gone out.
   */
  offerSpans(spans: Spans, settled: (sent: boolean) => void): boolean {
    if (this.hello?.takesSpans !== true || this.state === "closed") return false;
    return this.#stream.offer({ t: "spans", spans }, settled);
  }

  /** Tells R2 that this R1 stops. */
  drain(deadlineMs: number): void {
    this.#stream.send({ t: "drain", drain: { deadlineMs } });
  }

  close(error?: TunnelError): void {
    this.#stream.close(error);
  }

  get #heir(): Registration {
    return this.#successor === undefined ? this : this.#successor.#heir;
  }

  #receive(message: IntranetMessage): void {
    this.#heartbeat.alive();
    if (this.state === "new" && message.t !== "hello")
      return this.close(new TunnelError("PROTOCOL", "Hello comes first"));
    switch (message.t) {
      case "hello":
        return this.#register(message.hello);
      case "ping":
        if (message.ping.ack) this.#heartbeat.answered(message.ping.nonce);
        else this.#stream.send({ t: "ping", ping: { nonce: message.ping.nonce, ack: true } });
        return;
      case "linkOrderResult":
        return this.#heir.#orderDone(message.linkOrderResult);
      case "drain":
        return this.#heir.#change("draining");
      case "routeReport":
        return this.#heir.#countRoutes(message.routeReport);
      default:
        return;
    }
  }

  #register(hello: Hello): void {
    const { tunnel } = this.#options;
    if (this.state !== "new") return this.close(new TunnelError("PROTOCOL", "a second Hello"));
    if (hello.protocol.major !== protocolVersion.major) {
      const text = `R2 speaks protocol ${hello.protocol.major}, this R1 ${protocolVersion.major}; run the same release`;
      return this.close(new TunnelError("PROTOCOL", text));
    }
    if (hello.tunnel !== tunnel) {
      return this.close(new TunnelError("PROTOCOL", `R2 belongs to tunnel ${hello.tunnel}, this R1 to ${tunnel}`));
    }
    this.hello = hello;
    const refusal = this.#options.admit(this);
    if (refusal) return this.close(refusal);
    this.#cancelHello();
    this.#welcome();
    this.#heartbeat.start();
    this.#change("active");
  }

  #welcome(): void {
    const { tunnel, instanceId, workerId, software, limits, heartbeatMs } = this.#options;
    const welcome = { protocol: protocolVersion, tunnel, instanceId, workerId, software, limits, heartbeatMs };
    this.#stream.send({ t: "welcome", welcome: { ...welcome, dmzInstances: 0 } });
  }

  #orderDone(result: { order: number; opened: number; failed: number; message: string }): void {
    const order = this.#orders.get(result.order);
    if (order === undefined) return;
    this.#orders.delete(result.order);
    this.linksOnOrder -= order.count;
    this.failedOrders = result.failed > 0 ? this.failedOrders + 1 : 0;
    this.lastOrderError = result.failed > 0 ? result.message : "";
    this.#options.onChange(this, undefined);
  }

  #countRoutes({ routes, more }: { routes: readonly unknown[]; more: boolean }): void {
    this.#routesSoFar += routes.length;
    if (more) return;
    this.routeCount = this.#routesSoFar;
    this.#routesSoFar = 0;
    this.#options.onChange(this, undefined);
  }

  #change(state: RegistrationState, error?: TunnelError): void {
    this.state = state;
    this.#options.onChange(this, error);
  }

  #ended(error: TunnelError | undefined): void {
    this.#cancelHello();
    this.#heartbeat.stop();
    this.#orders.clear();
    this.linksOnOrder = 0;
    this.#change("closed", error);
  }
}

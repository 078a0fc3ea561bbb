import { TunnelError } from "@sallyport/proto/error";
import { type Limits, protocolVersion } from "@sallyport/proto/frame";
import {
  type DmzMessage,
  decodeDmz,
  encodeIntranet,
  type IntranetMessage,
  type OpenLinks,
  type RouteHash,
  type Spans,
  type Welcome,
} from "@sallyport/proto/manage";
import type { Unknown } from "@sallyport/proto/message-codec";
import type { Budget } from "@sallyport/tunnel/budget";
import type { AcceptCall } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import { Heartbeat } from "@sallyport/tunnel/heartbeat";
import type { Link } from "@sallyport/tunnel/link";
import { MessageStream } from "@sallyport/tunnel/message-stream";
import type { LinkTransport } from "@sallyport/tunnel/transport";
import { OrderedLinks } from "./ordered-links.ts";
import { Renewal } from "./renewal.ts";
import { backoffMs, nextUplink, type UplinkEvent, type UplinkState } from "./state.ts";

/** From dialling to Welcome. docs/protocol.md, "R2's uplink". */
const attemptMs = 3_000;
/** Links whose management connection has ended may finish their calls this long. */
const orphanedMs = 5_000;
/** A route's name, namespace and hash take at most some 400 bytes; a management message may have 1 MiB. */
const reportRoutesMax = 2_000;

export interface UplinkOptions {
  /** For logs: which R1 this is. */
  readonly name: string;
  readonly tunnel: string;
  readonly instanceId: string;
  readonly workerId: string;
  readonly software: string;
  readonly limits: Limits;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly budget: Budget;
  readonly random: () => number;
  /** A fresh channel each time. */
  readonly dial: (method: "manage" | "carry") => LinkTransport;
  readonly accept: AcceptCall;
  readonly routes: () => readonly RouteHash[];
  /** R1 is told to send its spans. */
  readonly takesSpans: boolean;
  /** Spans of R1, asked for or not. */
  readonly onSpans: (spans: Spans) => void;
  /** Bytes that a link has received or sent. */
  readonly onBytes: (bytes: number) => void;
  readonly onState: (state: UplinkState, error: TunnelError | undefined) => void;
  readonly onLink: (link: Link, error: TunnelError | undefined) => void;
}

interface StreamEvents {
  readonly ready: () => void;
  readonly message: (message: DmzMessage) => void;
  readonly closed: (error: TunnelError | undefined) => void;
}

type ManageStream = MessageStream<Exclude<IntranetMessage, Unknown>, DmzMessage>;

/** R2's management connection to one R1, for ever restored, and the links that R1 orders over it. */
export class Uplink {
  state: UplinkState = { t: "disconnected", failures: 0 };
  /** Attempts begun since the start. */
  attempts = 0;
  /** Events of an attempt that was given up. */
  lateEvents = 0;
  lastError: TunnelError | undefined;

  readonly #options: UplinkOptions;
  readonly #ordered: OrderedLinks;
  readonly #heartbeat: Heartbeat;
  /** Of the attempt or connection that counts; another one's events are late. */
  #stream: ManageStream | undefined;
  #welcome: Welcome | undefined;
  /** This R2 stops: it neither dials again nor opens links. */
  #draining = false;
  #cancelTimer: () => void = () => {};
  #renewal: Renewal | undefined;
  /** Registering anew, beside `#stream`; and why that one has ended meanwhile, if it has. */
  #candidate: { readonly stream: ManageStream; ended?: { readonly error: TunnelError | undefined } } | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#ordered = new OrderedLinks({
      ...options,
      dial: () => options.dial("carry"),
      onOrderDone: (linkOrderResult) => this.#send({ t: "linkOrderResult", linkOrderResult }),
      onLink: (link, error) => {
        this.#renewal?.linkChanged();
        options.onLink(link, error);
      },
    });
    this.#heartbeat = new Heartbeat({
      clock: options.clock,
      intervalMs: options.heartbeatMs,
      ping: (nonce) => this.#send({ t: "ping", ping: { nonce, ack: false } }),
      silent: (silentMs) => this.#stream?.close(lost(`silent for ${silentMs} ms`)),
    });
  }

  get links(): ReadonlySet<Link> {
    return this.#ordered.all;
  }

  get active(): boolean {
    return this.state.t === "active";
  }

  get roundTripMs(): number {
    return this.#heartbeat.roundTripMs;
  }

  start(): void {
    this.#on({ t: "dial" });
  }

  /** Tells R1, lets the links' calls finish; `close` ends what is left. */
  drain(deadlineMs: number): void {
    this.#draining = true;
    this.#dropRenewal();
    this.#cancelRetry();
    this.#send({ t: "drain", drain: { deadlineMs } });
    for (const link of this.links) link.drain("R2 stops");
  }

  close(): void {
    this.#on({ t: "stop" });
  }

  /**
   * Moves to connections that are dialled anew, because R2's identity has changed; calls go on. `isPeerTrusted`: what R1
   * has shown is good still; if not, the old connections end in any case.
   */
  renew(isPeerTrusted: boolean, deadlineMs: number): void {
    this.#dropRenewal();
    // Where there is no connection the next attempt makes a new one.
    if (this.state.t !== "active" || this.#draining) return;
    const { clock, random } = this.#options;
    this.#renewal = new Renewal({
      ...{ clock, random, isPeerTrusted, deadlineMs },
      links: () => this.links,
      register: (done) => this.#registerAnew(done),
      giveUp: (error) => this.#stream?.close(error),
    });
  }

  /** The routes have changed. */
  reportRoutes(): void {
    if (!this.active) return;
    const routes = this.#options.routes();
    for (let start = 0; start === 0 || start < routes.length; start += reportRoutesMax) {
      const part = routes.slice(start, start + reportRoutesMax);
      this.#send({ t: "routeReport", routeReport: { routes: part, more: start + part.length < routes.length } });
    }
  }

  #on(event: UplinkEvent): void {
    const step = nextUplink(this.state, event);
    if (step.t === "illegal") {
      this.lateEvents++;
      return;
    }
    this.state = step.state;
    const error = event.t === "ended" ? event.error : undefined;
    if (error) this.lastError = error;
    this.#options.onState(step.state, error);
    if (step.effect) this.#effects[step.effect]();
  }

  readonly #effects = {
    dial: (): void => this.#dial(),
    hello: (): void => this.#hello(),
    retry: (): void => this.#retry(),
    stop: (): void => this.#stop(),
  };

  #dial(): void {
    this.attempts++;
    const stream = this.#open({
      ready: () => this.#on({ t: "ready" }),
      message: (message) => this.#receive(message),
      closed: (error) => this.#ended(error),
    });
    this.#stream = stream;
    this.#cancelTimer = this.#limit(stream);
  }

  /** A stream whose events count while it is the present one; `late`: what they mean otherwise. */
  #open(now: StreamEvents, late: Partial<StreamEvents> = {}): ManageStream {
    const choose = (of: ManageStream): Partial<StreamEvents> => {
      if (of === this.#stream) return now;
      if (of !== this.#candidate?.stream) this.lateEvents++;
      return of === this.#candidate?.stream ? late : {};
    };
    const stream: ManageStream = new MessageStream({
      transport: this.#options.dial("manage"),
      encode: encodeIntranet,
      decode: decodeDmz,
      onReady: () => choose(stream).ready?.(),
      onMessage: (message: DmzMessage) => choose(stream).message?.(message),
      onClosed: (error) => choose(stream).closed?.(error),
    });
    return stream;
  }

  #limit(stream: ManageStream): () => void {
    return this.#options.clock.after(attemptMs, () => stream.close(lost(`no registration within ${attemptMs} ms`)));
  }

  #hello(stream = this.#stream, keepLinks = false): void {
    const { tunnel, instanceId, workerId, software, limits, takesSpans } = this.#options;
    const said = { protocol: protocolVersion, tunnel, instanceId, workerId, software, limits, takesSpans };
    stream?.send({ t: "hello", hello: { ...said, keepLinks } });
  }

  // ------------------------------------------------------------------------------------------------- renewal

  /** Registers over a second connection, which then takes the first one's place. */
  #registerAnew(done: (ok: boolean) => void): void {
    const now = {
      ready: () => {},
      message: (message: DmzMessage) => this.#receive(message),
      closed: (error: TunnelError | undefined) => this.#ended(error),
    };
    const stream = this.#open(now, {
      ready: () => this.#hello(stream, true),
      message: (message) => {
        const refusal = this.#refusalOf(message);
        if (refusal) return stream.close(refusal);
        cancel();
        this.#replaceStream(stream, message);
        done(true);
      },
      closed: (error) => {
        cancel();
        this.#candidateFailed(error);
        done(false);
      },
    });
    this.attempts++;
    this.#candidate = { stream };
    const cancel = this.#limit(stream);
  }

  #replaceStream(stream: ManageStream, message: DmzMessage): void {
    const old = this.#stream;
    this.#candidate = undefined;
    this.#stream = stream;
    if (message.t === "welcome") this.#welcome = message.welcome;
    this.#heartbeat.stop();
    this.#heartbeat.start();
    old?.close();
    this.reportRoutes();
  }

  /** What ended meanwhile has ended now: nothing takes its place. */
  #candidateFailed(error: TunnelError | undefined): void {
    const ended = this.#candidate?.ended;
    this.#candidate = undefined;
    if (error) this.lastError = error;
    if (ended) this.#ended(ended.error);
  }

  #dropRenewal(): void {
    this.#renewal?.cancel();
    this.#renewal = undefined;
    const candidate = this.#candidate;
    this.#candidate = undefined;
    candidate?.stream.close(lost("registered elsewhere"));
  }

  #receive(message: DmzMessage): void {
    this.#heartbeat.alive();
    switch (message.t) {
      case "welcome":
        return this.#welcomed(message);
      case "ping":
        if (message.ping.ack) this.#heartbeat.answered(message.ping.nonce);
        else this.#send({ t: "ping", ping: { nonce: message.ping.nonce, ack: true } });
        return;
      case "openLinks":
        return this.#openLinks(message.openLinks);
      case "closeLinks":
        return this.#ordered.close(message.closeLinks.linkIds);
      case "drain":
        return this.#on({ t: "peerDrains" });
      case "spans":
        return this.#options.onSpans(message.spans);
      default:
        // Certificates come with the parts that need them; a newer R1 may say more.
        return;
    }
  }

  #welcomed(message: DmzMessage): void {
    if (this.state.t !== "registering") return this.#stream?.close(protocolError("welcome where none may be"));
    const refusal = this.#refusalOf(message);
    if (refusal || message.t !== "welcome") return this.#stream?.close(refusal);
    this.#cancelTimer();
    this.#welcome = message.welcome;
    this.#heartbeat.start();
    this.#on({ t: "welcome", nowMs: this.#options.clock.now() });
    this.reportRoutes();
  }

  /** Why this is no Welcome to go on with. */
  #refusalOf(message: DmzMessage): TunnelError | undefined {
    const { tunnel } = this.#options;
    if (message.t !== "welcome") return protocolError("welcome comes first");
    const { welcome } = message;
    if (welcome.protocol.major !== protocolVersion.major) {
      return protocolError(`R1 speaks protocol ${welcome.protocol.major}`);
    }
    return welcome.tunnel === tunnel ? undefined : protocolError(`R1 serves tunnel ${welcome.tunnel}`);
  }

  #ended(error: TunnelError | undefined): void {
    // R1 may end the old connection before its Welcome on the new one has come.
    if (this.#candidate && this.state.t === "active") {
      this.#candidate.ended = { error };
      this.#stream = undefined;
      return;
    }
    this.#cancelTimer();
    this.#dropRenewal();
    this.#heartbeat.stop();
    this.#stream = undefined;
    this.#welcome = undefined;
    this.#orphan();
    this.#on({ t: "ended", nowMs: this.#options.clock.now(), error });
  }

  /** The links of a connection that has ended take no more calls, and close when their calls have ended. */
  #orphan(): void {
    const orphans = [...this.links];
    for (const link of orphans) link.drain("its management connection has ended");
    this.#options.clock.after(orphanedMs, () => {
      for (const link of orphans) link.close(lost("its management connection has ended"));
    });
  }

  #cancelRetry(): void {
    if (this.state.t === "disconnected") this.#cancelTimer();
  }

  #retry(): void {
    if (this.#draining) return;
    const { clock, random } = this.#options;
    const failures = "failures" in this.state ? this.state.failures : 0;
    this.#cancelTimer = clock.after(backoffMs(failures, random()), () => this.#on({ t: "dial" }));
  }

  #stop(): void {
    this.#cancelTimer();
    this.#dropRenewal();
    this.#heartbeat.stop();
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close();
    for (const link of [...this.links]) link.close(lost("R2 stops"));
  }

  #openLinks(order: OpenLinks): void {
    const welcome = this.#welcome;
    if (!welcome) return this.#stream?.close(protocolError("links ordered before the registration"));
    this.#ordered.open(order, welcome, this.#draining ? "R2 stops" : "");
  }

  #send(message: Exclude<IntranetMessage, Unknown>): void {
    this.#stream?.send(message);
  }
}

function lost(message: string): TunnelError {
  return new TunnelError("LINK_LOST", message);
}

function protocolError(message: string): TunnelError {
  return new TunnelError("PROTOCOL", message);
}

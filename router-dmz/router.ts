import { randomUUID } from "node:crypto";
import type { TunnelError } from "@sallyport/proto/error";
import { carryPath, managePath } from "@sallyport/proto/manage";
import { type DmzConfig, parseDmzConfig } from "@sallyport/proto/router-config";
import { AccessLog } from "@sallyport/tunnel/access-log";
import { Budget } from "@sallyport/tunnel/budget";
import { CallMetrics } from "@sallyport/tunnel/call-metrics";
import { measureCertificates } from "@sallyport/tunnel/certificate-metric";
import { systemClock } from "@sallyport/tunnel/clock";
import { Complaints } from "@sallyport/tunnel/complaints";
import { GrpcServer } from "@sallyport/tunnel/grpc-server";
import { spiffeId } from "@sallyport/tunnel/identity";
import { LinkMetrics, liveGauge, totalCounter } from "@sallyport/tunnel/link-metrics";
import { listenError } from "@sallyport/tunnel/listen-error";
import { LiveConfig, type Loaded, type Reloaded } from "@sallyport/tunnel/live-config";
import { createLog, droppedLogBytes, type Log } from "@sallyport/tunnel/log";
import type { RunningRouter } from "@sallyport/tunnel/process";
import { software } from "@sallyport/tunnel/software";
import { measureSpans, noSpans } from "@sallyport/tunnel/span-metrics";
import { json, StatusServer, text } from "@sallyport/tunnel/status-server";
import { YoungGarbage } from "@sallyport/tunnel/young-garbage";
import { collectDefaultMetrics, Registry as MetricsRegistry } from "prom-client";
import { type AccessEntry, moreOf } from "./access-entry.ts";
import { healthServer } from "./health.ts";
import type { Exchange } from "./listen/exchange.ts";
import { HttpListener } from "./listen/http.ts";
import type { ClientListener, ListenerConfig } from "./listen/listener.ts";
import { Pool } from "./pool/pool.ts";
import { Registry } from "./pool/registry.ts";
import { Repeater } from "./pool/repeater.ts";
import { Quotas } from "./quota.ts";
import { createRawListener } from "./raw-listener.ts";
import { type RelayDeps, relayExchange } from "./relay.ts";
import { relayUpgrade, type UpgradeRelayDeps } from "./relay-upgrade.ts";
import type { DmzTracer } from "./tracing.ts";

/** Loaded only where calls are traced. */
type TracingModule = typeof import("./tracing.ts");

/** How long spans may take to leave when R1 stops. */
const spansFlushMs = 2_000;

/** R2s that may register, and connections on the tunnel's port beside their links. */
const registrationsMax = 64;
const spareConnectionsMax = 256;

/** What was told to close and has not is cut off after this long. */
const cutMs = 1_000;

/** What a reload takes; the rest needs a restart. */
const liveFields = [
  "identity",
  "waiting",
  "http.bodyIdleTimeoutMs",
  "http.halfClosedTimeoutMs",
  "http.sendTimeoutMs",
  "tcp.idleTimeoutMs",
  "quotas",
  "limits.drainMs",
  "limits.drainNoticeMs",
  "log.level",
];

/** R1: composes the parts, listens on everything or on nothing. */
export async function startDmzRouter(input: unknown, onReady: (ready: boolean) => void): Promise<RunningRouter> {
  const config = parseDmzConfig(input);
  const router = new DmzRouter(config, onReady, config.tracing && (await import("./tracing.ts")));
  try {
    await router.listen();
  } catch (error) {
    await router.close();
    throw error;
  }
  return router;
}

class DmzRouter implements RunningRouter {
  readonly ports: Record<string, number> = {};
  readonly #live: LiveConfig<DmzConfig>;
  readonly #onReady: (ready: boolean) => void;
  readonly #log: Log;
  readonly #instanceId = randomUUID();
  readonly #idStart = `${this.#instanceId.slice(0, 8)}-`;
  readonly #accessLog: AccessLog;
  readonly #metrics = new MetricsRegistry();
  readonly #budget: Budget;
  readonly #registry: Registry;
  readonly #pool: Pool;
  readonly #repeater: Repeater;
  readonly #quotas: Quotas;
  readonly #complaints = new Complaints(systemClock);
  readonly #counters = { tunnelRefused: 0, rawCalls: 0 };
  readonly #spans = noSpans();
  readonly #tracer: DmzTracer | undefined;
  readonly #tunnel: GrpcServer;
  readonly #listeners: readonly ClientListener[];
  readonly #health: StatusServer;
  readonly #admin: StatusServer;
  readonly #linkMetrics: LinkMetrics;
  readonly #callMetrics: CallMetrics;
  #ready = false;
  #draining = false;
  #exchanges = 0;
  #lastCall = 0;
  #lastConnection = 0;
  #onIdle: () => void = () => {};

  constructor(config: DmzConfig, onReady: (ready: boolean) => void, tracing: TracingModule | undefined) {
    this.#onReady = onReady;
    this.#log = createLog("r1", config.log.level);
    this.#accessLog = new AccessLog(this.#log, "r1");
    const live = new LiveConfig({
      ...{ initial: config, parse: parseDmzConfig, live: liveFields, log: this.#log, metrics: this.#metrics },
      apply: (next, changed) => {
        if (changed.some((path) => path.startsWith("identity."))) this.#renew(next);
        this.#log.level = next.log.level;
        this.#quotas.limits = next.quotas;
      },
    });
    this.#live = live;
    this.#budget = new Budget(config.limits.memoryBudgetBytes);
    this.#quotas = new Quotas(config.quotas, systemClock);
    this.#registry = this.#createRegistry();
    this.#tracer = tracing && this.#createTracer(tracing);
    this.#pool = new Pool({
      source: this.#registry,
      size: config.pool,
      surplusMs: config.pool.surplusTimeoutMs,
      get waitingCallsMax() {
        return live.current.waiting.callsMax;
      },
      get waitingMs() {
        return live.current.waiting.timeoutMs;
      },
      clock: systemClock,
    });
    this.#repeater = new Repeater({ starter: this.#pool, budget: this.#budget });
    this.#tunnel = this.#createTunnel();
    this.#linkMetrics = new LinkMetrics(this.#metrics, () => this.#registry.links(), this.#budget);
    this.#callMetrics = new CallMetrics(this.#metrics, "listener");
    this.#listeners = config.listeners.map((listener) => this.#createListener(listener));
    this.#health = healthServer(() => this.#ready);
    this.#admin = this.#createAdmin();
    this.#measure();
  }

  get #config(): DmzConfig {
    return this.#live.current;
  }

  reload(loaded: Loaded): Reloaded {
    return this.#live.reload(loaded);
  }

  async listen(): Promise<void> {
    const { tunnelEndpoint, health, admin } = this.#config;
    for (const listener of this.#listeners) this.ports[listener.listener] = (await listener.listen()).port;
    this.ports.health = await this.#health.listen(health.address, health.port);
    this.ports.admin = await this.#admin.listen(admin.address, admin.port);
    this.ports.tunnel = await this.#listenTunnel(tunnelEndpoint.address, tunnelEndpoint.port);
    this.#log.info({ ports: this.ports, tunnel: this.#config.tunnel, instance: this.#instanceId }, "listening");
  }

  /** Not ready → R2s are told → responses close their connections → accepts no more → calls finish → all is closed. */
  async drain(): Promise<void> {
    const { drainMs, drainNoticeMs } = this.#config.limits;
    this.#log.info({ exchanges: this.#exchanges, drainMs }, "draining");
    this.#draining = true;
    this.#refresh();
    // An R2 that stops at the same time may soon be gone.
    void this.#tracer?.flush(spansFlushMs);
    this.#registry.drain(drainMs);
    for (const listener of this.#listeners) listener.announceDrain();
    await after(drainNoticeMs);
    const finished = Promise.all(this.#listeners.map((listener) => listener.finish()));
    await Promise.race([this.#idle(), after(drainMs)]);
    this.#pool.close();
    await Promise.race([finished, after(1_000)]);
    await this.#tracer?.flush(spansFlushMs);
    await this.close();
    this.#log.info("stopped");
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#pool.close();
    this.#registry.close();
    this.#tunnel.close();
    this.#health.close();
    this.#admin.close();
  }

  /** Resolves when no exchange is under way. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      if (this.#exchanges === 0) resolve();
    });
  }

  async #listenTunnel(address: string, port: number): Promise<number> {
    try {
      return await this.#tunnel.listen(address, port);
    } catch (error) {
      throw listenError("tunnel endpoint", address, port, error as Error);
    }
  }

  #createRegistry(): Registry {
    const { tunnel, limits, pool } = this.#config;
    // Each R2 holds at least one, and links that drain are still there while their successors come.
    const linksMax = 2 * pool.max + registrationsMax;
    return new Registry({
      ...{ tunnel, limits, software, heartbeatMs: limits.heartbeatMs, registrationsMax, linksMax },
      ...{ instanceId: this.#instanceId, workerId: "0", clock: systemClock, budget: this.#budget },
      onRegistration: ({ peer, state, hello, lastOrderError }, error) => {
        if (lastOrderError && this.#complaints.count(lastOrderError) > 0) {
          this.#log.warn({ peer, error: lastOrderError }, "an R2 could not open the links it was asked for");
        }
        this.#log.info({ peer, state, intranet: hello?.instanceId, error: error?.message }, "management connection");
        this.#refresh();
      },
      onBytes: new YoungGarbage().moved,
      onRoom: () => this.#pool.serveWaiting(),
      onLink: ({ linkId, state }, _registration, error) => {
        this.#log.debug({ link: linkId, state, error: error?.message }, "link");
        this.#refresh();
      },
      onLinkClosed: (link, error) => this.#linkMetrics.closed(link, error),
    });
  }

  #createTracer({ DmzTracer }: TracingModule): DmzTracer | undefined {
    const { tracing: config, tunnel } = this.#config;
    return (
      config &&
      new DmzTracer({
        ...{ config, tunnel, instanceId: this.#instanceId, counters: this.#spans, log: this.#log },
        ...{ complaints: this.#complaints, offer: (spans, settled) => this.#registry.offerSpans(spans, settled) },
      })
    );
  }

  /** Something about registrations or links has changed. */
  #refresh(): void {
    this.#pool.refresh();
    const ready = this.#registry.active && !this.#draining;
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#log.info({ ready }, "readiness");
    this.#onReady(ready);
  }

  #createTunnel(): GrpcServer {
    const { identity, trustDomain, tunnel, pool } = this.#config;
    return new GrpcServer({
      identity,
      peerId: spiffeId(trustDomain, tunnel, "intranet"),
      connectionsMax: 2 * (registrationsMax + pool.max) + spareConnectionsMax,
      methods: {
        [managePath]: (transport, peer) => this.#registry.acceptManage(transport, peer),
        [carryPath]: (transport, peer) => this.#registry.acceptCarry(transport, peer),
      },
      onRefused: (peer, error) => this.#strangerRefused(peer, error),
    });
  }

  /** New connections are shown it from now on; an R2 of a CA that is trusted no more is let go. Throws for bad PEM. */
  #renew({ identity, limits: { drainMs } }: DmzConfig): void {
    this.#tunnel.setIdentity(identity);
    const peers = new Set(this.#tunnel.untrustedPeers);
    if (peers.size === 0) return;
    this.#log.warn({ peers: [...peers] }, "connections of a CA that is trusted no more are ended");
    this.#registry.withdraw(peers, drainMs);
    systemClock.after(drainMs + cutMs, () => this.#tunnel.cutUntrusted(peers));
  }

  #strangerRefused(peer: string, error: TunnelError): void {
    this.#counters.tunnelRefused++;
    const times = this.#complaints.count(error.message);
    if (times > 0) this.#log.warn({ peer, times, error: error.message }, "tunnel connection refused");
  }

  #createListener(listener: ListenerConfig): ClientListener {
    return listener.protocol === "HTTP" ? this.#createHttpListener(listener) : this.#createRawListener(listener);
  }

  #createRawListener(listener: ListenerConfig): ClientListener {
    const live = this.#live;
    return createRawListener({
      ...{ listener, tcp: live.current.tcp, clock: systemClock, log: this.#log },
      nextConnection: () => ++this.#lastConnection,
      onBegin: () => {
        this.#exchanges++;
        this.#counters.rawCalls++;
      },
      deps: {
        ...{ starter: this.#repeater, clock: systemClock, quotas: this.#quotas, nextId: () => this.#nextId() },
        get idleTimeoutMs() {
          return live.current.tcp.idleTimeoutMs;
        },
        onDone: (entry) => {
          this.#counters.rawCalls--;
          this.#done(entry);
        },
      },
    });
  }

  #createHttpListener(listener: ListenerConfig): HttpListener {
    const live = this.#live;
    const deps: RelayDeps & UpgradeRelayDeps = {
      ...{ starter: this.#repeater, clock: systemClock, tracer: this.#tracer },
      get bodyIdleTimeoutMs() {
        return live.current.http.bodyIdleTimeoutMs;
      },
      get halfClosedTimeoutMs() {
        return live.current.http.halfClosedTimeoutMs;
      },
      get sendTimeoutMs() {
        return live.current.http.sendTimeoutMs;
      },
      quotas: this.#quotas,
      nextId: () => this.#nextId(),
      get idleTimeoutMs() {
        return live.current.tcp.idleTimeoutMs;
      },
      onDone: (entry) => this.#done(entry),
    };
    return new HttpListener({
      ...{ listener, http: live.current.http, clock: systemClock },
      nextConnection: () => ++this.#lastConnection,
      onExchange: (exchange) => {
        this.#exchanges++;
        this.#relay(exchange, deps);
      },
      onRefused: (_connection, refusal) => this.#log.info({ listener: listener.name, ...refusal }, "refused"),
    });
  }

  /** A mistake of ours costs that client its connection, not the process. */
  #relay(exchange: Exchange, deps: RelayDeps & UpgradeRelayDeps): void {
    try {
      if (exchange.isUpgrade) relayUpgrade(exchange, deps);
      else relayExchange(exchange, deps);
    } catch (error) {
      this.#log.error({ error: String(error) }, "the router failed");
      exchange.connection.socket.destroy();
    }
  }

  #nextId(): string {
    return this.#idStart + (++this.#lastCall).toString(36);
  }

  #done(entry: AccessEntry): void {
    this.#callMetrics.done(entry.listener, entry);
    if (this.#accessLog.enabled) this.#accessLog.write(entry, moreOf(entry));
    if (--this.#exchanges === 0) this.#onIdle();
  }

  // -------------------------------------------------------------------------------------------- what people see

  #createAdmin(): StatusServer {
    return new StatusServer("admin port", {
      "/livez": () => text(200, "ok\n"),
      "/readyz": () => (this.#ready ? text(200, "ok\n") : text(503, "no active management connection\n")),
      "/metrics": async () => ({
        ...{ status: 200, contentType: this.#metrics.contentType, body: await this.#metrics.metrics() },
      }),
      "/statusz": () => json(this.#status()),
    });
  }

  #status(): object {
    return {
      ...{ role: "dmz", tunnel: this.#config.tunnel, instanceId: this.#instanceId, software, pid: process.pid },
      ...{ ready: this.#ready, draining: this.#draining, ports: this.ports },
      configuration: this.#live.status,
      exchanges: this.#exchanges,
      waitingCalls: this.#pool.waitingCount,
      spans: { waiting: this.#tracer?.waiting ?? 0, ...this.#spans },
      pool: { wanted: this.#pool.wanted, ...this.#pool.counters },
      memory: { budgetBytes: this.#budget.totalBytes, usedBytes: this.#budget.usedBytes },
      listeners: this.#listeners.map((listener) => ({ name: listener.listener, ...listener.stats })),
      intranetRouters: this.#registry.registrations.map((registration) => ({
        ...{ peer: registration.peer, state: registration.state, instanceId: registration.hello?.instanceId },
        ...{ software: registration.hello?.software, routes: registration.routeCount },
        ...{ roundTripMs: registration.roundTripMs, linksOnOrder: registration.linksOnOrder },
        lastOrderError: registration.lastOrderError,
        links: [...registration.links].map(({ linkId, state, callCount, queuedBytes, counters }) => ({
          ...{ linkId, state, calls: callCount, queuedBytes, counters },
        })),
      })),
    };
  }

  #measure(): void {
    collectDefaultMetrics({ register: this.#metrics });
    measureCertificates(this.#metrics, "dmz", () => this.#config.identity);
    const droppedHelp = "Bytes of the log that were dropped because nobody read it.";
    totalCounter(this.#metrics, "sallyport_log_dropped_bytes_total", droppedHelp, droppedLogBytes);
    const gauge = (name: string, help: string, read: () => number): void => liveGauge(this.#metrics, name, help, read);
    const counter = (name: string, help: string, read: () => number): void =>
      totalCounter(this.#metrics, name, help, read);
    gauge(
      "sallyport_management_connections",
      "R2s with an active management connection.",
      () => this.#registry.registrations.filter(({ state }) => state === "active").length,
    );
    gauge("sallyport_exchanges", "Calls under way: HTTP exchanges and byte streams.", () => this.#exchanges);
    gauge("sallyport_raw_calls", "Byte streams under way: TCP and TLS.", () => this.#counters.rawCalls);
    gauge("sallyport_waiting_calls", "Calls that wait for a link.", () => this.#pool.waitingCount);
    counter("sallyport_waited_calls_total", "Calls that had to wait for a link.", () => this.#pool.counters.waited);
    counter(
      "sallyport_waiting_timeouts_total",
      "Calls that found no link in time.",
      () => this.#pool.counters.timedOut,
    );
    counter("sallyport_waiting_full_total", "Calls that found no place to wait.", () => this.#pool.counters.turnedAway);
    counter(
      "sallyport_repeated_refused_total",
      "Calls sent elsewhere because R2 refused them.",
      () => this.#repeater.counters.refused,
    );
    counter(
      "sallyport_repeated_lost_total",
      "Idempotent calls repeated because their link broke.",
      () => this.#repeater.counters.lost,
    );
    gauge("sallyport_links_wanted", "Links the measured load asks for.", () => this.#pool.wanted);
    gauge("sallyport_links_max", "Links there may be at most.", () => this.#config.pool.max);
    counter("sallyport_links_ordered_total", "Links ordered from R2s.", () => this.#pool.counters.ordered);
    counter(
      "sallyport_links_surplus_total",
      "Links closed because they were not needed.",
      () => this.#pool.counters.surplus,
    );
    this.#measureQuotas();
    counter(
      "sallyport_tunnel_refused_total",
      "Connections to the tunnel's port that were refused.",
      () => this.#counters.tunnelRefused,
    );
    measureSpans(this.#metrics, this.#spans, () => this.#tracer?.waiting ?? 0);
    gauge("sallyport_client_connections", "Client connections.", () => this.#sum("connections"));
    counter(
      "sallyport_refused_requests_total",
      "Bytes that were no request, or no start of a TCP or TLS connection.",
      () => this.#sum("refused"),
    );
    counter("sallyport_dropped_connections_total", "Connections over the limit.", () => this.#sum("dropped"));
  }

  #measureQuotas(): void {
    const counter = (name: string, help: string, read: () => number): void =>
      totalCounter(this.#metrics, name, help, read);
    counter("sallyport_quota_tunnel_total", "Calls refused: too many at once.", () => this.#quotas.counters.tunnel);
    counter(
      "sallyport_quota_client_total",
      "Calls refused: too many at once of one client.",
      () => this.#quotas.counters.client,
    );
    counter(
      "sallyport_quota_rate_total",
      "Calls refused: too many a second of one client.",
      () => this.#quotas.counters.rate,
    );
  }

  #sum(key: "connections" | "refused" | "dropped"): number {
    return this.#listeners.reduce((sum, listener) => sum + listener.stats[key], 0);
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

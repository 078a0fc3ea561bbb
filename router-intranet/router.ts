import { randomUUID } from "node:crypto";
import { TunnelError } from "@sallyport/proto/error";
import { CallKind, type Open } from "@sallyport/proto/frame";
import type { Spans } from "@sallyport/proto/manage";
import { type IntranetConfig, parseIntranetConfig } from "@sallyport/proto/router-config";
import { AccessLog, jsonText } from "@sallyport/tunnel/access-log";
import { Budget } from "@sallyport/tunnel/budget";
import type { AcceptCall } from "@sallyport/tunnel/call";
import { CallMetrics } from "@sallyport/tunnel/call-metrics";
import { systemClock } from "@sallyport/tunnel/clock";
import { Complaints } from "@sallyport/tunnel/complaints";
import { dialGrpc } from "@sallyport/tunnel/grpc-client";
import { certificatesOf, spiffeId } from "@sallyport/tunnel/identity";
import type { Link } from "@sallyport/tunnel/link";
import { LinkMetrics, liveGauge } from "@sallyport/tunnel/link-metrics";
import { LiveConfig, type Loaded, type Reloaded } from "@sallyport/tunnel/live-config";
import { createLog, type Log } from "@sallyport/tunnel/log";
import type { RunningRouter } from "@sallyport/tunnel/process";
import { software } from "@sallyport/tunnel/software";
import { measureSpans, noSpans } from "@sallyport/tunnel/span-metrics";
import { json, StatusServer, text } from "@sallyport/tunnel/status-server";
import { YoungGarbage } from "@sallyport/tunnel/young-garbage";
import { Registry as MetricsRegistry } from "prom-client";
import type { CallDone } from "./call-done.ts";
import { allowAllButMetadata } from "./dial/address.ts";
import type { Destinations } from "./dial/destination.ts";
import { createDestinations } from "./dial/dialler.ts";
import { Streams } from "./dial/stream.ts";
import { envelopeCounter } from "./envelope-metrics.ts";
import { FramedEnvelope } from "./framed-envelope.ts";
import { pickBackend } from "./match/backend.ts";
import { compileRoutes } from "./match/compile.ts";
import { EnvelopeScanner, envelopeBytesMax } from "./match/envelope.ts";
import { type Match, match, matchEnvelope } from "./match/match.ts";
import { routeHashes } from "./match/route-hashes.ts";
import type { RoutingTable } from "./match/routing-table.ts";
import { noRoute } from "./no-route.ts";
import { createRelay, type Found, type NeedsEnvelope } from "./relay.ts";
import { acceptRaw, type FoundStream, type NeedsFirstEnvelope, type RawRelayDeps } from "./relay-raw.ts";
import { OperatorPort } from "./report/operator-port.ts";
import { configurationReport, routeSource, routeStates, uplinkStatus } from "./report-source.ts";
import { RouteQuotas } from "./route-quota.ts";
import { routeRejectionCounter } from "./route-quota-metrics.ts";
import { measureRouter } from "./router-metrics.ts";
import type { IntranetTracer } from "./tracing.ts";
import { PeerCertificates } from "./uplink/peer-certificates.ts";
import { Uplink } from "./uplink/uplink.ts";
import { type Endpoint, Uplinks } from "./uplink/uplinks.ts";

/** Loaded only where calls are traced. */
type TracingModule = typeof import("./tracing.ts");

/** How long spans may take to leave when R2 stops. */
const spansFlushMs = 2_000;

/** What a reload takes; the rest needs a restart. A new identity is shown on new connections. */
const liveFields = [
  "routes",
  "origin",
  "identity",
  "dmz",
  "destinations.responseTimeoutMs",
  "limits.drainMs",
  "log.level",
];

/** R2: composes the parts and dials its R1s for ever. */
export async function startIntranetRouter(input: unknown, onReady: (ready: boolean) => void): Promise<RunningRouter> {
  const config = parseIntranetConfig(input);
  const router = new IntranetRouter(config, onReady, config.tracing && (await import("./tracing.ts")));
  await router.start();
  return router;
}

class IntranetRouter implements RunningRouter {
  readonly ports: Record<string, number> = {};
  readonly #live: LiveConfig<IntranetConfig>;
  readonly #onReady: (ready: boolean) => void;
  readonly #log: Log;
  readonly #instanceId = randomUUID();
  readonly #metrics = new MetricsRegistry();
  readonly #budget: Budget;
  #table: RoutingTable;
  readonly #destinations: Destinations;
  readonly #streams: Streams;
  readonly #uplinks: Uplinks;
  readonly #admin: StatusServer;
  readonly #operators: OperatorPort;
  /** By the R1's name. */
  readonly #peerCertificates = new Map<string, PeerCertificates>();
  readonly #linkMetrics: LinkMetrics;
  readonly #callMetrics: CallMetrics;
  readonly #accessLog: AccessLog;
  readonly #countEnvelope: (done: CallDone) => void;
  readonly #routeQuotas = new RouteQuotas(systemClock);
  readonly #countRejection = routeRejectionCounter(this.#metrics);
  readonly #complaints = new Complaints(systemClock);
  readonly #spans = noSpans();
  readonly #tracer: IntranetTracer | undefined;
  #rawCalls = 0;
  #ready = false;
  #draining = false;
  #onNoLinks: () => void = () => {};

  constructor(config: IntranetConfig, onReady: (ready: boolean) => void, tracing: TracingModule | undefined) {
    this.#onReady = onReady;
    this.#log = createLog("r2", config.log.level);
    this.#accessLog = new AccessLog(this.#log, "r2");
    this.#live = new LiveConfig({
      ...{ initial: config, parse: parseIntranetConfig, live: liveFields, log: this.#log, metrics: this.#metrics },
      apply: (next, changed) => this.#apply(next, changed),
    });
    this.#budget = new Budget(config.limits.memoryBudgetBytes);
    this.#table = this.#compile(config);
    const { connectTimeoutMs, keepAliveTimeoutMs, connectionsMax } = config.destinations;
    this.#destinations = createDestinations({
      ...{ connectTimeoutMs, keepAliveTimeoutMs, connectionsMax, allowAddress: allowAllButMetadata },
    });
    this.#streams = new Streams({ connectTimeoutMs, connectionsMax, allowAddress: allowAllButMetadata });
    this.#linkMetrics = new LinkMetrics(this.#metrics, () => this.#links(), this.#budget);
    this.#callMetrics = new CallMetrics(this.#metrics, "route");
    this.#countEnvelope = envelopeCounter(this.#metrics);
    this.#tracer = tracing && this.#createTracer(tracing);
    this.#uplinks = this.#createUplinks();
    this.#admin = this.#createAdmin();
    this.#operators = this.#createOperatorPort();
    this.#measure();
  }

  get #config(): IntranetConfig {
    return this.#live.current;
  }

  async start(): Promise<void> {
    const { admin, operator } = this.#config;
    this.ports.admin = await this.#admin.listen(admin.address, admin.port);
    if (operator) this.ports.operator = await this.#operators.listen(operator.address, operator.port);
    this.#log.info({ ports: this.ports, tunnel: this.#config.tunnel, instance: this.#instanceId }, "started");
    this.#setEndpoints(this.#config);
  }

  /** R1s are told → links take no more calls → calls finish → all is closed. */
  async drain(): Promise<void> {
    const { drainMs } = this.#config.limits;
    this.#log.info({ drainMs }, "draining");
    this.#draining = true;
    this.#changed();
    this.#uplinks.drain(drainMs);
    await Promise.race([this.#noLinks(), after(drainMs)]);
    this.#uplinks.close();
    await Promise.race([Promise.all([this.#destinations.close(), this.#streams.close()]), after(1_000)]);
    await this.#tracer?.close(spansFlushMs);
    this.#operators.close();
    this.#admin.close();
    this.#log.info("stopped");
  }

  reload(loaded: Loaded): Reloaded {
    const outcome = this.#live.reload(loaded);
    this.#operators.changed("configuration");
    if (outcome.t !== "applied") return outcome;
    if (outcome.changed.some(isOfRoutes)) this.#operators.changed("routes");
    if (outcome.changed.some(isOfIdentity)) this.#renew(this.#config);
    if (outcome.changed.includes("dmz")) this.#setEndpoints(this.#config);
    return outcome;
  }

  #peerOf(name: string): PeerCertificates {
    const known = this.#peerCertificates.get(name);
    if (known) return known;
    const peer = new PeerCertificates();
    this.#peerCertificates.set(name, peer);
    return peer;
  }

  #setEndpoints({ dmz, limits }: IntranetConfig): void {
    for (const name of this.#peerCertificates.keys()) {
      if (!dmz.some((endpoint) => endpoint.name === name)) this.#peerCertificates.delete(name);
    }
    this.#uplinks.set(dmz, limits.drainMs);
  }

  /** New connections have it from now on; those that are there are replaced one by one. */
  #renew({ identity, limits }: IntranetConfig): void {
    const trustedCas = certificatesOf(identity.trustedCas);
    for (const { endpoint, uplink } of this.#uplinks.all) {
      const areTrusted = this.#peerOf(endpoint.name).areTrusted(trustedCas, new Date());
      uplink.renew(areTrusted, limits.drainMs);
    }
  }

  /** A call keeps the destination it has; the next one is found in the new table. */
  #apply(config: IntranetConfig, changed: readonly string[]): void {
    if (changed.some(isOfIdentity)) this.#operators.setIdentity(config.identity);
    this.#log.level = config.log.level;
    if (!changed.includes("routes")) return;
    this.#table = this.#compile(config);
    for (const { uplink } of this.#uplinks.all) uplink.reportRoutes();
  }

  #noLinks(): Promise<void> {
    return new Promise((resolve) => {
      this.#onNoLinks = resolve;
      if (this.#links().length === 0) resolve();
    });
  }

  #links(): Link[] {
    return this.#uplinks.links();
  }

  #compile(config: IntranetConfig): RoutingTable {
    const [namespace = "", name = ""] = config.tunnel.split("/");
    const table = compileRoutes(config.routes, { namespace, name });
    for (const { route, message } of table.problems) this.#log.warn({ route, problem: message }, "route");
    this.#routeQuotas.update(table.routes);
    return table;
  }

  #createTracer({ IntranetTracer }: TracingModule): IntranetTracer | undefined {
    const { tracing: config, tunnel } = this.#config;
    return (
      config &&
      new IntranetTracer({
        ...{ config, tunnel, instanceId: this.#instanceId, counters: this.#spans },
        ...{ log: this.#log, complaints: this.#complaints },
      })
    );
  }

  /** An R1 that was told that nobody takes them sends none. */
  #takeSpans(spans: Spans): void {
    if (this.#tracer) this.#tracer.forward(spans);
    else this.#spans.dropped += spans.count;
  }

  #createUplinks(): Uplinks {
    const accept = this.#createAccept();
    const onBytes = new YoungGarbage().moved;
    return new Uplinks({
      clock: systemClock,
      create: (endpoint) => this.#createUplink(endpoint, accept, onBytes),
      onChange: () => this.#changed(),
    });
  }

  #createUplink({ name, address, port }: Endpoint, accept: AcceptCall, onBytes: (bytes: number) => void): Uplink {
    const { trustDomain, tunnel, limits } = this.#config;
    const peerId = spiffeId(trustDomain, tunnel, "dmz");
    return new Uplink({
      ...{ name, tunnel, limits, software, accept, onBytes, instanceId: this.#instanceId, workerId: "0" },
      ...{ heartbeatMs: limits.heartbeatMs, clock: systemClock, budget: this.#budget, random: Math.random },
      dial: (method) =>
        dialGrpc(method, {
          ...{ address, port, peerId, identity: this.#config.identity },
          onPeer: (certificate) => this.#peerOf(name).saw(certificate),
        }),
      routes: () => routeHashes(this.#table),
      takesSpans: this.#tracer !== undefined,
      onSpans: (spans) => this.#takeSpans(spans),
      onState: (state, error) => {
        this.#log.info({ dmz: name, state: state.t, error: error?.message }, "uplink");
        this.#changed();
      },
      onLink: (link, error) => this.#linkChanged(name, link, error),
    });
  }

  #createAccept(): AcceptCall {
    const live = this.#live;
    const exchange = createRelay({
      ...{ destinations: this.#destinations, clock: systemClock, tracer: this.#tracer },
      get responseTimeoutMs() {
        return live.current.destinations.responseTimeoutMs;
      },
      find: (open) => this.#find(open),
      onDone: (done) => this.#done(done),
    });
    const raw: RawRelayDeps = {
      ...{ streams: this.#streams, clock: systemClock },
      find: (open) => this.#findStream(open),
      onDone: (done) => {
        this.#rawCalls--;
        this.#done(done);
      },
    };
    return (call, open) => {
      if (open.kind !== CallKind.raw) return exchange(call, open);
      this.#rawCalls++;
      return acceptRaw(call, open, raw);
    };
  }

  #linkChanged(dmz: string, link: Link, error: TunnelError | undefined): void {
    this.#log.debug({ dmz, link: link.linkId, state: link.state, error: error?.message }, "link");
    this.#operators.changed("uplinks");
    if (link.state !== "closed") return;
    this.#linkMetrics.closed(link, error);
    this.#uplinks.linkClosed();
    if (this.#links().length === 0) this.#onNoLinks();
  }

  #changed(): void {
    this.#operators.changed("uplinks");
    const ready = !this.#draining && this.#uplinks.all.every(({ uplink }) => uplink.active);
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#onReady(ready);
  }

  #createOperatorPort(): OperatorPort {
    const { trustDomain, tunnel, identity } = this.#config;
    return new OperatorPort({
      ...{ tunnel, identity, software, instanceId: this.#instanceId, clock: systemClock },
      peerId: spiffeId(trustDomain, tunnel, "operator"),
      source: {
        routes: () => routeStates(this.#config, this.#table),
        uplinks: () =>
          this.#uplinks.all.map(({ endpoint: { name }, uplink }) =>
            uplinkStatus(name, uplink, this.#peerOf(name).latest),
          ),
        configuration: () => configurationReport(this.#config, this.#live.status),
      },
      onStream: (peer, what, error) => this.#log.info({ peer, error: error?.message }, `operator ${what}`),
      onRefused: (peer, error) => {
        const times = this.#complaints.count(error.message);
        if (times > 0) this.#log.warn({ peer, times, error: error.message }, "operator refused");
      },
    });
  }

  #find(open: Open): Found | NeedsEnvelope {
    const table = this.#table;
    const found = match(table, open);
    if (found.t !== "needEnvelope") return this.#destinationOf(found, open);
    const { initialWindowBytes } = this.#config.limits;
    return {
      t: "needEnvelope",
      scanner: new EnvelopeScanner(found.form, table.askedHeaders, initialWindowBytes),
      decide: (envelope) => this.#destinationOf(matchEnvelope(table, open, envelope), open),
    };
  }

  #findStream(open: Open): FoundStream | NeedsFirstEnvelope {
    const table = this.#table;
    const { initialWindowBytes } = this.#config.limits;
    const found = match(table, open);
    if (found.t !== "needEnvelope") return this.#destinationOf(found, open);
    const scanner = new EnvelopeScanner(found.form, table.askedHeaders, initialWindowBytes);
    return {
      t: "needEnvelope",
      scanner: new FramedEnvelope(open.preamble, scanner, Math.min(initialWindowBytes, envelopeBytesMax)),
      decide: (envelope) => this.#destinationOf(matchEnvelope(table, open, envelope), open),
    };
  }

  #destinationOf(found: Match, open: Open): FoundDestination {
    if (found.t === "none") {
      return { t: "fail", error: noRoute(open, this.#table) };
    }
    const pick = pickBackend(found.route, Math.random);
    const route = found.route.key;
    if (pick.t === "none") return { t: "fail", error: new TunnelError("DESTINATION_UNREACHABLE", pick.message), route };
    const admitted = this.#routeQuotas.admit(route);
    if (admitted.t === "admitted") {
      const repeatable = found.route.document.spec.retry?.onLinkLoss === "Always";
      const { origin, proxyProtocol } = pick.backend;
      return { t: "destination", origin, route, repeatable, proxyProtocol, admission: admitted.admission };
    }
    this.#countRejection(route, admitted.limit);
    return { t: "fail", error: admitted.error, route };
  }

  #done(done: CallDone): void {
    const { error } = done;
    const entry = { ...done, error: error?.code ?? ("" as const) };
    this.#callMetrics.done(done.route, entry);
    this.#countEnvelope(done);
    if (error?.code.startsWith("DESTINATION_")) this.#complain(done.route, error);
    if (this.#accessLog.enabled) this.#accessLog.write(entry, moreOf(done));
  }

  #complain(route: string, error: TunnelError): void {
    const failures = this.#complaints.count(route);
    if (failures > 0) this.#log.warn({ route, failures, cause: causeOf(error) }, error.message);
  }

  // -------------------------------------------------------------------------------------------- what people see

  #createAdmin(): StatusServer {
    return new StatusServer("admin port", {
      "/livez": () => text(200, "ok\n"),
      "/readyz": () => (this.#ready ? text(200, "ok\n") : text(503, "not connected to every R1\n")),
      "/metrics": async () => ({
        ...{ status: 200, contentType: this.#metrics.contentType, body: await this.#metrics.metrics() },
      }),
      "/statusz": () => json(this.#status()),
    });
  }

  #status(): object {
    return {
      ...{ role: "intranet", tunnel: this.#config.tunnel, instanceId: this.#instanceId, software, pid: process.pid },
      ...{ ready: this.#ready, draining: this.#draining, ports: this.ports },
      memory: { budgetBytes: this.#budget.totalBytes, usedBytes: this.#budget.usedBytes },
      configuration: this.#live.status,
      spans: { waiting: this.#tracer?.waiting ?? 0, ...this.#spans },
      routes: routeHashes(this.#table),
      routeProblems: this.#table.problems,
      routeLimits: this.#routeQuotas.status,
      routeSource: routeSource(this.#config.origin),
      uplinksLeaving: this.#uplinks.leavingCount,
      uplinks: this.#uplinks.all.map(({ endpoint, uplink }) => ({
        ...{ dmz: endpoint.name, state: uplink.state.t, attempts: uplink.attempts },
        ...{ roundTripMs: uplink.roundTripMs, lastError: uplink.lastError?.message ?? "" },
        links: [...uplink.links].map(({ linkId, state, callCount, queuedBytes, counters }) => ({
          ...{ linkId, state, calls: callCount, queuedBytes, counters },
        })),
      })),
    };
  }

  #measure(): void {
    measureRouter(this.#metrics, {
      ...{ config: () => this.#config, uplinks: this.#uplinks, operators: this.#operators },
      routeCount: () => this.#table.routes.length,
    });
    measureSpans(this.#metrics, this.#spans, () => this.#tracer?.waiting ?? 0);
    liveGauge(this.#metrics, "sallyport_raw_calls", "Byte streams under way: TCP and TLS.", () => this.#rawCalls);
  }
}

/** What both relays are told of. */
type FoundDestination =
  | (Extract<FoundStream, { t: "destination" }> & { readonly repeatable: boolean })
  | Extract<Found, { t: "fail" }>;

function isOfRoutes(path: string): boolean {
  return path === "routes" || path.startsWith("origin.");
}

function isOfIdentity(path: string): boolean {
  return path.startsWith("identity.");
}

function causeOf(error: TunnelError | undefined): string | undefined {
  return error?.cause instanceof Error ? error.cause.message : undefined;
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function moreOf({ route, destination, envelope, error }: CallDone): string {
  const place = `,"route":"${route}","destination":${jsonText(destination)},"envelope":"${envelope}"`;
  if (error === undefined) return place;
  const cause = causeOf(error);
  return `${place},"detail":${jsonText(error.message)}${cause === undefined ? "" : `,"cause":${jsonText(cause)}`}`;
}

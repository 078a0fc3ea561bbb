import http, { type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OperatorMetrics } from "../../operator/metrics.ts";
import { alerts, alertsFile, panelQueries, selectors } from "./expressions.ts";
import { Prometheus } from "./prometheus.ts";
import { Routers } from "./routers.ts";

/**
 * The chart's dashboard and alerts against a real Prometheus that reads real routers. What routers do not serve are the
 * operator's own metrics, `sallyport_operator_…`: its registry serves them here without a cluster.
 */
const waitMs = 45_000;
const rateInterval = "10s";

let destination: Server;
let operator: Server;
let routers: Routers;
let prometheus: Prometheus;
let calls: Promise<void> | undefined;
let areCallsOver = false;

beforeAll(async () => {
  destination = await listen((request, response) => {
    request.resume().on("end", () => response.end("fine"));
  });
  operator = await listen(operatorPage());
  routers = await Routers.start(routes());
  const targets = [...routers.targets, { url: `${url(operator)}/metrics`, labels: {} }];
  prometheus = await Prometheus.start(targets, alertsFile);
});

afterAll(async () => {
  areCallsOver = true;
  await calls?.catch(() => {});
  await prometheus?.stop();
  await routers?.close();
  for (const server of [destination, operator]) {
    server?.closeAllConnections();
    server?.close();
  }
});

describe("a tunnel in good health", () => {
  it("is read by Prometheus, which has loaded every alert", async () => {
    const up = 'sum(up{router=~"r1|r2"})';
    await expect.poll(() => value(up), { timeout: waitMs }).toBe(4);
    const all = 'sum(sallyport_management_connections{router="r1"})';
    await expect.poll(() => value(all), { timeout: waitMs }).toBe(4);
    expect(await prometheus.alertNames()).toStrictEqual(
      alerts()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it("sets off no alert", async () => {
    calls = call(["/fine"]);
    await expect
      .poll(() => value('sum(rate(sallyport_calls_total{status="2xx"}[10s]))'), { timeout: waitMs })
      .toBeGreaterThan(0);
    expect(await firing()).toStrictEqual([]);
    areCallsOver = true;
    await calls;
  });
});

describe("a tunnel whose calls come to good and to bad ends", () => {
  beforeAll(() => {
    areCallsOver = false;
    calls = call(["/fine", "/broken", "/nowhere", "/soap"]);
  });

  for (const { name, expr } of panelQueries(rateInterval)) {
    it(`the panel "${name}" has data`, { timeout: waitMs + 5_000 }, async () => {
      await expect.poll(async () => (await prometheus.query(expr)).length, { timeout: waitMs }).toBeGreaterThan(0);
    });
  }

  const asked = new Set([...panelQueries(rateInterval), ...alerts()].flatMap(({ expr }) => selectors(expr)));
  for (const selector of asked) {
    it(`has series for ${selector}`, { timeout: waitMs + 5_000 }, async () => {
      await expect.poll(async () => (await prometheus.query(selector)).length, { timeout: waitMs }).toBeGreaterThan(0);
    });
  }

  it("sets off SallyportErrorRatio", { timeout: waitMs + 5_000 }, async () => {
    await expect.poll(firing, { timeout: waitMs }).toStrictEqual(["SallyportErrorRatio"]);
  });
});

describe("a tunnel that breaks", () => {
  it("sets off SallyportRoutesDiffer when an R2 has fewer routes", { timeout: waitMs + 5_000 }, async () => {
    await routers.writeRoutes(1, routes().slice(1));
    await expect.poll(firing, { timeout: waitMs }).toContain("SallyportRoutesDiffer");
  });

  it("sets off SallyportConfigRefused when a router refuses its routes", { timeout: waitMs + 5_000 }, async () => {
    await routers.writeRoutes(0, [{ kind: "TunnelRoute" }]);
    await expect.poll(firing, { timeout: waitMs }).toContain("SallyportConfigRefused");
  });

  it("sets off SallyportUplinkMissing and SallyportPairDown when an R1 dies", { timeout: waitMs + 5_000 }, async () => {
    routers.process("r1", 1).child.kill("SIGKILL");
    await expect.poll(firing, { timeout: waitMs }).toContain("SallyportUplinkMissing");
    await expect.poll(firing, { timeout: waitMs }).toContain("SallyportPairDown");
    expect(await firing()).not.toContain("SallyportTunnelDown");
  });

  it("sets off SallyportTunnelDown and SallyportCallsTurnedAway without R2s", { timeout: waitMs + 5_000 }, async () => {
    for (const pair of [0, 1]) routers.process("r2", pair).child.kill("SIGKILL");
    await expect.poll(firing, { timeout: waitMs }).toContain("SallyportTunnelDown");
    await expect.poll(firing, { timeout: waitMs }).toContain("SallyportCallsTurnedAway");
  });

  it("sets off SallyportTunnelDown when no R1 can be reached either", { timeout: waitMs + 5_000 }, async () => {
    routers.process("r1", 0).child.kill("SIGKILL");
    await expect.poll(() => value('sum(up{router="r1"})'), { timeout: waitMs }).toBe(0);
    expect(await firing()).toContain("SallyportTunnelDown");
  });
});

/** Alerts whose expression holds now, whatever their `for`. */
async function firing(): Promise<string[]> {
  const found = await Promise.all(
    alerts().map(async ({ name, expr }) => ({ name, isFiring: (await prometheus.query(expr)).length > 0 })),
  );
  return found.filter(({ isFiring }) => isFiring).map(({ name }) => name);
}

async function value(expr: string): Promise<number | undefined> {
  return (await prometheus.query(expr))[0]?.value;
}

function routes(): readonly object[] {
  const route = (name: string, matches: object[], to: string): object => ({
    ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name } },
    spec: { parentRefs: [{ name: "watched" }], matches, backendRefs: [{ url: to }] },
  });
  return [
    route("broken", [{ path: { value: "/broken" } }], "http://127.0.0.1:9"),
    route("fine", [{ path: { value: "/fine" } }], url(destination)),
    route("soap", [{ path: { value: "/soap" }, soap: { header: { name: "Name", value: "test" } } }], url(destination)),
  ];
}

const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><Name>test</Name></s:Header><s:Body/></s:Envelope>`;

/** Calls one after the other through both R1s, in turn, until told to stop. A dead R1 is no matter. */
async function call(paths: readonly string[]): Promise<void> {
  for (let i = 0; !areCallsOver; i++) {
    const path = paths[i % paths.length]!;
    for (const pair of [0, 1]) {
      const request = { method: "POST", body: envelope, headers: { "content-type": "text/xml" } };
      await fetch(routers.url(pair) + path, request).then(
        (response) => response.text(),
        () => {},
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The operator's registry as it serves it. */
function operatorPage(): http.RequestListener {
  const metrics = new OperatorMetrics();
  metrics.leader.set(1);
  metrics.queueDepth.set(0);
  metrics.tunnels.set({ condition: "Ready", status: "True" }, 1);
  metrics.routes.set({ condition: "Programmed", status: "True" }, 3);
  return (_, response) => {
    // As the operator counts while it works.
    metrics.reconciles.inc({ outcome: "ok" });
    metrics.reconciles.inc({ outcome: "error" }, 0);
    metrics.reconcileSeconds.observe(0.02);
    metrics.writes.inc({ verb: "patch", kind: "Deployment" });
    void metrics.registry.metrics().then((page) => response.end(page));
  };
}

async function listen(listener: http.RequestListener): Promise<Server> {
  const server = http.createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return server;
}

function url(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

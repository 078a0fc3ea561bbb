import { expect, it } from "vitest";
import { dmzConfig, intranetConfig } from "./router-start.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";

const identity = { certificateChain: "chain", privateKey: "key", trustedCas: "cas" };
const settings = { address: "0.0.0.0", verbose: false };
const plan: TunnelPlan = {
  tunnel: "default/sample",
  label: "sample",
  pairs: 2,
  listeners: [{ name: "http", protocol: "HTTP", port: 8080 }],
  pool: { min: 3, max: 5 },
  quotas: { callsMax: 7, callsPerClientMax: 5, callsPerSecondPerClient: 3 },
  waiting: { callsMax: 2, timeout: "1s500ms" },
  routes: [],
};

it("R1 0 listens on the ports of the documents, its tunnel and admin ports are free ones of this machine alone", () => {
  const config = dmzConfig(plan, settings, { index: 0, ports: {}, healthPort: 8085, identity });
  expect(config).toMatchObject({
    tunnel: "default/sample",
    trustDomain: "sallyport",
    identity,
    listeners: [{ name: "http", protocol: "HTTP", address: "0.0.0.0", port: 8080 }],
    health: { address: "0.0.0.0", port: 8085 },
    tunnelEndpoint: { address: "127.0.0.1", port: 0 },
    admin: { address: "127.0.0.1", port: 0 },
    pool: { min: 3, max: 5 },
    quotas: { callsMax: 7, callsPerClientMax: 5, callsPerSecondPerClient: 3 },
    waiting: { callsMax: 2, timeoutMs: 1_500 },
    log: { level: "warn" },
  });
  expect(config.limits.drainMs).toBe(5_000);
});

it("the other R1s listen on free ports", () => {
  const config = dmzConfig(plan, settings, { index: 1, ports: {}, healthPort: 0, identity });
  expect(config.listeners.map(({ port }) => port)).toStrictEqual([0]);
  expect(config.health.port).toBe(0);
});

it("an R1 that is started again has every port it had", () => {
  const ports = { http: 40001, health: 40002, admin: 40003, tunnel: 40004 };
  const config = dmzConfig(plan, settings, { index: 1, ports, healthPort: 0, identity });
  expect([config.listeners[0]?.port, config.health.port, config.admin.port, config.tunnelEndpoint.port]).toStrictEqual([
    40001, 40002, 40003, 40004,
  ]);
});

it("an R2 connects to every R1 and has the tunnel's routes", () => {
  const config = intranetConfig(
    plan,
    { ...settings, verbose: true },
    {
      ports: { admin: 40005 },
      dmzPorts: [7000, 7001],
      routes: [],
      identity,
    },
  );
  expect(config).toMatchObject({
    tunnel: "default/sample",
    identity,
    dmz: [
      { name: "R1 0", address: "127.0.0.1", port: 7000 },
      { name: "R1 1", address: "127.0.0.1", port: 7001 },
    ],
    routes: [],
    admin: { address: "127.0.0.1", port: 40005 },
    log: { level: "debug" },
  });
});

it("calls are traced if there is somewhere for the spans to go, and else not at all", () => {
  const r1 = { index: 0, ports: {}, healthPort: 0, identity };
  const r2 = { ports: {}, dmzPorts: [7000], routes: [], identity };
  const traced = { ...settings, otlp: "http://localhost:4318" };
  expect(dmzConfig(plan, traced, r1).tracing).toMatchObject({ sampleRatio: 1, batchDelayMs: 500 });
  expect(intranetConfig(plan, traced, r2).tracing?.otlp.url).toBe("http://localhost:4318");
  expect([dmzConfig(plan, settings, r1).tracing, intranetConfig(plan, settings, r2).tracing]).toStrictEqual([
    undefined,
    undefined,
  ]);
});

import { expect, it } from "vitest";
import { adminListing, dmzListing, sampleListing, url } from "./listing.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";

const plan: TunnelPlan = {
  tunnel: "default/sample",
  label: "sample",
  pairs: 1,
  listeners: [
    { name: "http", protocol: "HTTP", port: 8080 },
    { name: "more", protocol: "HTTP", port: 8081 },
  ],
  pool: { min: 2, max: 16 },
  quotas: { callsMax: 7, callsPerClientMax: 5, callsPerSecondPerClient: 3 },
  waiting: { callsMax: 2, timeout: "1s500ms" },
  routes: [],
};
const ports = { http: 8080, more: 8081, health: 8085, admin: 40001, tunnel: 40002 };

it("tells where an R1 listens, one line each", () => {
  expect(dmzListing(plan, "R1 0", "127.0.0.1", ports)).toStrictEqual([
    "listening  http://localhost:8080  (tunnel sample, listener http, R1 0)",
    "listening  http://localhost:8081  (tunnel sample, listener more, R1 0)",
    "health     http://localhost:8085/healthcheck  (tunnel sample, R1 0)",
    "admin      http://localhost:40001/statusz  (tunnel sample, R1 0)",
  ]);
});

it("tells where an R2's admin port is", () => {
  expect(adminListing(plan, "R2 0", { admin: 40003 })).toStrictEqual([
    "admin      http://localhost:40003/statusz  (tunnel sample, R2 0)",
  ]);
});

it("writes addresses as a client on this machine would", () => {
  expect(["127.0.0.1", "0.0.0.0", "::", "::1", "10.1.2.3"].map((address) => url(address, 80))).toStrictEqual([
    "http://localhost:80",
    "http://localhost:80",
    "http://localhost:80",
    "http://[::1]:80",
    "http://10.1.2.3:80",
  ]);
});

it("tells what to try with the sample", () => {
  expect(sampleListing(plan, "127.0.0.1", ports)).toStrictEqual([
    "try: curl 'http://localhost:8080/calculator/add?a=2&b=3'",
    `try: curl -H 'Content-Type: text/xml; charset=utf-8' -H 'SOAPAction: "http://sallyport.dev/examples/calculator/ICalculator/Add"' -d '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><Add xmlns="http://sallyport.dev/examples/calculator"><a>2</a><b>3</b></Add></Body></Envelope>' http://localhost:8080/calculator`,
    "try: curl 'http://localhost:8080/calculator?wsdl'",
    "try: curl http://localhost:8085/healthcheck",
  ]);
});

it("writes a listener for bytes with what its clients speak", () => {
  const streams = { ...plan, listeners: [{ name: "db", protocol: "TCP" as const, port: 5432 }] };
  expect(dmzListing(streams, "R1 0", "127.0.0.1", { db: 5432 })).toStrictEqual([
    "listening  tcp://localhost:5432  (tunnel sample, listener db, R1 0)",
  ]);
});

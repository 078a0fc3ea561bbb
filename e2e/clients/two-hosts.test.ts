import { afterAll, beforeAll, expect, it } from "vitest";
import { DevProcess, freePort } from "../local/dev-process.ts";
import { batch, Mono, type WcfHost } from "./mono.ts";
import { here, run } from "./program.ts";

/** One address for clients, two WCF hosts behind it: `<ClientRouteName>` in the SOAP header, or the path, decides. */

const names = ["east", "west"];

let mono: Mono;
let hosts: WcfHost[];
let dev: DevProcess;
let tunnel: string;

beforeAll(async () => {
  mono = await Mono.build();
  const tunnelPort = await freePort();
  tunnel = `http://127.0.0.1:${tunnelPort}/bench`;
  hosts = await Promise.all(names.map(async (name) => mono.host(name, await freePort(), tunnel)));
  const routes = hosts.map(({ base }, at) => route(names[at]!, new URL(base).origin));
  dev = await DevProcess.ready([reverseTunnel(tunnelPort), ...routes].join("---\n"));
});

afterAll(async () => {
  await Promise.all([dev?.stop(), mono?.close()]);
});

function reverseTunnel(port: number): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: test }
spec:
  pairs: 1
  dmz:
    listeners: [{ name: http, protocol: HTTP, port: ${port} }]
`;
}

function route(name: string, url: string): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: ${name} }
spec:
  parentRefs: [{ name: test }]
  matches:
    - soap: { header: { name: ClientRouteName, namespace: "http://sallyport.dev/e2e/route", value: ${name} } }
    - headers: [{ name: X-Bench-Host, value: ${name} }]
  backendRefs: [{ url: "${url}" }]
`;
}

it.each(["basic", "streamed", "ws"])("T9: WCF over %s reaches the host that its header names", async (binding) => {
  const call = { binding, address: `${tunnel}/${binding}` };
  const lines = await Promise.all(names.map((route) => mono.client({ ...call, route })));
  expect(lines).toEqual([["host: east"], ["host: west"]]);
});

const others = [
  ["zeep", "/usr/bin/python3", "python/client.py"],
  ["PHP", "php", "php/client.php"],
] as const;

it.each(others)("T9: %s reaches the host that its header names", async (_name, command, script) => {
  for (const binding of ["basic", "ws"]) {
    const address = `${tunnel}/${binding}`;
    const args = [here(script), here("bench.wsdl"), binding, address, address, batch()];
    const lines = await Promise.all(names.map((route) => run(command, [...args, route])));
    expect(lines).toEqual([["host: east"], ["host: west"]]);
  }
});

it.each(others)("T9: %s gets a fault that says so for a header that no route names", async (_name, command, script) => {
  for (const binding of ["basic", "ws"]) {
    const address = `${tunnel}/${binding}`;
    const args = [here(script), here("bench.wsdl"), binding, address, address, batch(), "north"];
    const code = binding === "basic" ? "Client" : "Sender";
    expect(await run(command, args)).toEqual([
      expect.stringMatching(
        `^host: fault, code ${code}, reason no route takes POST /bench/${binding} on listener http`,
      ),
    ]);
  }
});

it("T9: a GET, which has no envelope, goes by what else a route matches", async () => {
  const addresses = await Promise.all(
    hosts.map(async (_host, at) => {
      const reply = await fetch(`${tunnel}?wsdl`, { headers: { "X-Bench-Host": names[at]! } });
      return /location="([^"]*)\/basic"/.exec(await reply.text())?.[1];
    }),
  );
  expect(addresses).toEqual(hosts.map(({ base }) => base));
});

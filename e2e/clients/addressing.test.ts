import { afterAll, beforeAll, expect, it } from "vitest";
import { DevProcess, documents, freePort } from "../local/dev-process.ts";
import { batch, Mono, type WcfHost } from "./mono.ts";
import { here, run } from "./program.ts";

/**
 * What a WCF service that was told nothing of the tunnel makes of WS-Addressing's To. Mono's own client takes no address
 * besides To over HTTP, so the clients are zeep and PHP, which take both: what WCF calls address and via.
 */

let mono: Mono;
let host: WcfHost;
let dev: DevProcess;

beforeAll(async () => {
  mono = await Mono.build();
  host = await mono.host("plain", await freePort());
  dev = await DevProcess.ready(documents(await freePort(), new URL(host.base).origin));
});

afterAll(async () => {
  await Promise.all([dev?.stop(), mono?.close()]);
});

/** Name, program, script, and how it prints a fault without detail. */
type Client = readonly [name: string, command: string, script: string, none: string];

const clients: readonly Client[] = [
  ["zeep", "/usr/bin/python3", "python/client.py", "[]"],
  ["PHP", "php", "php/client.php", "none"],
];

/** What comes of one call through the tunnel. */
function call([, command, script]: Client, to: string): Promise<string[]> {
  return run(command, [here(script), here("bench.wsdl"), "ws", `${dev.url()}/bench/ws`, to, batch(), "any"]);
}

it.each(clients)("T1: %s reaches it with the service's own address in To", async (...client) => {
  expect(await call(client, `${host.base}/ws`)).toEqual(["host: plain"]);
});

it.each(clients)(
  "T1: %s reaches it with another host name in To, and the service's port and path",
  async (...client) => {
    expect(await call(client, `http://bench.example.com:${new URL(host.base).port}/bench/ws`)).toEqual(["host: plain"]);
  },
);

it.each(clients)("T1: %s is refused with another port or path in To, and the fault arrives", async (...client) => {
  for (const to of [`${dev.url()}/bench/ws`, `${host.base}/other`]) {
    const reason =
      `The request message has the target '${to}' with action 'http://sallyport.dev/e2e/bench/IBench/WhoAmI' ` +
      "which is not reachable in this service contract";
    expect(await call(client, to)).toEqual([`host: fault, code Sender, reason ${reason}, why ${client[3]}`]);
  }
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevProcess, documents, freePort } from "../local/dev-process.ts";
import { Mono, type WcfHost } from "./mono.ts";

/** WCF on Mono at both ends. Each scenario runs twice, straight to the host and through the tunnel. */

const internalError =
  "The server was unable to process the request due to an internal error.  The server may be able to return exception " +
  "details (it depends on the server settings).";

/** What the client prints whatever its binding is. */
const everything = [
  "add: 5",
  "reverse: Søren & <co>: c b a",
  'text: tab\t, quote ", ångström, 漢字, 😀',
  "divide: 3",
  "divide by 0: Refusal, code Sender, reason cannot divide, why b is 0",
  "add after a fault: 42",
  `crash: fault, code InternalServiceFault, reason ${internalError}`,
  "echo 1 MB: 1000000 D7-AD-D5-5E-9E-60-01-1E",
  "echo 1 MB of text: 500000",
  `one-way: ${Array.from({ length: 50 }, (_, at) => at + 1)}`,
];

let mono: Mono;
let dev: DevProcess;
/** Its endpoints with WS-Addressing have the tunnel's address, and listen elsewhere. */
let host: WcfHost;
/** The same service, with the address where it listens. */
let plain: WcfHost;
let tunnel: string;

beforeAll(async () => {
  mono = await Mono.build();
  const [tunnelPort, hostPort] = [await freePort(), await freePort()];
  tunnel = `http://127.0.0.1:${tunnelPort}/bench`;
  host = await mono.host("public", hostPort, tunnel);
  plain = await mono.host("plain", await freePort());
  dev = await DevProcess.ready(documents(tunnelPort, `http://127.0.0.1:${hostPort}`));
});

afterAll(async () => {
  await Promise.all([dev?.stop(), mono?.close()]);
});

/** At once: most of the time goes into one-way calls, which Mono's host takes one by one, 100 ms each. */
describe.concurrent("a client that changes nothing but an address", () => {
  const bindings = ["basic", "streamed", "ws (WS-Addressing)", "binary (WS-Addressing)"];

  it.each(bindings)("T5: over %s sees the same through the tunnel", async (name) => {
    const [binding = ""] = name.split(" ");
    const [direct, through] = await Promise.all([
      mono.client({ binding, address: `${plain.base}/${binding}` }),
      mono.client({ binding, address: `${tunnel}/${binding}` }),
    ]);
    expect({ direct, through }).toEqual({ direct: everything, through: everything });
  });
});

describe("what a service says before any call", () => {
  async function read(url: string, init?: RequestInit): Promise<unknown> {
    const reply = await fetch(url, init);
    return {
      status: [reply.status, reply.statusText],
      type: reply.headers.get("content-type"),
      body: await reply.text(),
    };
  }

  it("T1: ?wsdl is the same through the tunnel, and names the service's own address", async () => {
    const [direct, through] = await Promise.all([read(`${host.base}?wsdl`), read(`${tunnel}?wsdl`)]);
    expect(through).toEqual(direct);
    expect(through).toMatchObject({ status: [200, "OK"], body: expect.stringContaining(`"${host.base}/basic"`) });
  });

  it("T1: a refusal by status and reason alone arrives with its reason", async () => {
    const init = { method: "POST", body: "x", headers: { "Content-Type": "text/plain" } };
    const [direct, through] = await Promise.all([read(`${host.base}/basic`, init), read(`${tunnel}/basic`, init)]);
    expect(through).toEqual(direct);
    const reason = "Expected content-type 'text/xml; charset=utf-8' but got 'text/plain'";
    expect(through).toMatchObject({ status: [415, reason] });
  });
});

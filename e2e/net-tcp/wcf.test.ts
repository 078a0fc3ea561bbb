import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevProcess, freePort } from "../local/dev-process.ts";
import { type Ports, WcfProcesses } from "./wcf-processes.ts";

/** NetTcpBinding on Mono at both ends, straight to the host and through the tunnel. */

/** What the messages say they are for; nothing listens there. */
const address = "net.tcp://calc.example:808/wcf";

const everything = [
  "add: 5",
  "divide by 0: Refusal, code Sender, reason cannot divide, why b is 0",
  "add after a fault: 42",
  `one-way: ${Array.from({ length: 50 }, (_, at) => at + 1)}`,
  "echo 8 MB: 8000000 C2-66-7A-8D-F8-87-5D-89",
  "close: Closed",
  "session: 1 11 111, told 5, heard 1 2 3 4 5",
  `20 sessions: ${Array.from({ length: 20 }, () => "ok").join(" ")}`,
];

let wcf: WcfProcesses;
let dev: DevProcess;
const east = await ports();
const west = await ports();
/** Of the tunnel: its listeners, by what their routes ask for. */
const [byVia, byAction, byHeader] = [await freePort(), await freePort(), await freePort()];

async function ports(): Promise<Ports> {
  return { bench: await freePort(), counter: await freePort() };
}

function route(name: string, listener: string, port: number, matches: string): string {
  return `---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: ${name} }
spec:
  parentRefs: [{ name: test, sectionName: ${listener} }]
  matches: ${matches}
  backendRefs: [{ url: "net.tcp://127.0.0.1:${port}" }]
`;
}

const documents = `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: test }
spec:
  pairs: 1
  dmz:
    listeners:
      - { name: by-via, protocol: NetTCP, port: ${byVia} }
      - { name: by-action, protocol: NetTCP, port: ${byAction} }
      - { name: by-header, protocol: NetTCP, port: ${byHeader} }
${[
  route("bench", "by-via", east.bench, "[{ path: { value: /wcf/bench } }]"),
  route("counter", "by-via", east.counter, "[{ path: { value: /wcf/counter } }]"),
  route("who", "by-action", east.bench, "[{ soap: { action: { type: Contains, value: /WhoAmI } } }]"),
  route("tally", "by-action", west.bench, "[{ soap: { action: { type: Contains, value: /Tally } } }]"),
  route("east", "by-header", east.bench, "[{ soap: { header: { name: ClientRouteName, value: east } } }]"),
  route("west", "by-header", west.bench, "[{ soap: { header: { name: ClientRouteName, value: west } } }]"),
].join("")}`;

beforeAll(async () => {
  wcf = await WcfProcesses.build();
  await Promise.all([wcf.host("east", address, east), wcf.host("west", address, west)]);
  dev = await DevProcess.ready(documents);
});

afterAll(async () => {
  await Promise.all([dev?.stop(), wcf?.close()]);
});

describe("a client of NetTcpBinding", () => {
  // Mono's client now and then trips over itself where many sessions open at once, without a tunnel too.
  it("T5: sees the same through the tunnel, its via other than what its messages are for", { retry: 2 }, async () => {
    const direct = await wcf.client(east, address, "all");
    const through = await wcf.client({ bench: byVia, counter: byVia }, address, "all");
    expect({ direct, through }).toEqual({ direct: everything, through: everything });
  });

  it("T9: reaches the host that the first message's action names", async () => {
    const lines = await wcf.client({ bench: byAction, counter: byAction }, address, "who", "tally", "who");
    expect(lines).toEqual(["who: east", "tally: west", "who: east"]);
  });

  it("T9: reaches the host that the header ClientRouteName names", async () => {
    const lines = await wcf.client({ bench: byHeader, counter: byHeader }, address, "route=west", "route=east");
    expect(lines).toEqual(["route: west", "route: east"]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevProcess, freePort } from "../local/dev-process.ts";
import { CountedWay } from "./counted-way.ts";
import { JavaProgram } from "./java-program.ts";
import { type Keys, makeKeys } from "./keys.ts";
import { type Played, play } from "./play.ts";
import { fault, type Scenario, scenarios, soap11, soap12 } from "./scenarios.ts";
import { documents } from "./tunnel-documents.ts";

/**
 * Apache CXF, service and client. The client plays each scenario twice, directly and through the tunnel, over each of
 * its two ways to speak HTTP; nothing but the address differs.
 */

let keys: Keys;
let service: JavaProgram;
let client: JavaProgram;
let tunnel: DevProcess;
let direct: string;
let through: string;

beforeAll(async () => {
  keys = await makeKeys();
  const port = await freePort();
  direct = `http://127.0.0.1:${port}`;
  // One after the other: whatever has started by the time that something fails is known, and ended.
  service = await JavaProgram.start("ServiceHost", [String(port), keys.folder], keys.password);
  client = await JavaProgram.start("ClientMain", [keys.folder], keys.password);
  tunnel = await DevProcess.ready(documents(await freePort(), direct, await freePort()));
  // The same host name on both ways.
  through = tunnel.url().replace("localhost", "127.0.0.1");
});

afterAll(async () => {
  await Promise.all([tunnel?.stop(), client?.stop(), service?.stop()]);
  await keys?.remove();
});

describe.each(["httpclient", "urlconnection"])("Apache CXF over %s", (conduit) => {
  const played = (name: string, base: string): Promise<Played> => play(client, service, { conduit, name, base });

  it.each(scenarios)("$title", async ({ name, result }: Scenario) => {
    const directly = await played(name, direct);
    expect(directly.result).toEqual(result);
    const { requests, responses } = directly;
    expect(await played(name, through)).toMatchObject({ result: directly.result, requests, responses, changed: [] });
  });

  it.each(["100kB-with-length", "mtom-5MB-with-length"])("T1: %s reaches the service with its length", async (name) => {
    const { headerNames } = await played(name, through);
    expect([headerNames.includes("content-length"), headerNames.includes("transfer-encoding")]).toEqual([true, false]);
  });

  it("T3: keeps its connection through 200 calls", async () => {
    const counts = [];
    for (const base of [direct, through]) {
      const way = await CountedWay.to(base);
      await played("200-in-a-row", way.url);
      counts.push(way.connections);
      way.close();
    }
    expect(counts).toEqual([1, 1]);
  });

  it("T1: is told of the tunnel's own errors in SOAP 1.1", async () => {
    const { result } = await played("tunnel-faults", through);
    expect(withoutCallIds(result)).toEqual([noRoute(`${soap11}Client`), unreachable(`${soap11}Server`)]);
  });

  it("T1: is told of the tunnel's own errors in SOAP 1.2", async () => {
    const { result } = await played("tunnel-faults12", through);
    expect(withoutCallIds(result)).toEqual([noRoute(`${soap12}Sender`), unreachable(`${soap12}Receiver`)]);
  });
});

it("T1: Java's HttpClient offers HTTP/2, and its call goes through without the offer", async () => {
  const at = (base: string) => play(client, service, { conduit: "httpclient", name: "offers-http2", base });
  const [directly, tunnelled] = [await at(direct), await at(through)];
  expect(directly.result).toEqual([200, "HTTP_1_1", expect.stringContaining("<return>h2c?</return>")]);
  expect(tunnelled.result).toEqual(directly.result);
  expect(tunnelled.requests).toEqual(directly.requests);
  const isOffer = (name: string) => name === "upgrade" || name === "http2-settings";
  expect(directly.headerNames.filter(isOffer).sort()).toEqual(["http2-settings", "upgrade"]);
  expect(tunnelled.headerNames.filter(isOffer)).toEqual([]);
});

it("T1: the WSDL is the same but for the caller's address", async () => {
  const [directly, tunnelled] = await Promise.all([direct, through].map((base) => text(`${base}/plain?wsdl`)));
  expect(directly).toContain(`<soap:address location="${direct}/plain"/>`);
  expect(tunnelled).toBe(directly!.replaceAll(direct, through));
});

async function text(url: string): Promise<string> {
  return (await fetch(url)).text();
}

function noRoute(code: string): unknown {
  return fault(code, "no route takes POST /nowhere on listener http", [detail("NO_ROUTE")]);
}

function unreachable(code: string): unknown {
  return fault(code, expect.stringMatching(/^route default\/nobody: /), [detail("DESTINATION_UNREACHABLE")]);
}

function detail(code: string): unknown {
  return { name: "{http://sallyport.dev/error}error", attributes: { code, callId: "some" }, text: "" };
}

function withoutCallIds(result: unknown): unknown {
  return JSON.parse(JSON.stringify(result).replaceAll(/"callId":"[^"]+"/g, '"callId":"some"'));
}

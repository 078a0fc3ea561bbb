import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { unknownLength } from "./destination.ts";
import { closeDiallers, destinations, ways } from "./testing/diallers.ts";
import { closeLoopbacks, start } from "./testing/loopback.ts";
import { Recorder, requestTo } from "./testing/recorder.ts";
import { type Certificate, selfSigned } from "./testing/self-signed.ts";

let named: Certificate;
let addressed: Certificate;

beforeAll(async () => {
  named = await selfSigned([{ type: "dns", value: "localhost" }]);
  addressed = await selfSigned([{ type: "ip", value: "127.0.0.1" }]);
});

afterEach(async () => {
  await closeLoopbacks();
  await closeDiallers();
});

describe.each(ways)("T2: TLS to a destination (%s)", (_, header) => {
  const headers = ["Host", "public.example", ...header];

  async function call(origin: string, trustedCas?: string) {
    const dialler = destinations(trustedCas === undefined ? {} : { trustedCas });
    const seen = new Recorder();
    dialler.exchange(requestTo(origin, { headers }), seen).end([]);
    return seen.end();
  }

  test("checks and names the route's host, and leaves the client's Host header alone", async () => {
    const server = await serveTls(named);
    const seen = await call(server.origin.replace("127.0.0.1", "localhost"), named.cert);
    expect(seen.summary()).toMatchObject({ status: 200, body: "localhost public.example", failed: undefined });
  });

  test("to an address checks the address and sends no name", async () => {
    const server = await serveTls(addressed);
    const seen = await call(server.origin, addressed.cert);
    expect(seen.summary()).toMatchObject({ status: 200, body: "false public.example", failed: undefined });
  });

  test("fails if the certificate names another host", async () => {
    const server = await serveTls(named);
    expect((await call(server.origin, named.cert)).summary().failed).toBe(
      "DESTINATION_UNREACHABLE: route default/calc: TLS with the destination failed (ERR_TLS_CERT_ALTNAME_INVALID); " +
        "see its certificate's names and the CA that signed it",
    );
  });

  test("fails if nobody trusted signed the certificate", async () => {
    const server = await serveTls(named);
    const { failed } = (await call(server.origin.replace("127.0.0.1", "localhost"))).summary();
    expect(failed).toContain("DESTINATION_UNREACHABLE: route default/calc: TLS with the destination failed");
  });
});

function serveTls(certificate: Certificate) {
  const server = createServer(certificate, (request: IncomingMessage, response) => {
    response
      .setHeader("Connection", "close")
      .end(`${(request.socket as TLSSocket).servername} ${request.headers.host}`);
  });
  return start(server, "https");
}

test("T4: an upload over TLS that is answered and closed unread ends with the answer", async () => {
  const server = await serveTls(named);
  const seen = new Recorder();
  const dialler = destinations({ trustedCas: named.cert });
  const request = { method: "POST", headers: ["Host", "calc"], bodyBytes: unknownLength };
  const exchange = dialler.exchange(requestTo(server.origin.replace("127.0.0.1", "localhost"), request), seen);
  for (let sent = 0; !seen.over; await new Promise((resolve) => setImmediate(resolve))) {
    for (; sent < seen.bytesSent + 256 * 1024; sent += 64 * 1024) exchange.write(Buffer.alloc(64 * 1024));
  }
  expect(seen.summary()).toMatchObject({ status: 200, body: "localhost calc", failed: undefined });
});

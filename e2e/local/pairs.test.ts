import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { createAuthority } from "@sallyport/cli/identity";
import { startDmzRouter } from "@sallyport/router-dmz/router";
import { startIntranetRouter } from "@sallyport/router-intranet/router";
import type { RunningRouter } from "@sallyport/tunnel/process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** R1s come and go while an R2 runs. */

const tunnel = "default/partners";
const authority = await createAuthority("sallyport", tunnel);
const [dmz, intranet] = [await authority.issue("dmz"), await authority.issue("intranet")];
const anyPort = { address: "127.0.0.1", port: 0 };

let release = (): void => {};
const released = new Promise<void>((resolve) => {
  release = resolve;
});
const service = http.createServer((request, response) => {
  request.resume();
  if (request.url === "/slow") void released.then(() => response.end("slow"));
  else response.end("done");
});
let first: RunningRouter;
let second: RunningRouter;
let r2: RunningRouter;

function startR1(): Promise<RunningRouter> {
  const config = {
    ...{ tunnel, identity: dmz, tunnelEndpoint: anyPort, health: anyPort, admin: anyPort, log: { level: "error" } },
    listeners: [{ name: "http", protocol: "HTTP", ...anyPort }],
    limits: { drainNoticeMs: 0, drainMs: 1_000 },
  };
  return startDmzRouter(config, () => {});
}

function intranetConfig(r1s: readonly RunningRouter[]) {
  const { port } = service.address() as AddressInfo;
  return {
    ...{ tunnel, identity: intranet, admin: anyPort, log: { level: "error" }, limits: { drainMs: 20_000 } },
    dmz: r1s.map(({ ports }) => ({ name: `r1 at ${ports.tunnel}`, address: "127.0.0.1", port: ports.tunnel! })),
    routes: [
      {
        ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name: "all" } },
        spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: `http://127.0.0.1:${port}` }] },
      },
    ],
  };
}

beforeAll(async () => {
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  [first, second] = await Promise.all([startR1(), startR1()]);
  r2 = await startIntranetRouter(intranetConfig([first]), () => {});
});

afterAll(async () => {
  await Promise.all([r2?.drain(), first?.drain(), second?.drain()]);
  service.closeAllConnections();
  service.close();
});

const page = async (router: RunningRouter, path: string) =>
  (await fetch(`http://127.0.0.1:${router.ports.admin}${path}`)).text();

async function isActive(r1: RunningRouter, expected: boolean): Promise<void> {
  const look = async () => (await page(r1, "/readyz")).startsWith("ok");
  await expect.poll(look, { timeout: 10_000, interval: 20 }).toBe(expected);
}

async function call(r1: RunningRouter, path = "/"): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${r1.ports.http}${path}`);
  return `${response.status} ${await response.text()}`;
}

const reload = (r1s: readonly RunningRouter[]) => r2.reload({ t: "read", config: intranetConfig(r1s) });
const uplinks = async () => {
  const status = JSON.parse(await page(r2, "/statusz")) as { uplinks: { dmz: string }[]; uplinksLeaving: number };
  return { names: status.uplinks.map(({ dmz }) => dmz), leaving: status.uplinksLeaving };
};

describe("the R1s of an R2", () => {
  it("can become more, without a restart", async () => {
    await isActive(first, true);
    expect(reload([first, second])).toStrictEqual({ t: "applied", changed: ["dmz"], needsRestart: [] });
    await isActive(second, true);
    expect([await call(first), await call(second)]).toStrictEqual(["200 done", "200 done"]);
    expect(await uplinks()).toStrictEqual({
      ...{ names: [first, second].map(({ ports }) => `r1 at ${ports.tunnel}`), leaving: 0 },
    });
  });

  it("can become fewer: the one that goes finishes its calls, the other is not touched", async () => {
    const came = once(service, "request");
    const slow = call(first, "/slow");
    await came;
    const attempts = /^sallyport_uplink_attempts_total (\d+)$/m.exec(await page(r2, "/metrics"))?.[1];
    reload([second]);
    await isActive(first, false);
    expect(await uplinks()).toStrictEqual({ names: [`r1 at ${second.ports.tunnel}`], leaving: 1 });
    release();
    expect(await slow).toBe("200 slow");
    await expect.poll(uplinks).toMatchObject({ leaving: 0 });
    expect(await call(second)).toBe("200 done");
    expect(await page(r2, "/metrics")).toContain(`\nsallyport_uplink_attempts_total ${attempts}\n`);
  });

  it("can come back", async () => {
    reload([second, first]);
    await isActive(first, true);
    expect(await call(first)).toBe("200 done");
  });
});

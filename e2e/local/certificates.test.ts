import http, { type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAuthority } from "@sallyport/cli/identity";
import { startDmzRouter } from "@sallyport/router-dmz/router";
import { startIntranetRouter } from "@sallyport/router-intranet/router";
import type { Identity } from "@sallyport/tunnel/identity";
import type { RunningRouter } from "@sallyport/tunnel/process";
import { afterEach, describe, expect, it } from "vitest";

/** Certificates and CAs are replaced at a real R1 and a real R2 while calls run. */

const tunnel = "default/partners";
const [first, second] = [await createAuthority("sallyport", tunnel), await createAuthority("sallyport", tunnel)];
const [firstDmz, firstIntranet] = [await first.issue("dmz"), await first.issue("intranet")];
const [secondDmz, secondIntranet] = [await second.issue("dmz"), await second.issue("intranet")];
const bothCas = firstDmz.trustedCas + secondDmz.trustedCas;
const trusting = (identity: Identity, trustedCas: string): Identity => ({ ...identity, trustedCas });

const anyPort = { address: "127.0.0.1", port: 0 };
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A service that answers at once, but for /slow: after `release`. */
async function startService() {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let slowCame = (): void => {};
  const slow = new Promise<void>((resolve) => {
    slowCame = resolve;
  });
  const server: Server = http.createServer((request, response) => {
    request.resume();
    if (request.url !== "/slow") return void response.end("done");
    response.write("begun ");
    slowCame();
    void released.then(() => response.end("done"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, release, slow };
}

async function startPair(dmz: Identity, intranet: Identity) {
  const service = await startService();
  const dmzConfig = (identity: Identity) => ({
    ...{ tunnel, identity, tunnelEndpoint: anyPort, health: anyPort, admin: anyPort, log: { level: "error" } },
    listeners: [{ name: "http", protocol: "HTTP", address: "127.0.0.1", port: 0 }],
    limits: { drainNoticeMs: 0, drainMs: 2_000 },
    pool: { min: 4, max: 4 },
  });
  const r1 = await startDmzRouter(dmzConfig(dmz), () => {});
  cleanUps.push(() => r1.drain());
  const intranetConfig = (identity: Identity) => ({
    ...{ tunnel, identity, admin: anyPort, log: { level: "error" } },
    ...{ limits: { drainMs: 2_000 } },
    dmz: [{ name: "r1-0", address: "127.0.0.1", port: r1.ports.tunnel! }],
    routes: [
      {
        ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name: "all" } },
        spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: `http://127.0.0.1:${service.port}` }] },
      },
    ],
  });
  const startR2 = (identity: Identity) => startIntranetRouter(intranetConfig(identity), () => {});
  const r2 = await startR2(intranet);
  cleanUps.push(() => r2.drain());
  const reload = (router: RunningRouter, config: object) =>
    expect(router.reload({ t: "read", config })).toMatchObject({ t: "applied", needsRestart: [] });
  return {
    ...{ r1, r2, service, startR2, dmzConfig, intranetConfig },
    reloadR1: (identity: Identity) => reload(r1, dmzConfig(identity)),
    reloadR2: (identity: Identity) => reload(r2, intranetConfig(identity)),
    /** The connections that R1 has: of management, and of links that take calls. */
    connections: async () => {
      const { intranetRouters } = (await status(r1)) as Status;
      const open = (links: Status["intranetRouters"][number]["links"]) => links.filter(({ state }) => state === "open");
      return {
        management: intranetRouters.filter(({ state }) => state === "active").map(({ peer }) => peer),
        links: intranetRouters.flatMap(({ links }) => open(links).map(({ linkId }) => linkId)).sort(),
      };
    },
  };
}

interface Status {
  readonly intranetRouters: readonly {
    readonly peer: string;
    readonly state: string;
    readonly links: readonly { readonly linkId: string; readonly state: string }[];
  }[];
}

async function status(router: RunningRouter): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${router.ports.admin}/statusz`)).json();
}

async function call(r1: RunningRouter, path = "/"): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${r1.ports.http}${path}`, { method: "POST", body: "question" });
  return `${response.status} ${await response.text()}`;
}

/** Calls without end, eight at a time; a POST may not be repeated by the client. */
function startLoad(r1: RunningRouter) {
  const answers = new Map<string, number>();
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      const answer = await call(r1).catch((error: unknown) => `failed: ${String(error)}`);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 8 }, client);
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
      return answers;
    },
  };
}

type Pair = Awaited<ReturnType<typeof startPair>>;

/** All of the connections of before were replaced by others, and there are as many. */
async function replaced(pair: Pair, before: Awaited<ReturnType<Pair["connections"]>>): Promise<void> {
  const isReplaced = async () => {
    const { management, links } = await pair.connections();
    const isNew = links.length === 4 && !links.some((link) => before.links.includes(link));
    return isNew && management.length === 1 && management[0] !== before.management[0];
  };
  await expect.poll(isReplaced, { timeout: 30_000, interval: 50 }).toBe(true);
}

async function ready(pair: Pair): Promise<void> {
  await expect.poll(async () => (await pair.connections()).links.length, { timeout: 10_000 }).toBe(4);
}

describe("another CA", () => {
  it("comes into force in three steps, and no call fails", { timeout: 120_000 }, async () => {
    const pair = await startPair(firstDmz, firstIntranet);
    await ready(pair);
    const slow = call(pair.r1, "/slow");
    await pair.service.slow;
    const load = startLoad(pair.r1);
    const steps: [Identity, Identity][] = [
      [trusting(firstDmz, bothCas), trusting(firstIntranet, bothCas)],
      [trusting(secondDmz, bothCas), trusting(secondIntranet, bothCas)],
      [secondDmz, secondIntranet],
    ];
    for (const [dmz, intranet] of steps) {
      const before = await pair.connections();
      pair.reloadR1(dmz);
      pair.reloadR2(intranet);
      await replaced(pair, before);
    }
    const answers = await load.stop();
    expect([...answers.keys()]).toStrictEqual(["200 done"]);
    expect(answers.get("200 done")).toBeGreaterThan(200);
    pair.service.release();
    expect(await slow).toBe("200 begun done");
  });

  it("drops the old one: what it signed is cut off, ends its calls, and cannot come back", async () => {
    const pair = await startPair(trusting(firstDmz, bothCas), trusting(firstIntranet, bothCas));
    await ready(pair);
    const slow = call(pair.r1, "/slow");
    await pair.service.slow;
    pair.reloadR1(trusting(firstDmz, secondDmz.trustedCas));
    await expect.poll(async () => (await pair.connections()).links, { timeout: 10_000 }).toStrictEqual([]);
    pair.service.release();
    expect(await slow).toBe("200 begun done");
    await expect.poll(() => pair.connections(), { timeout: 10_000 }).toStrictEqual({ management: [], links: [] });
    const stranger = await pair.startR2(trusting(firstIntranet, bothCas));
    cleanUps.push(() => stranger.drain());
    const failed = async () => {
      const page = (await status(stranger)) as { uplinks: { attempts: number; lastError: string }[] };
      return page.uplinks[0]!.attempts > 2 ? page.uplinks[0]!.lastError : "";
    };
    await expect.poll(failed, { timeout: 10_000 }).toMatch(/^UNAVAILABLE: /);
    expect((await pair.connections()).management).toStrictEqual([]);
    // It can with what is trusted.
    pair.reloadR2(trusting(secondIntranet, bothCas));
    await ready(pair);
    expect(await call(pair.r1)).toBe("200 done");
  });
});

describe("a certificate", () => {
  it("has its end in the metrics of both routers", async () => {
    const { r1, r2 } = await startPair(firstDmz, firstIntranet);
    for (const [router, side] of [[r1, "dmz"] as const, [r2, "intranet"] as const]) {
      const text = await (await fetch(`http://127.0.0.1:${router.ports.admin}/metrics`)).text();
      for (const kind of ["leaf", "ca"]) {
        const name = `sallyport_certificate_expiry_timestamp_seconds{side="${side}",kind="${kind}"}`;
        const value = Number(text.split(`\n${name} `)[1]?.split("\n")[0]);
        expect(value - Date.now() / 1_000).toBeGreaterThan(29 * 86_400);
      }
    }
  });

  it("that cannot be used is refused, and the old one stays", async () => {
    const pair = await startPair(firstDmz, firstIntranet);
    await ready(pair);
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (const [router, config] of [[pair.r1, pair.dmzConfig] as const, [pair.r2, pair.intranetConfig] as const]) {
      const identity = trusting(router === pair.r1 ? firstDmz : firstIntranet, firstDmz.trustedCas + broken);
      expect(router.reload({ t: "read", config: config(identity) }).t).toBe("refused");
      expect(await status(router)).toMatchObject({ configuration: { valid: false } });
    }
    expect(await call(pair.r1)).toBe("200 done");
    const again = await pair.startR2(firstIntranet);
    cleanUps.push(() => again.drain());
    await expect.poll(async () => (await pair.connections()).management.length).toBe(2);
  });
});

import type { OperatorMessage, RouterMessage } from "@sallyport/proto/admin";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { OperatorMetrics } from "../metrics.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import type { OpenWatch, WatchOptions } from "./grpc-watch.ts";
import { setupMaxMs, silenceMaxMs } from "./report-stream.ts";
import { ReportStreams, settleMs, streamsMax } from "./report-streams.ts";

interface FakeRouter {
  readonly options: WatchOptions;
  readonly sent: OperatorMessage[];
  isClosed: boolean;
}

const identity = { certificateChain: "c", privateKey: "k", trustedCas: "t" };
const target = { id: "u1", address: "10.0.0.1" };
const hello = (tunnel = "n/t", major = 1): RouterMessage => ({
  t: "hello",
  hello: { protocol: { major, minor: 0 }, tunnel, instanceId: "i", software: "s" },
});
const route = (name: string) => ({ namespace: "n", name, hash: "h", refused: "", problem: "" });
const uplink = { name: "r1-0", state: "active", links: 2, roundTripUs: 0, lastError: "", peerCertificate: "" } as const;

function streams() {
  const clock = new FakeClock();
  const metrics = new OperatorMetrics();
  const routers: FakeRouter[] = [];
  const open: OpenWatch = (options) => {
    const router: FakeRouter = { options, sent: [], isClosed: false };
    routers.push(router);
    return {
      send: (message) => router.sent.push(message),
      close: () => {
        router.isClosed = true;
      },
    };
  };
  const log = pino({ level: "silent" });
  const reports = new ReportStreams({ open, trustDomain: "td", clock, random: () => 1, log, metrics });
  const told: string[] = [];
  reports.onChange((tunnel) => told.push(tunnel));
  const want = (targets = [target], own: typeof identity | "none" = identity) =>
    reports.want({ tunnel: "n/t", targets, identity: own === "none" ? undefined : own });
  const last = () => routers.at(-1)!;
  const say = (message: RouterMessage) => last().options.onMessage(message);
  return { clock, routers, reports, told, want, last, say };
}

describe("asking an R2", () => {
  it("dials its pod with the operator's certificate, and expects the tunnel's R2", () => {
    const { want, last } = streams();
    want();
    expect(last().options).toMatchObject({
      ...{ address: "10.0.0.1", port: 7444, identity, peerId: "spiffe://td/tunnel/n/t/intranet" },
    });
    expect(last().sent).toMatchObject([{ t: "subscribe", subscribe: { protocol: { major: 1 } } }]);
  });

  it("has what R2 says, once it has said Hello, and tells of changes together", async () => {
    const { want, say, reports, told, clock } = streams();
    want();
    expect(reports.of("u1")).toBeUndefined();
    say(hello());
    say({ t: "routes", routes: { routes: [route("a")], more: true } });
    say({ t: "uplinks", uplinks: { uplinks: [uplink] } });
    expect(reports.of("u1")).toEqual({ configuration: undefined, routes: undefined, uplinks: [uplink] });
    say({ t: "routes", routes: { routes: [route("b")], more: false } });
    expect([...(reports.of("u1")?.routes?.keys() ?? [])]).toEqual(["n/a", "n/b"]);
    await clock.advance(settleMs);
    expect(told).toEqual(["n/t"]);
    say({ t: "routes", routes: { routes: [route("c")], more: false } });
    expect([...(reports.of("u1")?.routes?.keys() ?? [])]).toEqual(["n/c"]);
  });

  it("answers its pings, and pings itself each second", async () => {
    const { want, say, last, clock } = streams();
    want();
    say(hello());
    say({ t: "ping", ping: { nonce: 7, ack: false } });
    say({ t: "ping", ping: { nonce: 8, ack: true } });
    await clock.advance(2_000);
    expect(last().sent.slice(1)).toEqual([
      { t: "ping", ping: { nonce: 7, ack: true } },
      { t: "ping", ping: { nonce: 1, ack: false } },
      { t: "ping", ping: { nonce: 2, ack: false } },
    ]);
  });

  it("believes nothing that it said before a stream that has ended", async () => {
    const { want, say, last, reports, told, clock } = streams();
    want();
    say(hello());
    await clock.advance(settleMs);
    last().options.onEnd("gone");
    expect(reports.of("u1")).toBeUndefined();
    await clock.advance(settleMs);
    expect(told).toEqual(["n/t", "n/t"]);
  });

  it("dials again, later each time, up to ten seconds; at once after it went well", async () => {
    const { want, last, say, clock, routers } = streams();
    want();
    const waits: number[] = [];
    for (let tries = 0; tries < 7; tries += 1) {
      last().options.onEnd("refused");
      waits.push(clock.pendingMs[0]!);
      await clock.advance(clock.pendingMs[0]!);
    }
    expect([waits, routers.length]).toEqual([[500, 1000, 2000, 4000, 8000, 10_000, 10_000], 8]);
    say(hello());
    last().options.onEnd("gone");
    expect(Math.max(...clock.pendingMs)).toBe(500);
  });

  it.each([
    ["is silent", async ({ clock }: ReturnType<typeof streams>) => clock.advance(silenceMaxMs)],
    ["is of another tunnel", async ({ say }: ReturnType<typeof streams>) => say(hello("n/other"))],
    ["speaks another version", async ({ say }: ReturnType<typeof streams>) => say(hello("n/t", 2))],
  ])("gives up one that %s", async (_, happen) => {
    const all = streams();
    all.want();
    if (_ === "is silent") all.say(hello());
    await happen(all);
    expect([all.routers[0]?.isClosed, all.reports.of("u1")]).toEqual([true, undefined]);
  });

  it("gives up one that does not say Hello in time", async () => {
    const { want, clock, routers } = streams();
    want();
    await clock.advance(setupMaxMs - 1);
    expect(routers[0]?.isClosed).toBe(false);
    await clock.advance(1);
    expect(routers[0]?.isClosed).toBe(true);
  });

  it("waits for a certificate, and takes a renewed one when it dials the next time", async () => {
    const { want, routers, last, clock } = streams();
    want([target], "none");
    expect(routers).toHaveLength(0);
    want();
    await clock.advance(500);
    expect(last().options.identity).toBe(identity);
    const renewed = { ...identity, certificateChain: "new" };
    want([target], renewed);
    expect(routers).toHaveLength(1);
    last().options.onEnd("gone");
    await clock.advance(1000);
    expect(last().options.identity).toBe(renewed);
  });

  it("leaves alone who is wanted no more, and whom it does not know", async () => {
    const { want, reports, routers, say, clock } = streams();
    want([target, { id: "u2", address: "10.0.0.2" }]);
    say(hello());
    want([{ id: "u2", address: "10.0.0.2" }]);
    expect(routers.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    reports.want({ tunnel: "n/other", targets: [], identity: undefined });
    expect(routers[1]?.isClosed).toBe(false);
    want([]);
    expect(routers[1]?.isClosed).toBe(true);
    await clock.advance(60_000);
    expect(routers).toHaveLength(2);
  });

  it(`asks ${streamsMax} R2s at most`, () => {
    const { want, routers } = streams();
    want(Array.from({ length: streamsMax + 3 }, (_, i) => ({ id: `u${i}`, address: `10.0.${i >> 8}.${i & 255}` })));
    expect(routers).toHaveLength(streamsMax);
  });

  it("dials a pod anew that has another address", () => {
    const { want, routers } = streams();
    want();
    want([{ ...target, address: "10.0.0.9" }]);
    expect(routers.map(({ options, isClosed }) => [options.address, isClosed])).toEqual([
      ["10.0.0.1", true],
      ["10.0.0.9", false],
    ]);
  });
});

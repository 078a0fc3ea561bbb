import { TunnelError } from "@sallyport/proto/error";
import type { Spans } from "@sallyport/proto/manage";
import { Uplink } from "@sallyport/router-intranet/uplink/uplink";
import { Budget } from "@sallyport/tunnel/budget";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { limits, Recorder, settle } from "@sallyport/tunnel/testing/link-pair";
import { MemoryTransport } from "@sallyport/tunnel/testing/memory-transport";
import { describe, expect, it } from "vitest";
import {
  common,
  type Dmz,
  dial,
  type Network,
  noSpans,
  ok,
  openOn,
  start,
  startDmz,
  startIntranet,
} from "./memory-pair.ts";

describe("T6: registration", () => {
  it("registers, gets the links R1 orders, and reports its routes", async () => {
    const { states, dmz, uplink, network } = start();
    await settle();
    expect(states).toEqual(["connecting", "registering", "active"]);
    expect([dmz.registry.active, uplink.links.size, dmz.registry.usableLinks().length]).toEqual([true, 2, 2]);
    expect(network.dialled).toEqual(["manage", "carry", "carry"]);
    expect(dmz.registry.registrations.map(({ routeCount, linksOnOrder }) => [routeCount, linksOnOrder])).toEqual([
      [1, 0],
    ]);
  });

  it("tries for ever while nobody answers, and is there soon after somebody does", async () => {
    const { clock, network, states, uplink } = start();
    const { dmz } = network;
    network.dmz = undefined;
    for (let i = 0; i < 200; i++) {
      await settle(3);
      clock.advance(250);
    }
    expect(uplink.attempts).toBeGreaterThan(30);
    network.dmz = dmz;
    clock.advance(1_500);
    await settle();
    expect([states.at(-1), uplink.links.size]).toEqual(["active", 2]);
  });

  it("gives an attempt three seconds", async () => {
    const clock = new FakeClock();
    const states: string[] = [];
    const stuck = new Uplink({
      ...common,
      ...noSpans,
      ...{ name: "R1 0", instanceId: "x", clock, budget: new Budget(1), random: () => 0.5 },
      dial: () => MemoryTransport.pair(false)[0],
      accept: () => new Recorder(),
      routes: () => [],
      onState: (state, error) => states.push(error ? `${state.t}: ${error.message}` : state.t),
      onBytes: () => {},
      onLink: () => {},
    });
    stuck.start();
    clock.advance(2_999);
    expect(states).toEqual(["connecting"]);
    clock.advance(1);
    expect(states).toEqual(["connecting", "disconnected: no registration within 3000 ms"]);
  });

  it("is refused by an R1 of another tunnel, with words, and goes on trying", async () => {
    const clock = new FakeClock();
    const network: Network = { dmz: startDmz(clock), dialled: [] };
    const { uplink, states } = startIntranet(clock, network, "default/other");
    uplink.start();
    await settle();
    clock.advance(200);
    await settle();
    const refusal = "disconnected: R2 belongs to tunnel default/other, this R1 to default/sample";
    expect([states.filter((state) => state === refusal).length, network.dmz?.registry.active]).toEqual([2, false]);
  });

  it("that comes again from the same R2 replaces the half-open one", async () => {
    const { clock, dmz, network } = start();
    await settle();
    const again = startIntranet(clock, network);
    again.uplink.start();
    await settle();
    expect([dmz.registry.registrations.length, again.uplink.active]).toEqual([1, true]);
  });

  it("is limited in number", async () => {
    const { clock, dmz, network } = start();
    const others = Array.from({ length: 5 }, (_, i) => {
      const uplink = new Uplink({
        ...common,
        ...noSpans,
        ...{ name: "R1", instanceId: `other-${i}`, clock, budget: new Budget(limits.memoryBudgetBytes) },
        random: () => 0.5,
        dial: (method) => dial(network, method),
        accept: () => new Recorder(),
        routes: () => [],
        onState: () => {},
        onBytes: () => {},
        onLink: () => {},
      });
      uplink.start();
      return uplink;
    });
    await settle();
    expect([dmz.registry.registrations.length, others.filter(({ active }) => active).length]).toEqual([4, 3]);
  });
});

describe("B7: R1's spans", () => {
  const spans = { otlp: Buffer.from([0x0a, 0]), count: 3 };

  /** An R1 with these R2s, in the order of their registration; each says what it was sent. */
  async function registered(...takers: boolean[]) {
    const clock = new FakeClock();
    const dmz = startDmz(clock);
    const sent: string[] = [];
    const uplinks: Uplink[] = [];
    for (const [i, takesSpans] of takers.entries()) {
      const onSpans = ({ otlp, count }: Spans) => sent.push(`R2 ${i}: ${otlp.toString("hex")} ${count}`);
      const changes = { takesSpans, onSpans, instanceId: `intranet-${i}` };
      const { uplink } = startIntranet(clock, { dmz, dialled: [] }, common.tunnel, changes);
      uplink.start();
      await settle();
      uplinks.push(uplink);
    }
    return { dmz, sent, uplinks };
  }

  it("go to an R2 that said it takes them", async () => {
    const { dmz, sent } = await registered(false, true);
    const settled: boolean[] = [];
    expect(dmz.registry.offerSpans(spans, (isSent) => settled.push(isSent))).toBe(true);
    await settle();
    expect([sent, settled]).toEqual([["R2 1: 0a00 3"], [true]]);
  });

  it("are not sent at all when no R2 takes them", async () => {
    const { dmz, sent } = await registered(false, false);
    expect(dmz.registry.offerSpans(spans, () => {})).toBe(false);
    await settle();
    expect(sent).toEqual([]);
  });

  it("go to an R2 that stops only while there is no other", async () => {
    const { dmz, sent, uplinks } = await registered(true, true);
    uplinks[0]!.drain(10_000);
    await settle();
    dmz.registry.offerSpans(spans, () => {});
    await settle();
    uplinks[1]!.drain(10_000);
    await settle();
    dmz.registry.offerSpans(spans, () => {});
    await settle();
    expect(sent).toEqual(["R2 1: 0a00 3", "R2 0: 0a00 3"]);
  });

  it("go to another R2 while the first is slow to take what it is sent, and nowhere while all are", async () => {
    const { dmz, sent } = await registered(true, true);
    const connections = dmz.connections.filter((_, i) => i % 2 === 0);
    connections[0]!.flowing = false;
    for (let i = 0; i < 20; i++) dmz.registry.offerSpans(spans, () => {});
    await settle();
    expect(sent).toEqual(expect.arrayContaining(["R2 1: 0a00 3"]));
    for (const connection of connections) connection.flowing = false;
    const taken = Array.from({ length: 40 }, () => dmz.registry.offerSpans(spans, () => {}));
    expect(taken.at(-1)).toBe(false);
  });
});

describe("the management connection", () => {
  it("T7: is inactive within five seconds of a silent cut, at both sides", async () => {
    const { clock, dmz, uplink } = start();
    await settle();
    for (const connection of dmz.connections) connection.flowing = false;
    network(dmz);
    clock.advance(3_900);
    expect([dmz.registry.active, uplink.active]).toEqual([true, true]);
    clock.advance(1_100);
    expect([dmz.registry.active, uplink.active]).toEqual([false, false]);

    function network(cut: Dmz): void {
      for (const connection of cut.connections) connection.deliver();
    }
  });

  it("that ends takes no new calls on its links, lets running ones finish, and closes them after five seconds", async () => {
    const { clock, dmz, network, accepted } = start();
    await settle();
    const quick = openOn(dmz, "quick");
    const slow = openOn(dmz, "slow");
    await settle();
    network.dmz = undefined;
    dmz.registry.registrations[0]?.close(new TunnelError("LINK_LOST", "cut"));
    await settle();
    expect(dmz.registry.usableLinks()).toEqual([]);
    accepted[0]?.head(ok);
    accepted[0]?.fin();
    quick.events.call?.fin();
    await settle();
    expect(quick.events.events).toEqual(["head 200", "fin"]);
    clock.advance(5_000);
    await settle();
    expect(slow.events.events).toEqual(["reset LINK_LOST"]);
    expect(dmz.registry.links()).toEqual([]);
  });

  it("of a restarted R1 carries calls again", async () => {
    const { clock, dmz, network, states, uplink } = start();
    await settle();
    dmz.registry.close();
    network.dmz = startDmz(clock, "dmz-2");
    await settle();
    clock.advance(200);
    await settle();
    const { outcome } = openOn(network.dmz, "a");
    expect([states.at(-1), uplink.links.size, outcome]).toEqual(["active", 2, ["started"]]);
  });
});

describe("T8: the pool", () => {
  it("replaces a lost link at once", async () => {
    const { dmz, network } = start();
    await settle();
    dmz.registry.usableLinks()[0]?.close(new TunnelError("LINK_LOST", "killed"));
    await settle();
    expect([dmz.registry.usableLinks().length, network.dialled.length]).toEqual([2, 4]);
  });

  it("keeps calls on one link for a second, then takes another", async () => {
    const { clock, dmz } = start();
    await settle();
    for (let i = 0; i < 3; i++) openOn(dmz, `${i}`);
    expect(
      dmz.registry
        .usableLinks()
        .map(({ callCount }) => callCount)
        .sort(),
    ).toEqual([0, 3]);
    clock.advance(1_000);
    await settle(2);
    for (let i = 0; i < 3; i++) openOn(dmz, `${i}`);
    expect(dmz.registry.usableLinks().map(({ callCount }) => callCount)).toEqual([3, 3]);
  });

  it("lets calls wait, bounded in number, and serves them in order when a link comes", async () => {
    const { clock, dmz, network, uplink } = start();
    network.dmz = undefined;
    await settle();
    const [first, second, third] = ["a", "b", "c"].map((id) => openOn(dmz, id));
    expect([first, second, third].map((call) => call?.outcome)).toEqual([[], [], ["NO_LINK"]]);
    network.dmz = dmz;
    clock.advance(200);
    await settle();
    expect([uplink.active, first?.outcome, second?.outcome]).toEqual([true, ["started"], ["started"]]);
    expect(dmz.pool.counters).toMatchObject({ waited: 2, timedOut: 0, turnedAway: 1 });
  });

  it("lets calls wait, bounded in time", () => {
    const clock = new FakeClock();
    const dmz = startDmz(clock);
    const first = openOn(dmz, "a");
    clock.advance(3_000);
    const second = openOn(dmz, "b");
    clock.advance(2_000);
    expect([first.outcome, second.outcome]).toEqual([["NO_LINK"], []]);
    clock.advance(3_000);
    expect([first.outcome, second.outcome, dmz.pool.waitingCount]).toEqual([["NO_LINK"], ["NO_LINK"], 0]);
  });

  it("forgets a waiting call whose client has gone", async () => {
    const clock = new FakeClock();
    const dmz = startDmz(clock);
    const call = openOn(dmz, "a");
    call.cancel();
    clock.advance(10_000);
    expect([call.outcome, dmz.pool.waitingCount]).toEqual([[], 0]);
  });

  it("says OVERLOADED, not NO_LINK, when links are there and full, and goes on when one has room", async () => {
    const { clock, dmz, accepted } = start(1);
    await settle();
    for (let i = 0; i < limits.callsPerLink; i++) openOn(dmz, `${i}`);
    const [patient, other] = [openOn(dmz, "patient"), openOn(dmz, "other")];
    await settle();
    accepted[0]?.reset(new TunnelError("NO_ROUTE", "none"));
    await settle();
    clock.advance(5_000);
    expect([patient.outcome, other.outcome]).toEqual([["started"], ["OVERLOADED"]]);
  });

  it("grows to its maximum under load and falls back to its minimum, one link at a time", async () => {
    const { clock, dmz, accepted } = start();
    await settle();
    const calls = Array.from({ length: 40 }, (_, i) => openOn(dmz, `${i}`));
    await settle();
    clock.advance(250);
    await settle();
    expect([dmz.pool.wanted, dmz.registry.usableLinks().length]).toEqual([4, 4]);
    for (const call of accepted) call.reset(new TunnelError("NO_ROUTE", "none"));
    await settle();
    expect(calls.map(({ events }) => events.events)).toEqual(calls.map(() => ["reset NO_ROUTE"]));
    const counts: number[] = [];
    for (let second = 0; second < 35; second++) {
      for (let quarter = 0; quarter < 4; quarter++) {
        clock.advance(250);
        await settle(8);
        counts.push(dmz.registry.usableLinks().length);
      }
    }
    expect([counts[100], counts.at(-1), dmz.pool.counters.surplus]).toEqual([4, 2, 2]);
    expect(new Set(counts)).toEqual(new Set([4, 3, 2]));
  });

  it("does not disturb a call on a link it closes as surplus", async () => {
    const { clock, dmz, accepted, uplink } = start(1);
    await settle();
    for (let i = 0; i < 9; i++) openOn(dmz, `${i}`);
    await settle();
    clock.advance(250);
    await settle();
    const last = openOn(dmz, "last");
    await settle();
    expect(uplink.links.size).toBe(2);
    for (const call of accepted.slice(0, 9)) call.reset(new TunnelError("NO_ROUTE", "none"));
    for (let quarter = 0; quarter < 150; quarter++) {
      clock.advance(250);
      await settle(8);
    }
    accepted.at(-1)?.head(ok);
    accepted.at(-1)?.fin();
    last.events.call?.fin();
    await settle();
    expect([last.events.events, uplink.links.size]).toEqual([["head 200", "fin"], 1]);
  });

  it("refuses a link nobody ordered and a link meant for another R1", async () => {
    const { dmz } = start();
    await settle();
    const before = dmz.registry.links().length;
    const registration = dmz.registry.registrations[0];
    const wrong = (change: object) =>
      registration?.admitLink({
        ...{ protocol: { major: 1, minor: 0 }, tunnel: common.tunnel, dmzInstanceId: "dmz-1", dmzWorkerId: "0" },
        ...{ intranetInstanceId: "intranet-1", intranetWorkerId: "0", linkId: "x", order: 1, limits },
        ...change,
      })?.message;
    expect(wrong({ order: 99 })).toBe("order 99 has no link left to open");
    expect(wrong({ dmzInstanceId: "dmz-2" })).toBe("the link is meant for another R1; address every R1 by itself");
    expect(dmz.registry.links().length).toBe(before);
  });
});

describe("drain", () => {
  it("of R2 finishes its calls and leaves R1 without it", async () => {
    const { dmz, uplink, accepted } = start();
    await settle();
    const call = openOn(dmz, "a");
    await settle();
    uplink.drain(5_000);
    await settle();
    expect(dmz.registry.active).toBe(false);
    accepted[0]?.head(ok);
    accepted[0]?.fin();
    call.events.call?.fin();
    await settle();
    expect([call.events.events, uplink.links.size]).toEqual([["head 200", "fin"], 0]);
  });

  it("of R2 neither dials a restarted R1 nor opens links", async () => {
    const { clock, dmz, network, uplink } = start();
    await settle();
    openOn(dmz, "a");
    await settle();
    uplink.drain(5_000);
    dmz.registry.registrations[0]?.orderLinks(3);
    await settle();
    expect(uplink.links.size).toBe(1);
    dmz.registry.close();
    network.dmz = startDmz(clock, "dmz-2");
    await settle();
    const dialled = network.dialled.length;
    clock.advance(10_000);
    await settle();
    expect([network.dialled.length, network.dmz.registry.active]).toEqual([dialled, false]);
  });

  it("of R1 tells its R2s, and takes no new ones", async () => {
    const { clock, dmz, uplink, states, network } = start();
    await settle();
    dmz.registry.drain(5_000);
    await settle();
    expect(uplink.state.t).toBe("draining");
    const late = startIntranet(clock, network);
    late.uplink.start();
    await settle();
    expect([states.at(-1), late.states.at(-1)]).toEqual(["draining", "disconnected: this R1 stops"]);
  });
});

import { TunnelError } from "@sallyport/proto/error";
import type { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { settle } from "@sallyport/tunnel/testing/link-pair";
import { describe, expect, it } from "vitest";
import { type Dmz, ok, openOn, start } from "./memory-pair.ts";

/** R2 moves to connections that are made with a new certificate, while calls go on. */

const drainMs = 25_000;

/** Lets time pass, and tells the fewest links that took calls meanwhile, and whether R1 had an R2 all the time. */
async function pass(clock: FakeClock, dmz: Dmz, seconds: number) {
  let fewest = Number.POSITIVE_INFINITY;
  let wasActive = true;
  for (let step = 0; step < seconds * 10; step++) {
    clock.advance(100);
    for (let turn = 0; turn < 8; turn++) {
      await settle(1);
      fewest = Math.min(fewest, dmz.registry.usableLinks().length);
      wasActive &&= dmz.registry.active;
    }
  }
  return { fewest, wasActive };
}

const linkIds = (dmz: Dmz) => dmz.registry.usableLinks().map(({ linkId }) => linkId);

describe("a renewal", () => {
  it("replaces every connection, one link at a time, and no call in flight ends", async () => {
    const { clock, dmz, network, uplink, states, accepted } = start(4);
    await settle();
    const before = linkIds(dmz);
    const calls = Array.from({ length: 4 }, (_, index) => openOn(dmz, `${index}`));
    await settle();
    uplink.renew(true, drainMs);
    // Longer than links without a management connection may live.
    const { fewest, wasActive } = await pass(clock, dmz, 20);
    expect([fewest, wasActive, linkIds(dmz).length]).toStrictEqual([3, true, 4]);
    expect(linkIds(dmz).filter((id) => before.includes(id))).toStrictEqual([]);
    expect(network.dialled.filter((method) => method === "manage").length).toBe(2);
    expect(states).toStrictEqual(["connecting", "registering", "active"]);
    expect(dmz.registry.registrations.map(({ state, linksOnOrder }) => [state, linksOnOrder])).toStrictEqual([
      ["active", 0],
    ]);
    for (const call of accepted) {
      call.head(ok);
      call.fin();
    }
    for (const { events } of calls) events.call?.fin();
    await settle();
    expect(calls.map(({ events }) => events.events)).toStrictEqual(calls.map(() => ["head 200", "fin"]));
  });

  it("goes on when R1 ends the old connection before it has answered on the new one", async () => {
    const { clock, dmz, network, uplink, states } = start(4);
    await settle();
    const old = dmz.registry.registrations[0]!;
    network.beforeAccept = (method) => {
      if (method === "manage") old.close(new TunnelError("LINK_LOST", "replaced"));
    };
    uplink.renew(true, drainMs);
    await pass(clock, dmz, 10);
    expect([states, linkIds(dmz).length]).toStrictEqual([["connecting", "registering", "active"], 4]);
  });

  it("tries again while R1 cannot be reached, and keeps what there is meanwhile", async () => {
    const { clock, dmz, network, uplink, states } = start(2);
    await settle();
    const before = linkIds(dmz);
    network.dmz = undefined;
    uplink.renew(true, drainMs);
    const { wasActive, fewest } = await pass(clock, dmz, 10);
    expect([wasActive, fewest, linkIds(dmz)]).toStrictEqual([true, 2, before]);
    expect(network.dialled.filter((method) => method === "manage").length).toBeGreaterThan(5);
    network.dmz = dmz;
    await pass(clock, dmz, 5);
    expect(linkIds(dmz).filter((id) => before.includes(id))).toStrictEqual([]);
    expect(states).toStrictEqual(["connecting", "registering", "active"]);
  });

  it("ends the connections to an R1 that is not trusted any more, if no other can be made", async () => {
    const { clock, dmz, network, uplink, states } = start(2);
    await settle();
    network.dmz = undefined;
    uplink.renew(false, drainMs);
    await pass(clock, dmz, 8);
    expect(states.slice(2, 4)).toStrictEqual([
      "active",
      "disconnected: the CA of R1's certificate is not trusted any more",
    ]);
    await pass(clock, dmz, 6);
    expect([dmz.registry.links(), uplink.links.size]).toStrictEqual([[], 0]);
  });

  it("ends the links to such an R1 when their time is over, though calls run", async () => {
    const { clock, dmz, uplink } = start(1);
    await settle();
    const call = openOn(dmz, "a");
    await settle();
    uplink.renew(false, 10_000);
    await pass(clock, dmz, 11);
    expect(call.events.events).toStrictEqual([]);
    await pass(clock, dmz, 2);
    expect([call.events.events, linkIds(dmz).length]).toStrictEqual([["reset LINK_LOST"], 1]);
  });

  it("is left off when R2 stops", async () => {
    const { clock, dmz, network, uplink } = start(2);
    await settle();
    uplink.renew(true, drainMs);
    uplink.drain(drainMs);
    await pass(clock, dmz, 5);
    expect(network.dialled).toStrictEqual(["manage", "carry", "carry"]);
  });
});

describe("peers that are not trusted any more", () => {
  it("finish their calls within the deadline, and are closed", async () => {
    const { clock, dmz, network } = start(2);
    await settle();
    const [quick, slow] = [openOn(dmz, "quick"), openOn(dmz, "slow")];
    await settle();
    network.dmz = undefined;
    dmz.registry.withdraw(new Set(["peer"]), 4_000);
    await settle();
    expect(linkIds(dmz)).toStrictEqual([]);
    quick.events.call?.fin();
    await pass(clock, dmz, 3);
    expect([slow.events.events, dmz.registry.active]).toStrictEqual([[], true]);
    await pass(clock, dmz, 3);
    expect([slow.events.events, dmz.registry.active]).toStrictEqual([["reset LINK_LOST"], false]);
    await pass(clock, dmz, 6);
    expect([dmz.registry.registrations, dmz.registry.links()]).toStrictEqual([[], []]);
  });
});

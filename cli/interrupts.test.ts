import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { expect, it } from "vitest";
import { Interrupts, samePressMs } from "./interrupts.ts";

function setUp() {
  const clock = new FakeClock();
  const interrupts = new Interrupts(clock);
  let kills = 0;
  interrupts.whenKilled(() => {
    kills += 1;
  });
  return { clock, interrupts, kills: () => kills };
}

it("asks for a drain at the first signal", async () => {
  const { interrupts, kills } = setUp();
  interrupts.receive("SIGTERM");
  await interrupts.drainAsked;
  expect({ kills: kills(), by: interrupts.killedBy }).toStrictEqual({ kills: 0, by: undefined });
});

it("kills at a second signal, once", () => {
  const { clock, interrupts, kills } = setUp();
  interrupts.receive("SIGINT");
  clock.advance(samePressMs);
  interrupts.receive("SIGINT");
  interrupts.receive("SIGTERM");
  expect({ kills: kills(), by: interrupts.killedBy }).toStrictEqual({ kills: 1, by: "SIGINT" });
});

it("takes a signal that npm passes on a moment later for the same one", () => {
  const { clock, interrupts, kills } = setUp();
  interrupts.receive("SIGINT");
  clock.advance(samePressMs - 1);
  interrupts.receive("SIGINT");
  expect(kills()).toBe(0);
});

it("kills late: what was not there to be killed when the signal came", () => {
  const { clock, interrupts } = setUp();
  interrupts.receive("SIGINT");
  clock.advance(samePressMs);
  interrupts.receive("SIGINT");
  let isKilled = false;
  interrupts.whenKilled(() => {
    isKilled = true;
  });
  expect(isKilled).toBe(true);
});

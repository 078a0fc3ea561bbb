import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { describe, expect, it } from "vitest";
import { clientOf, type QuotaLimits, Quotas } from "./quota.ts";

const none: QuotaLimits = { callsMax: 0, callsPerClientMax: 0, callsPerSecondPerClient: 0 };
const quotas = (limits: Partial<QuotaLimits>, clock = new FakeClock()) => new Quotas({ ...none, ...limits }, clock);

describe("M2: quotas", () => {
  it("without limits admit everything", () => {
    const all = quotas({});
    const answers = Array.from({ length: 1000 }, () => all.admit("10.0.0.1"));
    expect([new Set(answers), all.calls]).toEqual([new Set([undefined]), 1000]);
  });

  it("of the tunnel: busy, and free again when a call ends", () => {
    const all = quotas({ callsMax: 2 });
    const answers = ["a", "b", "c"].map((client) => all.admit(client)?.code);
    all.release("a");
    expect([...answers, all.admit("c")?.code, all.counters.tunnel]).toEqual([
      undefined,
      undefined,
      "OVERLOADED",
      undefined,
      1,
    ]);
  });

  it("of one client leave the others alone", () => {
    const all = quotas({ callsPerClientMax: 1 });
    expect([all.admit("a")?.code, all.admit("a")?.code, all.admit("b")?.code]).toEqual([
      undefined,
      "QUOTA_EXCEEDED",
      undefined,
    ]);
    all.release("a");
    expect(all.admit("a")).toBe(undefined);
  });

  it("per second fill up evenly and hold one second's worth", () => {
    const clock = new FakeClock();
    const all = quotas({ callsPerSecondPerClient: 10 }, clock);
    const admitted = (): number => {
      let count = 0;
      while (all.admit("a") === undefined) count++;
      return count;
    };
    const counts = [admitted()];
    clock.advance(500);
    counts.push(admitted());
    clock.advance(60_000);
    counts.push(admitted());
    expect(counts).toEqual([10, 5, 10]);
    expect(all.admit("b")).toBe(undefined);
  });

  it("remember no more clients than a bound, and none without calls", () => {
    const all = quotas({ callsPerSecondPerClient: 1, callsPerClientMax: 1 });
    for (let i = 0; i < 30_000; i++) {
      const client = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      if (all.admit(client) === undefined) all.release(client);
    }
    expect(all.calls).toBe(0);
    expect(all.admit("10.0.117.47")?.code).toBe("QUOTA_EXCEEDED");
    expect(all.admit("10.0.0.0")).toBe(undefined);
  });

  it.each([
    ["10.0.0.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::9", "2001:db8:1:2"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
  ])("take %s for client %s", (address, client) => {
    expect(clientOf(address)).toBe(client);
  });
});

import { expect, it } from "vitest";
import { Complaints } from "./complaints.ts";
import { FakeClock } from "./testing/fake-clock.ts";

it("what keeps failing is told of at once, then every ten seconds with the count", () => {
  const clock = new FakeClock();
  const complaints = new Complaints(clock);
  const told = [complaints.count("default/a"), complaints.count("default/a"), complaints.count("default/b")];
  clock.advance(9_999);
  told.push(complaints.count("default/a"));
  clock.advance(1);
  told.push(complaints.count("default/a"));
  expect(told).toEqual([1, 0, 1, 0, 3]);
});

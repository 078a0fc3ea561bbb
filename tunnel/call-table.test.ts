import fc from "fast-check";
import { expect, it } from "vitest";
import { CallTable } from "./call-table.ts";

it("finds the calls that were added and not deleted, whatever their numbers", () => {
  // Numbers that share their last bits meet in one place of the table.
  const number = fc.oneof(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 0, max: 30 }).map((n) => n * 64 + 1),
  );
  const step = fc.record({ number, add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = new CallTable<{ number: number }>();
      const model = new Map<number, { number: number }>();
      for (const { number, add } of steps) {
        const call = { number };
        if (add) {
          table.add(call);
          model.set(number, call);
        } else {
          table.delete(number);
          model.delete(number);
        }
        expect(table.size).toBe(model.size);
      }
      for (const { number } of steps) expect(table.get(number)).toBe(model.get(number));
      expect(new Set(table.values())).toStrictEqual(new Set(model.values()));
    }),
  );
});

it("holds what a link may carry", () => {
  const table = new CallTable<{ number: number }>();
  for (let number = 1; number <= 65_536; number++) table.add({ number });
  expect([table.size, table.get(65_536)?.number, table.get(65_537)]).toStrictEqual([65_536, 65_536, undefined]);
});

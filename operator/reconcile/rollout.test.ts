import { describe, expect, it } from "vitest";
import { isSettled, type PairRollout, pairsToApply } from "./rollout.ts";

const states = {
  /** As wanted, and carries calls. */
  done: { isNew: false, differs: false, isSettled: true, carriesCalls: true, mayCarryCalls: true },
  /** To be changed, carries calls. */
  old: { isNew: false, differs: true, isSettled: true, carriesCalls: true, mayCarryCalls: true },
  /** As wanted, its pods on their way. */
  coming: { isNew: false, differs: false, isSettled: false, carriesCalls: true, mayCarryCalls: true },
  /** As wanted, and carries none. */
  down: { isNew: false, differs: false, isSettled: true, carriesCalls: false, mayCarryCalls: false },
  /** To be changed, and its R2 has not told anything yet. */
  silent: { isNew: false, differs: true, isSettled: true, carriesCalls: false, mayCarryCalls: true },
  /** To be changed, and carries none. */
  broken: { isNew: false, differs: true, isSettled: false, carriesCalls: false, mayCarryCalls: false },
  /** Not there yet. */
  none: { isNew: true, differs: true, isSettled: false, carriesCalls: false, mayCarryCalls: false },
} as const;

const cases: Record<string, [pairs: (keyof typeof states)[], now: number[]]> = {
  "a new tunnel's pairs are made at once": [
    ["none", "none", "none"],
    [0, 1, 2],
  ],
  "nothing is to do when all is as wanted": [["done", "done"], []],
  "one pair goes first": [["old", "old", "old"], [0]],
  "the next one waits while the first one's pods are on their way": [["coming", "old", "old"], []],
  "and while it carries no calls": [["down", "old"], []],
  "and goes when it does again": [["done", "old", "old"], [1]],
  "what carries no calls is changed at once: it has none to lose": [["old", "broken"], [1]],
  "and nothing else before it is well": [["old", "down"], []],
  "of pairs that have not reported to a new operator one goes, since they may carry calls": [["silent", "silent"], [0]],
  "and it goes before those that do": [["old", "silent"], [1]],
  "all that is broken is mended together": [
    ["broken", "broken"],
    [0, 1],
  ],
  "a further pair is made without waiting, and one changed beside it": [
    ["old", "old", "none"],
    [2, 0],
  ],
  "a single pair has nobody to wait for": [["old"], [0]],
};

describe("a change of the pods", () => {
  it.each(Object.entries(cases))("%s", (_, [pairs, now]) => {
    const rollouts = pairs.map((state, pair): PairRollout => ({ pair, ...states[state] }));
    expect(pairsToApply(rollouts)).toEqual(now);
  });

  it("never takes two pairs that may carry calls at a time, whatever the rest is like", () => {
    const names = Object.keys(states) as (keyof typeof states)[];
    for (const a of names)
      for (const b of names)
        for (const c of names) {
          const rollouts = [a, b, c].map((state, pair): PairRollout => ({ pair, ...states[state] }));
          const taken = pairsToApply(rollouts).filter((pair) => rollouts[pair]?.mayCarryCalls === true);
          const others = rollouts.filter(({ pair, mayCarryCalls }) => mayCarryCalls && !taken.includes(pair));
          const isLast = others.length === 0 && rollouts.filter(({ isNew }) => !isNew).length > 1;
          expect([a, b, c, taken.length <= 1, taken.length === 1 && isLast && !isAlone(rollouts)]).toEqual([
            a,
            b,
            c,
            true,
            false,
          ]);
        }
  });
});

/** Whether all other pairs are only being made. */
function isAlone(rollouts: readonly PairRollout[]): boolean {
  return rollouts.filter(({ isNew }) => !isNew).length === 1;
}

describe("a Deployment", () => {
  const done = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
  const deployment = (status?: object) => ({
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "x", generation: 2 } },
    ...(status === undefined ? {} : { status }),
  });

  it.each([
    ["settled", done, true],
    ["not while its controller has not seen the change", { ...done, observedGeneration: 1 }, false],
    ["not while the old pod is there", { ...done, replicas: 2 }, false],
    ["not while the new pod is not", { ...done, updatedReplicas: 0 }, false],
    ["not while the new pod is not available", { ...done, availableReplicas: 0 }, false],
    ["not without any status", undefined, false],
  ])("is %s", (_, status, settled) => {
    expect(isSettled(deployment(status))).toBe(settled);
  });
});

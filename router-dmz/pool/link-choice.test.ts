import { describe, expect, it } from "vitest";
import { type Choosable, LinkChoice } from "./link-choice.ts";

const callsMax = 4;

describe("T8: the link for the next calls", () => {
  it("is the same one until that is full, then the one with the fewest", () => {
    const { choice, owners, names, use } = scene([["a", "b", "c"]]);
    names[1]!.callCount = 1;
    expect([1, 2, 3, 4, 5, 6].map(() => use(choice.pick(owners)))).toStrictEqual(["a", "a", "a", "a", "c", "c"]);
  });

  it("is one that is not behind, even with more calls; one that is behind when all are", () => {
    const { choice, owners, names, use } = scene([["a", "b"]]);
    names[1]!.callCount = 2;
    names[0]!.behind = true;
    expect(use(choice.pick(owners))).toBe("b");
    names[1]!.behind = true;
    expect(use(choice.pick(owners))).toBe("a");
  });

  it("is another one after a second, so that load is even", () => {
    const { choice, owners, use } = scene([["a", "b"]]);
    expect(use(choice.pick(owners))).toBe("a");
    choice.rotate();
    expect(use(choice.pick(owners))).toBe("b");
  });

  it("belongs to the R2 with the fewest calls", () => {
    const { choice, owners, use } = scene([["a", "b"], ["c"]]);
    const used = [1, 2, 3, 4].map(() => use(choice.pick(owners)));
    expect(used.filter((name) => name === "c")).toHaveLength(2);
  });

  it("belongs to another R2 when all links of one are full", () => {
    const { choice, owners, names, use } = scene([["a"], ["b"]]);
    names[0]!.callCount = callsMax;
    names[1]!.callCount = callsMax - 1;
    expect(use(choice.pick(owners))).toBe("b");
    expect(choice.pick(owners)).toBeUndefined();
  });

  it("is never one that takes no calls", () => {
    const { choice, owners, names, use } = scene([["a", "b"]]);
    expect(use(choice.pick(owners))).toBe("a");
    names[0]!.closed = true;
    expect(use(choice.pick(owners))).toBe("b");
  });

  it("does not exist without R2s", () => {
    expect(new LinkChoice(() => false).pick([])).toBeUndefined();
  });
});

class FakeLink implements Choosable {
  readonly name: string;
  readonly state = "open";
  callCount = 0;
  closed = false;
  behind = false;

  constructor(name: string) {
    this.name = name;
  }

  get freeCalls(): number {
    return this.closed ? 0 : callsMax - this.callCount;
  }
}

function scene(owners: readonly (readonly string[])[]) {
  const made = owners.map((links) => ({ links: new Set(links.map((name) => new FakeLink(name))) }));
  const use = (link: FakeLink | undefined) => {
    if (link) link.callCount++;
    return link?.name;
  };
  return {
    choice: new LinkChoice<FakeLink>((link) => link.behind),
    owners: made,
    names: made.flatMap(({ links }) => [...links]),
    use,
  };
}

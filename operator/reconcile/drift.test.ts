import { describe, expect, it } from "vitest";
import { asStored, covers, marked } from "./drift.ts";

const cases: Record<string, [live: unknown, wanted: unknown, covers: boolean]> = {
  "what only the cluster has is its own": [{ a: 1, status: {} }, { a: 1 }, true],
  "what is wanted and missing differs": [{}, { a: 1 }, false],
  "what is wanted otherwise differs": [{ a: { b: 2 } }, { a: { b: 1 } }, false],
  "an empty list may be missing": [{}, { egress: [] }, true],
  "an empty mapping may be missing": [{}, { from: [{ namespaceSelector: {} }], x: {} }, false],
  "an empty mapping alone may be missing": [{}, { x: {} }, true],
  "a list with one more entry differs": [{ a: [1, 2] }, { a: [1] }, false],
  "a list in another order differs": [{ a: [2, 1] }, { a: [1, 2] }, false],
  "entries of a list may have more": [{ a: [{ x: 1, y: 2 }] }, { a: [{ x: 1 }] }, true],
  "a selector with one key more differs": [
    { spec: { selector: { a: "1", b: "2" } } },
    { spec: { selector: { a: "1" } } },
    false,
  ],
  "so do the labels that a selector asks for": [
    { matchLabels: { a: "1", b: "2" } },
    { matchLabels: { a: "1" } },
    false,
  ],
  "labels of the object may be more": [{ labels: { a: "1", b: "2" } }, { labels: { a: "1" } }, true],
  "an empty selector alone may be missing": [{}, { selector: {} }, true],
  "a number is not its text": [{ a: "1" }, { a: 1 }, false],
};

describe("an object in the cluster against the one that is wanted", () => {
  it.each(Object.entries(cases))("%s", (_, [live, wanted, expected]) => {
    expect(covers(live, wanted)).toBe(expected);
  });

  it("is held against what the API server made of it, where that writes amounts its own way", () => {
    const wanted = { limits: { cpu: 1, memory: "0.5Gi" }, list: [{ cpu: "1000m" }] };
    const live = { limits: { cpu: "1", memory: "512Mi", other: "x" }, list: [{ cpu: "1", y: 1 }], more: true };
    expect(covers(live, wanted)).toBe(false);
    const stored = asStored(live, wanted);
    expect(stored).toEqual({ limits: { cpu: "1", memory: "512Mi" }, list: [{ cpu: "1" }] });
    expect(covers(live, stored)).toBe(true);
    expect(covers({ ...live, limits: { cpu: "2", memory: "512Mi" } }, stored)).toBe(false);
  });
});

describe("the mark of an object", () => {
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "x", annotations: { a: "b" } },
    data: { k: "v" },
  };
  const markOf = (one: Parameters<typeof marked>[0]) => marked(one).metadata.annotations?.["sallyport.dev/applied"];

  it("changes with its content and not with the order of keys", () => {
    expect(markOf(object)).toMatch(/^[0-9a-f]{16}$/);
    expect(markOf({ data: { k: "v" }, metadata: object.metadata, kind: "ConfigMap", apiVersion: "v1" })).toBe(
      markOf(object),
    );
    expect(markOf({ ...object, data: {} })).not.toBe(markOf(object));
    expect(marked(object).metadata.annotations).toMatchObject({ a: "b" });
  });
});

import { describe, expect, test } from "vitest";
import { didYouMean, nearWord } from "./near-word.ts";

const known = ["parentRefs", "matches", "backendRefs", "url"];

describe("the word that was meant", () => {
  const meant: Record<string, [string, string | undefined]> = {
    "lacks a letter": ["backendRef", "backendRefs"],
    "has a letter too many": ["matchess", "matches"],
    "has another letter": ["uri", "url"],
    "has two neighbours swapped, which is one typo": ["ulr", "url"],
    "has capitals elsewhere": ["PARENTREFS", "parentRefs"],
    "is two letters off": ["bckendRef", "backendRefs"],
    "is none when a long word is three letters off": ["bckndRef", undefined],
    "is none when a short word is two letters off": ["ur1s", undefined],
    "is none for another word": ["hold", undefined],
    "is none for no word": ["", undefined],
    "is none for a word of a megabyte": ["backendRefs".repeat(100_000), undefined],
  };
  test.each(Object.entries(meant))("%s", (_, [word, expected]) => expect(nearWord(word, known)).toBe(expected));

  test("is the nearest of several", () => expect(nearWord("ports", ["port", "parts", "ports2"])).toBe("port"));
  test("is asked for in the message", () => expect(didYouMean("uri", known)).toBe('; did you mean "url"?'));
  test("is not asked for when there is none", () => expect(didYouMean("hold", known)).toBe(""));
});

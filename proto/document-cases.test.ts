import { describe, expect, test } from "vitest";
import { parseDocuments } from "./documents.ts";
import { refusedDocuments, takenDocuments } from "./testing/document-cases.ts";

/** The API server's half: e2e/crds. */
describe("the parser takes", () => {
  test.each(Object.entries(takenDocuments))("%s", (_, document) => {
    const { tunnels, routes } = parseDocuments(JSON.stringify(document), "f.yaml");
    expect([...tunnels, ...routes]).toMatchObject([document]);
  });
});

describe("the parser refuses", () => {
  test.each(Object.entries(refusedDocuments))("%s", (_, { document }) => {
    expect(() => parseDocuments(JSON.stringify(document), "f.yaml")).toThrow("f.yaml:1: ");
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { DocumentError } from "./document-error.ts";
import { parseDocuments } from "./documents.ts";

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?$/);
const text = fc.string({ minLength: 1, maxLength: 20, unit: "binary" });
const port = fc.integer({ min: 1, max: 65535 });
const weight = fc.integer({ min: 0, max: 1_000_000 });
const apiVersion = fc.constant("sallyport.dev/v1alpha1");
const optional = { requiredKeys: ["value"] as ["value"] };
const textMatch = fc.record({ type: fc.constantFrom("Exact", "Prefix", "Contains"), value: text }, optional);
const headerBlockMatch = fc.record(
  { name: fc.constantFrom("ClientRouteName", "Mandantenkürzel", "_a.b-1"), namespace: text, value: text },
  { requiredKeys: ["name", "value"] },
);
const metadata = fc.record(
  { name, namespace: fc.constant("apps"), annotations: fc.dictionary(text, fc.oneof(text, fc.double(), fc.boolean())) },
  { requiredKeys: ["name"] },
);
const anyRoute = fc.record({
  apiVersion,
  kind: fc.constant("TunnelRoute"),
  metadata,
  spec: fc.record(
    {
      parentRefs: fc.array(fc.record({ name, namespace: name, sectionName: name }, { requiredKeys: ["name"] }), {
        minLength: 1,
        maxLength: 3,
      }),
      matches: fc.array(
        fc.record(
          {
            soap: fc.oneof(
              fc.record({ action: textMatch }),
              fc.record({ action: textMatch, header: headerBlockMatch }, { requiredKeys: ["header"] }),
            ),
            path: fc.record({ value: name.map((segment) => `/${segment}`) }),
            host: fc.constantFrom("a.example.com", "*.example.com"),
            method: fc.constantFrom("GET", "POST"),
            queryParams: fc.array(fc.record({ name: text, value: text }), { maxLength: 3 }),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 3 },
      ),
      backendRefs: fc.array(
        fc.oneof(
          fc.record({ name, port, weight }, { requiredKeys: ["name", "port"] }),
          fc.record({ url: port.map((number) => `http://h:${number}`), weight }, { requiredKeys: ["url"] }),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    },
    { requiredKeys: ["parentRefs", "backendRefs"] },
  ),
});
const anyTunnel = fc.record({
  apiVersion,
  kind: fc.constant("ReverseTunnel"),
  metadata,
  spec: fc.record(
    {
      pairs: fc.integer({ min: 1, max: 16 }),
      dmz: fc.record({ listeners: port.map((number) => [{ name: "http", protocol: "HTTP", port: number }]) }),
      intranet: fc.record({ namespace: name }, { requiredKeys: [] }),
      pool: fc.record(
        { min: fc.integer({ min: 1, max: 16 }), max: fc.integer({ min: 16, max: 256 }) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ["dmz"] },
  ),
});
const anyDocument = fc.oneof(anyRoute, anyTunnel);

describe("whatever a file holds", () => {
  test("parsing any text yields documents or a DocumentError", () => {
    const yaml = [
      "---\n",
      "a",
      ": ",
      "\n",
      "  ",
      "- ",
      "[",
      "]",
      "{",
      "}",
      ",",
      "&x ",
      "*x",
      "!!str ",
      '"',
      "'",
      "#",
      "|\n",
    ];
    const odd = ["%", "\t", "? ", "\ud800", "\u0000", "\r", "\ufeff", "...\n", "<<", "__proto__"];
    const keys = ["apiVersion: sallyport.dev/v1alpha1\n", "kind: TunnelRoute\n", "metadata", "name", "spec"];
    const piece = fc.constantFrom(...yaml, ...odd, ...keys);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => tryToParse(parts.join(""))),
      { numRuns: 300 },
    );
  });
  test("a good document with any one value replaced yields documents or a DocumentError", () => {
    fc.assert(
      fc.property(anyDocument, fc.nat(), fc.jsonValue({ maxDepth: 3 }), (document, choice, value) => {
        const places = [...placesOf(document)];
        const changed = structuredClone(document);
        set(changed, places[choice % places.length]!, value);
        tryToParse(JSON.stringify(changed));
      }),
      { numRuns: 300 },
    );
  });
  test("good documents written out and parsed again are the same", () => {
    fc.assert(
      fc.property(fc.oneof(several(anyRoute), several(anyTunnel)), (written) => {
        const once = parseDocuments(written.map((document) => JSON.stringify(document)).join("\n---\n"), "a");
        expect(once.tunnels.length + once.routes.length).toBe(written.length);
        const again = [...once.tunnels, ...once.routes].map((document) => stringify(document)).join("---\n");
        expect(parseDocuments(again, "b")).toEqual(once);
      }),
      { numRuns: 200 },
    );
  });
});

/** Of one kind, so that no route meets a tunnel that lacks its listener. */
function several<Document extends { readonly metadata: { readonly name: string } }>(one: fc.Arbitrary<Document>) {
  return fc.uniqueArray(one, { minLength: 1, maxLength: 4, selector: ({ metadata }) => metadata.name });
}

function tryToParse(content: string): void {
  try {
    parseDocuments(content, "f.yaml");
  } catch (error) {
    expect(error).toBeInstanceOf(DocumentError);
  }
}

function* placesOf(value: unknown, path: PropertyKey[] = []): Generator<PropertyKey[]> {
  if (path.length > 0) yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* placesOf(inner, [...path, key]);
}

function set(target: unknown, path: readonly PropertyKey[], value: unknown): void {
  let holder = target as Record<PropertyKey, unknown>;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<PropertyKey, unknown>;
  holder[path.at(-1)!] = value;
}

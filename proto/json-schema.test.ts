import { describe, expect, test } from "vitest";
import { z } from "zod";
import { jsonSchemas } from "./json-schema.ts";
import { kinds, reverseTunnelSchema, tunnelRouteSchema } from "./resource.ts";

const route = {
  apiVersion: "sallyport.dev/v1alpha1",
  kind: "TunnelRoute",
  metadata: { name: "calc" },
  spec: { parentRefs: [{ name: "p" }], backendRefs: [{ url: "http://x" }, { name: "calc", port: 80 }] },
};
const tunnel = {
  apiVersion: "sallyport.dev/v1alpha1",
  kind: "ReverseTunnel",
  metadata: { name: "p" },
  spec: { dmz: { listeners: [{ name: "http", protocol: "HTTP", port: 80 }] } },
};

describe("the JSON schemas", () => {
  const schemas = jsonSchemas();

  test("cover every kind of document and both routers' configuration", () => {
    expect(Object.keys(schemas)).toEqual([...Object.keys(kinds), "DmzConfig", "IntranetConfig"]);
  });
  test("each name their dialect, title and type and refuse unknown keys", () => {
    for (const [name, schema] of Object.entries(schemas)) {
      expect(schema).toMatchObject({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        title: name,
        type: "object",
        additionalProperties: false,
      });
    }
  });
  test("hold nothing that is for the API server alone", () => {
    expect(JSON.stringify(schemas)).not.toContain("x-kubernetes");
  });
  test("are JSON", () => expect(JSON.parse(JSON.stringify(schemas))).toEqual(schemas));
  test("ask only for what has no default", () => {
    expect(schemas.DmzConfig).toMatchObject({
      required: ["tunnel", "identity", "admin", "listeners", "tunnelEndpoint", "health"],
    });
  });

  const values: Record<string, [unknown, unknown]> = {
    "a route": [route, tunnelRouteSchema],
    "a tunnel": [tunnel, reverseTunnelSchema],
    "a route without name": [{ ...route, metadata: {} }, tunnelRouteSchema],
    "a route with a url of FTP": [
      { ...route, spec: { ...route.spec, backendRefs: [{ url: "ftp://x" }] } },
      tunnelRouteSchema,
    ],
    "a route with a hold": [{ ...route, spec: { ...route.spec, hold: {} } }, tunnelRouteSchema],
    "a route with limits and retries": [
      { ...route, spec: { ...route.spec, limits: { maxCalls: 10 }, retry: { onLinkLoss: "Always" } } },
      tunnelRouteSchema,
    ],
    "a route with limits that limit nothing": [{ ...route, spec: { ...route.spec, limits: {} } }, tunnelRouteSchema],
    "a route with more calls than are counted": [
      { ...route, spec: { ...route.spec, limits: { maxCalls: 1_000_001 } } },
      tunnelRouteSchema,
    ],
    "a route by SOAP header": [
      {
        ...route,
        spec: { ...route.spec, matches: [{ soap: { header: { name: "ClientRouteName", value: "test" } } }] },
      },
      tunnelRouteSchema,
    ],
    "a route by nothing of SOAP": [{ ...route, spec: { ...route.spec, matches: [{ soap: {} }] } }, tunnelRouteSchema],
    "a tunnel of NetTCP": [
      { ...tunnel, spec: { dmz: { listeners: [{ name: "wcf", protocol: "NetTCP", port: 808 }] } } },
      reverseTunnelSchema,
    ],
    "a tunnel without listeners": [{ ...tunnel, spec: { dmz: { listeners: [] } } }, reverseTunnelSchema],
  };
  test.each(Object.entries(values))("and the parser agree on %s", (_, [value, schema]) => {
    const name = schema === tunnelRouteSchema ? "TunnelRoute" : "ReverseTunnel";
    const read = z.fromJSONSchema(JSON.parse(JSON.stringify(schemas[name])));
    expect(read.safeParse(value).success).toBe((schema as z.ZodType).safeParse(value).success);
  });
});

import { expect, it } from "vitest";
import { printSchema } from "./schema.ts";

function print(kind: string | undefined) {
  let out = "";
  printSchema(kind, (text) => {
    out += text;
  });
  return JSON.parse(out);
}

it("prints one schema, or all by name", () => {
  const all = print(undefined);
  expect(Object.keys(all)).toStrictEqual(["ReverseTunnel", "TunnelRoute", "DmzConfig", "IntranetConfig"]);
  expect(print("TunnelRoute")).toStrictEqual(all.TunnelRoute);
});

it("a configuration file's schema knows names of files", () => {
  const { properties } = print("IntranetConfig");
  expect(Object.keys(properties.identity.properties)).toContain("privateKeyFile");
  expect(Object.keys(properties)).toContain("routeFiles");
});

it("names what there is when asked for something else", () => {
  expect(() => print("toString")).toThrow(
    'there is no schema "toString"; there are ReverseTunnel, TunnelRoute, DmzConfig, IntranetConfig',
  );
});

import { DocumentError } from "@sallyport/proto/document-error";
import { parseDocuments } from "@sallyport/proto/documents";
import { describe, expect, it } from "vitest";
import { CliError } from "./cli-error.ts";
import { planTunnels } from "./tunnel-plan.ts";

const options = { pairs: undefined, healthPort: 8085 };

function tunnel(name: string, ports: Record<string, number>, more: object = {}): object {
  const listeners = Object.entries(ports).map(([listener, port]) => ({ name: listener, protocol: "HTTP", port }));
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "ReverseTunnel",
    metadata: { name },
    spec: { dmz: { listeners } },
    ...more,
  };
}

function route(name: string, parents: object[], backendRefs: object[] = [{ url: "http://127.0.0.1:9000" }]): object {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "TunnelRoute",
    metadata: { name },
    spec: { parentRefs: parents, backendRefs },
  };
}

function plans(documents: readonly object[], more = {}) {
  const text = documents.map((document) => JSON.stringify(document)).join("\n---\n");
  return planTunnels(parseDocuments(text, "my.yaml"), { ...options, ...more });
}

describe("what documents become on one machine", () => {
  it("is one plan per tunnel, with the routes that name it", () => {
    const found = plans([
      tunnel("a", { http: 8080 }),
      tunnel("b", { http: 8081 }),
      route("to-a", [{ name: "a" }]),
      route("to-both", [{ name: "b", namespace: "default" }, { name: "a" }]),
    ]);
    expect(
      found.map(({ tunnel: fullName, label, pairs, listeners, pool, routes }) => ({
        ...{ fullName, label, pairs, listeners, pool },
        routes: routes.map(({ metadata }) => metadata.name),
      })),
    ).toStrictEqual([
      {
        ...{ fullName: "default/a", label: "a", pairs: 2, pool: { min: 2, max: 16 } },
        listeners: [{ name: "http", protocol: "HTTP", port: 8080 }],
        routes: ["to-a", "to-both"],
      },
      {
        ...{ fullName: "default/b", label: "b", pairs: 2, pool: { min: 2, max: 16 } },
        listeners: [{ name: "http", protocol: "HTTP", port: 8081 }],
        routes: ["to-both"],
      },
    ]);
  });

  it("has as many pairs as the option says, if it does", () => {
    expect(plans([tunnel("a", { http: 8080 })], { pairs: 5 }).map(({ pairs }) => pairs)).toStrictEqual([5]);
  });

  it("names a tunnel with its namespace when another one has its name", () => {
    const labels = plans([
      tunnel("a", { http: 8080 }),
      tunnel("a", { http: 8081 }, { metadata: { name: "a", namespace: "other" } }),
    ]).map(({ label }) => label);
    expect(labels).toStrictEqual(["default/a", "other/a"]);
  });
});

describe("documents that do not work on one machine are refused", () => {
  const refused: Record<string, [object[], string]> = {
    "a Service, of which there is none here": [
      [
        tunnel("a", { http: 8080 }),
        route("r", [{ name: "a" }], [{ url: "http://127.0.0.1:9000" }, { name: "calc", port: 80 }]),
      ],
      'my.yaml:3: TunnelRoute r: spec.backendRefs[1].name: "calc" is a Service of a cluster, and none is here; write url: http://HOST:80 instead',
    ],
    "a listener on the health port": [
      [tunnel("a", { http: 8085 })],
      "my.yaml:1: ReverseTunnel a: spec.dmz.listeners[0].port: 8085 is the health port; give that one another port with --health-port",
    ],
    "two tunnels on one port": [
      [tunnel("a", { http: 8080 }), tunnel("b", { more: 8081, http: 8080 })],
      "my.yaml:3: ReverseTunnel b: spec.dmz.listeners[1].port: 8080 is the port of listener http of ReverseTunnel a too; on one machine each needs its own",
    ],
    "a listener that has the name of a router's own port": [
      [tunnel("a", { admin: 8080 })],
      'my.yaml:1: ReverseTunnel a: spec.dmz.listeners[0].name: "admin" is a router\'s own port; choose another name',
    ],
  };
  it.each(Object.entries(refused))("%s", (_name, [documents, message]) => {
    expect(() => plans(documents)).toThrow(expect.objectContaining({ name: DocumentError.name, message }));
  });

  it("none with a tunnel", () => {
    expect(() => plans([route("r", [{ name: "a" }])])).toThrow(
      new CliError(
        2,
        "my.yaml: there is no ReverseTunnel among the documents; add one with kind: ReverseTunnel, metadata.name and spec.dmz.listeners (examples/calculator/tunnel.yaml has one)",
      ),
    );
  });

  it("more processes than a machine should have", () => {
    const tunnels = Array.from({ length: 5 }, (_, index) => tunnel(`t${index}`, { http: 9000 + index }));
    expect(() => plans(tunnels, { pairs: 16 })).toThrow(
      new CliError(
        2,
        "the documents ask for 160 router processes, and 128 are the most; leave out tunnels or give fewer --pairs",
      ),
    );
  });

  it("but not a listener on 8085 when the health port is another one or any free one", () => {
    expect(plans([tunnel("a", { http: 8085 })], { healthPort: 0 })).toHaveLength(1);
    expect(plans([tunnel("a", { http: 8085 })], { healthPort: 8086 })).toHaveLength(1);
  });
});

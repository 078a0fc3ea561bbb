import { describe, expect, test } from "vitest";
import { parseDocuments } from "./documents.ts";

describe("a route that its listener's calls do not fit is refused:", () => {
  const cases: Record<string, [listener: string, route: object, message: string]> = {
    "http:// behind TCP": [
      "db",
      { backendRefs: [{ url: "http://db:80" }] },
      'spec.backendRefs[0].url: "http://db:80" takes no calls of listener db (TCP); write tcp:// or tls://, or bind the route to another listener',
    ],
    "tcp:// behind HTTP": [
      "web",
      { backendRefs: [{ url: "tcp://db:80" }] },
      'spec.backendRefs[0].url: "tcp://db:80" takes no calls of listener web (HTTP); write http:// or https://, or bind the route to another listener',
    ],
    "T2: TLS around TLS": [
      "secure",
      { backendRefs: [{ url: "tls://db:443" }] },
      'spec.backendRefs[0].url: "tls://db:443" takes no calls of listener secure (TLS); write tcp://, or bind the route to another listener',
    ],
    "a path of bytes": [
      "secure",
      { matches: [{ host: "a.example" }, { path: { value: "/" } }] },
      "spec.matches[1].path: can hold for no call of listener secure (TLS): bytes have no path; match by host, or leave it out",
    ],
    "a host of plain TCP": [
      "db",
      { matches: [{ host: "a.example" }] },
      "spec.matches[0].host: can hold for no call of listener db (TCP): plain TCP names no host; bind the route by sectionName alone, or use a TLS listener",
    ],
    "HTTP and bytes in one": [
      "db",
      { backendRefs: [{ url: "tcp://db:80" }, { url: "http://db:80" }] },
      'spec.backendRefs[1].url: "http://db:80" carries other calls than tcp://db:80; make two routes of it',
    ],
    "a PROXY header before HTTP": [
      "web",
      { backendRefs: [{ url: "http://db:80", proxyProtocol: "V2" }] },
      'spec.backendRefs[0].proxyProtocol: "V2" is for tcp:// and tls:// alone; leave it out',
    ],
    "tcp:// behind net.tcp": [
      "wcf",
      {},
      'spec.backendRefs[0].url: "tcp://db:80" takes no calls of listener wcf (NetTCP); write net.tcp://, or bind the route to another listener',
    ],
    "a method of net.tcp": [
      "wcf",
      { backendRefs: [{ url: "net.tcp://db:808" }], matches: [{ method: "POST" }] },
      "spec.matches[0].method: can hold for no call of listener wcf (NetTCP): bytes have no method; match by host, or leave it out",
    ],
    "net.tcp and bytes in one": [
      "wcf",
      { backendRefs: [{ url: "net.tcp://db:808" }, { url: "tcp://db:80" }] },
      'spec.backendRefs[1].url: "tcp://db:80" carries other calls than net.tcp://db:808; make two routes of it',
    ],
    "a PROXY header before net.tcp": [
      "wcf",
      { backendRefs: [{ url: "net.tcp://db:808", proxyProtocol: "V2" }] },
      'spec.backendRefs[0].proxyProtocol: "V2" is for tcp:// and tls:// alone; leave it out',
    ],
    "tcp:// without a port": [
      "db",
      { backendRefs: [{ url: "tcp://db" }] },
      'spec.backendRefs[0].url: "tcp://db" names no port, and tcp:// has none of its own; write tcp://host:port',
    ],
    "tcp:// with a path": [
      "db",
      { backendRefs: [{ url: "tcp://db:1/x" }] },
      'spec.backendRefs[0].url: "tcp://db:1/x" is more than scheme://host:port; leave the rest out',
    ],
  };

  test.each(Object.entries(cases))("%s", (_, [listener, route, message]) => {
    expect(() => parse(listener, route)).toThrow(`TunnelRoute r: ${message}`);
  });

  test("a PROXY header on HTTP", () => {
    expect(() => parse("db", {}, { proxyProtocol: { trustedAddresses: ["10.0.0.0/8"] } })).toThrow(
      "spec.dmz.listeners[0].proxyProtocol: is not for HTTP listeners in this version; leave it out",
    );
  });

  test.each(["10.0.0.0/33", "10.0.0.0/8/8", "example.com", "::/129", "10.0.0/8", ""])(
    "%j among trusted addresses",
    (network) => {
      const text = JSON.stringify(tunnel({}, { proxyProtocol: { trustedAddresses: [network] } }));
      expect(() => parseDocuments(text, "f")).toThrow('is not a network such as "10.0.0.0/8"');
    },
  );
});

test("T5: a net.tcp route may ask for host, path, action and header", () => {
  const asked = { host: "a.example", path: { value: "/x" }, soap: { action: { value: "urn:a" } } };
  const route = { backendRefs: [{ url: "net.tcp://calc:808" }], matches: [asked, {}] };
  expect(parse("wcf", route).routes).toHaveLength(1);
});

test("a route of no section is of those listeners whose calls it fits", () => {
  const route = {
    parentRefs: [{ name: "t" }],
    backendRefs: [{ url: "tcp://db:80" }],
    matches: [{ host: "a.example" }],
  };
  expect(parse("db", route).routes).toHaveLength(1);
});

function parse(listener: string, route: object, web: object = {}) {
  const document = {
    ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name: "r" } },
    spec: { parentRefs: [{ name: "t", sectionName: listener }], backendRefs: [{ url: "tcp://db:80" }], ...route },
  };
  return parseDocuments(`${JSON.stringify(tunnel(web))}\n---\n${JSON.stringify(document)}`, "f");
}

function tunnel(web: object, tcp: object = {}) {
  const listeners = [
    { name: "web", protocol: "HTTP", port: 1, ...web },
    { name: "db", protocol: "TCP", port: 2, ...tcp },
    { name: "secure", protocol: "TLS", port: 3 },
    { name: "wcf", protocol: "NetTCP", port: 4 },
  ];
  return {
    ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "ReverseTunnel", metadata: { name: "t" } },
    spec: { dmz: { listeners } },
  };
}

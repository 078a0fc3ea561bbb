import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { check } from "./check.ts";
import type { CheckCall } from "./check-call.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-check-"));
afterAll(() => rmSync(folder, { recursive: true }));

const documents = `
apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: partners }
spec: { dmz: { listeners: [{ name: http, protocol: HTTP, port: 8080 }] } }
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: calc }
spec:
  parentRefs: [{ name: partners, sectionName: http }]
  matches:
    - { soap: { action: { type: Contains, value: ICalc } } }
    - { soap: { header: { name: ClientRouteName, value: test } } }
  backendRefs: [{ url: "http://calc:80" }]
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: orders }
spec:
  parentRefs: [{ name: partners }]
  matches: [{ path: { value: /orders }, host: shop.example.com, headers: [{ name: X-Tenant, value: blue }] }]
  backendRefs: [{ url: "http://orders:80" }]
`;
const [tunnelText = "", calcText = "", ordersText = ""] = documents.split("---");

const nothing: CheckCall = {
  ...{ action: undefined, headers: [], soapHeaders: [], path: undefined, host: undefined },
  ...{ method: undefined, listener: undefined, message: undefined },
};

async function run(call: Partial<CheckCall> | undefined, options: object = {}, text = documents) {
  let out = "";
  const asked = { files: ["-"], tunnel: undefined, json: false, verbose: false, ...options };
  const exitCode = await check(
    { ...asked, call: call && { ...nothing, ...call } },
    Readable.from([Buffer.from(text)]),
    (more) => {
      out += more;
    },
  );
  return { exitCode, out };
}

describe("a net.tcp session", () => {
  const session = `
apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: wcf }
spec: { dmz: { listeners: [{ name: wcf, protocol: NetTCP, port: 808 }] } }
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: calc }
spec:
  parentRefs: [{ name: wcf }]
  matches: [{ host: calc.example, path: { value: /calc } }, { soap: { action: { type: Contains, value: ICalc } } }]
  backendRefs: [{ url: "net.tcp://calc:808" }]
`;

  it.each<[string, Partial<CheckCall>, string]>([
    ["its via", { via: "net.tcp://calc.example:808/calc/x" }, "The call goes to route default/calc, matches[0]."],
    ["its action", { via: "net.tcp://x/", action: "urn:ICalc" }, "The call goes to route default/calc, matches[1]."],
    ["neither", { via: "net.tcp://x/calc", action: "urn:x" }, "No route takes the call."],
  ])("T9: is explained by %s", async (_, call, verdict) => {
    const { out } = await run(call, {}, session);
    expect(out.split("\n")[0]).toBe(verdict);
  });

  it("has nothing of HTTP, and needs its via; other calls have none", async () => {
    const only = "listener wcf is NetTCP; its sessions have --via, --action and --soap-header, and nothing else";
    await expect(run({ via: "net.tcp://x/", path: "/x" }, {}, session)).rejects.toThrow(only);
    const lacks = "listener wcf is NetTCP; say by --via what the client connects to";
    await expect(run({ action: "urn:x" }, {}, session)).rejects.toThrow(lacks);
    const http = "listener http is HTTP; --via is for NetTCP listeners, give one by --listener";
    await expect(run({ via: "net.tcp://x/" })).rejects.toThrow(http);
  });
});

function message(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const soap11 = "http://schemas.xmlsoap.org/soap/envelope/";
const soap12 = "http://www.w3.org/2003/05/soap-envelope";
const envelope = (namespace: string, header: string) =>
  `<s:Envelope xmlns:s="${namespace}"><s:Header>${header}</s:Header><s:Body/></s:Envelope>`;

describe("sallyport check, without a call", () => {
  it("says that documents are fine, and what is probably not meant", async () => {
    expect(await run(undefined)).toStrictEqual({
      exitCode: 0,
      out: [
        "fine: 1 tunnel, 2 routes",
        "warning: route default/calc is found by SOAP action or header alone: ?wsdl, OPTIONS and HEAD carry none, and the bootstraps of secure and reliable sessions carry others; a match by path or host beside would take these",
        "",
      ].join("\n"),
    });
  });

  it("warns of nothing where a route takes the rest", async () => {
    const rest = ordersText.replace(/matches.*\n/, "\n");
    expect((await run(undefined, {}, [tunnelText, calcText, rest].join("---"))).out).toBe("fine: 1 tunnel, 2 routes\n");
  });

  it("takes routes alone, and warns of a Service, which only a cluster has", async () => {
    const service = ordersText.replace('url: "http://orders:80"', "name: orders, port: 80");
    const { exitCode, out } = await run(undefined, {}, service);
    expect([exitCode, out]).toStrictEqual([
      0,
      expect.stringMatching(/^fine: 0 tunnels, 1 route\nwarning: route default\/orders: backendRefs\[0\] .*\n$/),
    ]);
  });

  it("warns of a route that a cluster would not let in", async () => {
    const elsewhere = ordersText
      .replace("name: orders }", "name: orders, namespace: shop }")
      .replace("name: partners", "name: partners, namespace: default")
      .replace(/matches.*\n/, "\n");
    const { out } = await run(undefined, {}, [tunnelText, elsewhere].join("---"));
    const warning =
      "warning: route shop/orders is of another namespace than tunnel default/partners: a cluster lets it in only with allowedRoutes.namespaces.from: All or Selector at the tunnel's listener";
    expect(out).toBe(`fine: 1 tunnel, 1 route\n${warning}\n`);
    const open = tunnelText.replace(/port: (\d+) }/, "port: $1, allowedRoutes: { namespaces: { from: All } } }");
    expect((await run(undefined, {}, [open, elsewhere].join("---"))).out).toBe("fine: 1 tunnel, 1 route\n");
  });

  it("throws what is wrong with documents, and prints it as JSON when asked", async () => {
    const wrong = documents.replace("http://calc:80", "ftp://calc:80");
    await expect(run(undefined, {}, wrong)).rejects.toThrow(/^standard input:15: TunnelRoute calc: /);
    const { exitCode, out } = await run({ path: "/" }, { json: true }, wrong);
    expect([exitCode, JSON.parse(out)]).toStrictEqual([
      2,
      {
        problems: [
          {
            ...{ source: "standard input", line: 15, column: 0, document: "TunnelRoute calc" },
            ...{
              path: "spec.backendRefs[0].url",
              message: '"ftp://calc:80" is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
            },
          },
        ],
        problemsTotal: 1,
      },
    ]);
  });

  it("counts as JSON", async () => {
    const { out } = await run(undefined, { json: true });
    expect(JSON.parse(out)).toStrictEqual({
      tunnels: 1,
      routes: 2,
      warnings: [expect.stringMatching(/^route default\/calc/)],
    });
  });
});

describe("T9: sallyport check, with a call", () => {
  it("says which route takes it and why each other one does not", async () => {
    const headers = [{ name: "x-tenant", value: "blue" }];
    expect(await run({ path: "/orders/7?a=b", host: "shop.example.com", headers })).toStrictEqual({
      exitCode: 0,
      out: [
        "The call goes to route default/orders, matches[0].",
        "Of the envelope nothing is known: a GET carries no envelope.",
        "takes    default/orders, matches[0]",
        '  yes host: expected "shop.example.com", came "shop.example.com"',
        '  yes path: expected PathPrefix "/orders", came "/orders/7"',
        '  yes headers[X-Tenant]: expected Exact "blue", came "blue"',
        "refuses  default/calc, matches[0]",
        '  yes listener: expected "http", came "http"',
        '  no  soap.action: expected Contains "ICalc", came nothing (no envelope was read: a GET carries no envelope)',
        "refuses  default/calc, matches[1]",
        '  yes listener: expected "http", came "http"',
        '  no  soap.header[ClientRouteName]: expected Exact "test", came nothing (no envelope was read: a GET carries no envelope)',
        "",
      ].join("\n"),
    });
  });

  const taken: Record<string, [Partial<CheckCall>, string | undefined]> = {
    "by an action as SOAP 1.1 sends it": [{ action: "urn:ICalc/Add" }, "default/calc, matches[0]"],
    "by an action as SOAP 1.2 sends it": [
      { action: "urn:ICalc/Add", headers: [{ name: "Content-Type", value: "application/soap+xml" }] },
      "default/calc, matches[0]",
    ],
    "by a SOAP header": [{ soapHeaders: [{ name: "ClientRouteName", value: "test" }] }, "default/calc, matches[1]"],
    "by a SOAP header with a namespace": [
      { soapHeaders: [{ name: "{urn:x}ClientRouteName", value: "test" }] },
      "default/calc, matches[1]",
    ],
    "by no SOAP header of another value": [{ soapHeaders: [{ name: "ClientRouteName", value: "no" }] }, undefined],
    "by a message's SOAP header": [
      { message: message("11.xml", envelope(soap11, "<ClientRouteName>test</ClientRouteName>")) },
      "default/calc, matches[1]",
    ],
    "by a message in UTF-16": [
      {
        message: message(
          "16.xml",
          Buffer.from(`\ufeff${envelope(soap12, "<ClientRouteName>test</ClientRouteName>")}`, "utf16le"),
        ),
      },
      "default/calc, matches[1]",
    ],
    "by a message's wsa:Action": [
      {
        message: message(
          "12.xml",
          envelope(soap12, '<a:Action xmlns:a="http://www.w3.org/2005/08/addressing">urn:ICalc/Add</a:Action>'),
        ),
      },
      "default/calc, matches[0]",
    ],
    "by a part of a message with attachments": [
      {
        message: message(
          "mtom",
          `--b\r\nContent-Type: application/xop+xml\r\n\r\n${envelope(soap11, "<ClientRouteName>test</ClientRouteName>")}\r\n--b--\r\n`,
        ),
        headers: [{ name: "content-type", value: "multipart/related; boundary=b" }],
      },
      "default/calc, matches[1]",
    ],
    "by nothing": [{ path: "/" }, undefined],
    "by no listener of another name": [{ action: "ICalc", listener: "http" }, "default/calc, matches[0]"],
  };
  it.each(Object.entries(taken))("finds a route %s", async (_, [call, route]) => {
    const { exitCode, out } = await run(call);
    const verdict = route === undefined ? "No route takes the call." : `The call goes to route ${route}.`;
    expect([exitCode, out.split("\n", 1)[0]]).toStrictEqual([route === undefined ? 1 : 0, verdict]);
  });

  it("says that a router would refuse a message", async () => {
    const bomb = message("bomb.xml", `<!DOCTYPE x [<!ENTITY a "b">]>${envelope(soap11, "")}`);
    const { exitCode, out } = await run({ message: bomb });
    expect([exitCode, out]).toStrictEqual([1, expect.stringMatching(/^The call is refused: .+\.\n$/)]);
    expect(JSON.parse((await run({ message: bomb }, { json: true })).out)).toStrictEqual({
      ...{ tunnel: "default/partners", refused: expect.any(String), taken: null, warnings: [] },
    });
  });

  it("tells all as JSON", async () => {
    const { exitCode, out } = await run({ action: "urn:ICalc" }, { json: true });
    const { matches, ...rest } = JSON.parse(out);
    expect([exitCode, rest]).toStrictEqual([
      0,
      {
        ...{ tunnel: "default/partners", warnings: [], taken: { route: "default/calc", matchIndex: 0 } },
        envelope: { t: "notRead", why: "the call has no body" },
      },
    ]);
    expect(matches.map(({ outcome }: { outcome: string }) => outcome)).toStrictEqual(["refuses", "takes", "refuses"]);
  });

  const other = tunnelText.replace("partners", "others");
  const wrong: Record<string, [Partial<CheckCall>, object, string, string]> = {
    "several tunnels and none chosen": [
      {},
      {},
      `${documents}---${other}`,
      "--tunnel is needed: there are default/partners, default/others",
    ],
    "a tunnel that is not there": [
      {},
      { tunnel: "x" },
      documents,
      "--tunnel x: there is none; there are default/partners",
    ],
    "a listener that is not there": [
      { listener: "https" },
      {},
      documents,
      "--listener https: tunnel default/partners has http",
    ],
    "a message that is not there": [
      { message: join(folder, "none") },
      {},
      documents,
      `${join(folder, "none")}: there is no such file`,
    ],
  };
  it.each(Object.entries(wrong))("refuses %s", async (_, [call, options, text, message]) => {
    await expect(run(call, options, text)).rejects.toMatchObject({ exitCode: 2, message });
  });

  it("takes the tunnel it is told, by name", async () => {
    const { out } = await run({ action: "ICalc" }, { tunnel: "others" }, `${documents}---${other}`);
    expect(out).toBe("No route takes the call.\n");
  });
});

describe("sallyport check, of listeners for bytes", () => {
  const streams = `
apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: partners }
spec:
  dmz:
    listeners:
      - { name: http, protocol: HTTP, port: 8080 }
      - { name: db, protocol: TCP, port: 5432 }
      - { name: secure, protocol: TLS, port: 8443 }
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: db }
spec:
  parentRefs: [{ name: partners, sectionName: db }]
  backendRefs: [{ url: "tcp://db:5432" }]
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: shop }
spec:
  parentRefs: [{ name: partners }]
  matches: [{ host: "*.example.com" }]
  backendRefs: [{ url: "tcp://shop:443" }]
`;

  it("T9: says which route takes a connection by the name that TLS calls", async () => {
    expect(await run({ listener: "secure", host: "a.example.com" }, {}, streams)).toStrictEqual({
      exitCode: 0,
      out: [
        "The call goes to route default/shop, matches[0].",
        "takes    default/shop, matches[0]",
        '  yes host: expected "*.example.com", came "a.example.com"',
        "refuses  default/db, matches[0]",
        '  no  listener: expected "db", came "secure"',
        "",
      ].join("\n"),
    });
  });

  it("says that an HTTP call goes to no route for bytes", async () => {
    const { exitCode, out } = await run({ listener: "http", host: "a.example.com" }, {}, streams);
    expect(exitCode).toBe(1);
    expect(out).toContain(`no  protocol: expected one that the route's backendRefs carry, came "HTTP"`);
  });

  it.each([
    [{ listener: "db", path: "/" }, "of the call's options only --listener and --host are for these"],
    [{ listener: "db", host: "a.example.com" }, "a stream of bytes that names no host; leave out --host"],
  ])("refuses what bytes have not: %j", async (call, message) => {
    await expect(run(call, {}, streams)).rejects.toThrow(message);
  });
});

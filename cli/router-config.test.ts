import { readFileSync } from "node:fs";
import type { IntranetConfig } from "@sallyport/proto/router-config";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileReader } from "./file-reader.ts";
import { makeIdentities } from "./identity-files.ts";
import { readRouterConfig } from "./router-config.ts";
import { createRouterFiles, dmzYaml, intranetYaml, type RouterFiles, routeYaml } from "./testing/router-files.ts";

const now = new Date("2026-11-23T12:00:00Z");
let files: RouterFiles;

beforeEach(async () => {
  files = await createRouterFiles(now);
});

afterEach(() => files.remove());

const read = (side: "dmz" | "intranet", reader = new FileReader(), at = now) =>
  readRouterConfig(side, files.path(side === "dmz" ? "r1.yaml" : "r2.yaml"), reader, at);

describe("T10: a router's configuration and its files", () => {
  it("R1: certificates and key come from the files it names, beside it", async () => {
    const { config, certificateUntil, warnings } = await read("dmz");
    expect(config.identity).toStrictEqual({
      certificateChain: readFileSync(files.path("r1/certificate.pem"), "utf8"),
      privateKey: readFileSync(files.path("r1/private-key.pem"), "utf8"),
      trustedCas: readFileSync(files.path("r1/trusted-cas.pem"), "utf8"),
    });
    expect({ certificateUntil, warnings }).toStrictEqual({
      certificateUntil: new Date("2027-11-23T12:00:00.000Z"),
      warnings: [],
    });
  });

  it("R2: routes come from files and from the configuration itself", async () => {
    const inline = JSON.stringify([
      {
        ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name: "inline" } },
        spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: "http://x" }] },
      },
    ]);
    await files.write("r2.yaml", `${intranetYaml}routes: ${inline}\n`);
    const { config } = await read("intranet");
    expect((config as IntranetConfig).routes.map(({ metadata }) => metadata.name)).toStrictEqual(["inline", "all"]);
  });

  it("are all watched", async () => {
    const reader = new FileReader();
    await read("intranet", reader);
    const names = ["r2.yaml", "r2/certificate.pem", "r2/private-key.pem", "r2/trusted-cas.pem", "routes.yaml"];
    expect([...reader.seen.keys()].sort()).toStrictEqual(names.map(files.path).sort());
  });

  it("a key that its group may read is taken: a service's user often is not the owner", async () => {
    await files.chmod("r1/private-key.pem", 0o640);
    await expect(read("dmz")).resolves.toBeDefined();
  });

  it("warns of a route of another tunnel, and of a certificate that ends soon", async () => {
    await files.write("routes.yaml", routeYaml("stray", "partner"));
    const { warnings } = await read("intranet", new FileReader(), new Date("2027-11-10T12:00:00Z"));
    expect(warnings).toStrictEqual([
      'the certificate expires on 2027-11-23T12:00:00.000Z; make new ones with "sallyport identity --renew"',
      "route default/stray takes nothing: no parentRef of it names this router's tunnel, default/partners",
    ]);
  });
});

describe("a router's configuration is refused when", () => {
  const inlineKey = (key: string) => dmzYaml.replace("privateKeyFile: r1/private-key.pem", `privateKey: ${key}`);
  const tracing = 'tracing: { otlp: { url: "http://c:4318", headers: { Authorization: s3cr3t } } }\n';
  const refused: Record<string, ["dmz" | "intranet", () => Promise<unknown>, string]> = {
    "a file is missing": [
      "intranet",
      () => files.write("r2.yaml", intranetYaml.replace("routes.yaml", "rutes.yaml")),
      "FOLDER/rutes.yaml: there is no such file",
    ],
    "a document is wrong": [
      "intranet",
      () => files.write("routes.yaml", routeYaml("all").replace("http:", "ftp:")),
      'FOLDER/routes.yaml:4: TunnelRoute all: spec.backendRefs[0].url: "ftp://127.0.0.1:9000" is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
    ],
    "others may read its key": [
      "dmz",
      () => files.chmod("r1/private-key.pem", 0o644),
      "FOLDER/r1/private-key.pem: holds a private key and is open to others (mode 644); chmod 600 FOLDER/r1/private-key.pem",
    ],
    "others may write its key": [
      "dmz",
      () => files.chmod("r1/private-key.pem", 0o620),
      "FOLDER/r1/private-key.pem: holds a private key and is open to others (mode 620); chmod 600 FOLDER/r1/private-key.pem",
    ],
    "it holds the key itself and others may read it": [
      "dmz",
      () => files.write("r1.yaml", inlineKey("s3cr3t")).then(() => files.chmod("r1.yaml", 0o644)),
      "FOLDER/r1.yaml: holds a private key and is open to others (mode 644); chmod 600 FOLDER/r1.yaml",
    ],
    "it holds the collector's credentials and others may read it": [
      "intranet",
      () => files.write("r2.yaml", `${intranetYaml}${tracing}`).then(() => files.chmod("r2.yaml", 0o644)),
      "FOLDER/r2.yaml: holds headers of tracing.otlp and is open to others (mode 644); chmod 600 FOLDER/r2.yaml",
    ],
    "the key is none": [
      "dmz",
      () => files.write("r1/private-key.pem", "s3cr3t"),
      "FOLDER/r1.yaml: identity: privateKey is no PEM private key without a passphrase",
    ],
    "the key is another one's": [
      "dmz",
      () => files.write("r1/private-key.pem", readFileSync(files.path("r2/private-key.pem"), "utf8")),
      "FOLDER/r1.yaml: identity: privateKey is not the certificate's; take both from the same folder",
    ],
    "the certificate is none": [
      "dmz",
      () => files.write("r1/certificate.pem", "x"),
      "FOLDER/r1.yaml: identity: certificateChain is no PEM certificate (-----BEGIN CERTIFICATE-----)",
    ],
    "the CA is none": [
      "dmz",
      () => files.write("r1/trusted-cas.pem", "x"),
      "FOLDER/r1.yaml: identity: trustedCas is no PEM certificate (-----BEGIN CERTIFICATE-----)",
    ],
    "the certificates are the other router's": [
      "dmz",
      () => files.write("r1.yaml", dmzYaml.replaceAll("r1/", "r2/")),
      "FOLDER/r1.yaml: identity: the certificate names spiffe://sallyport/tunnel/default/partners/intranet; this tunnel expects spiffe://sallyport/tunnel/default/partners/dmz; take the files of folder r1",
    ],
    "a route stands in two places": [
      "intranet",
      () => files.write("r2.yaml", `${intranetYaml}routes: [${JSON.stringify(yamlRoute)}]\n`),
      "FOLDER/r2.yaml: route default/all stands both in routes and in a file of routeFiles; keep one",
    ],
  };
  it.each(Object.entries(refused))("%s", async (_, [side, spoil, message]) => {
    await spoil();
    await expect(read(side)).rejects.toThrow(message.replaceAll("FOLDER", files.folder));
  });

  it("its certificate has ended, or has not begun", async () => {
    await expect(read("dmz", new FileReader(), new Date("2027-11-24T00:00:00Z"))).rejects.toThrow(
      'the certificate expired on 2027-11-23T12:00:00.000Z; make new ones with "sallyport identity --renew"',
    );
    await expect(read("dmz", new FileReader(), new Date("2026-11-23T10:00:00Z"))).rejects.toThrow(
      "the certificate is valid from 2026-11-23T11:00:00.000Z on; set this machine's clock",
    );
  });

  it("no message shows a key", async () => {
    await files.write(
      "r1.yaml",
      dmzYaml.replace("privateKeyFile:", "privateKey: s3cr3t, s3cr3t: s3cr3t, privateKeyFile:"),
    );
    const error = await read("dmz").then(
      () => "taken",
      (reason: Error) => `${reason.stack}`,
    );
    expect(error).toContain("identity: has both privateKey and privateKeyFile");
    expect(error).not.toContain("s3cr3t");
  });
});

describe("renewed certificates", () => {
  it("are taken, and those of the other router stay good: the CA is the same", async () => {
    const before = await read("dmz");
    const options = { out: files.folder, tunnel: undefined, trustDomain: undefined, days: 30, verbose: false };
    await makeIdentities({ ...options, renew: true, force: false }, now);
    const after = await read("dmz");
    expect(after.certificateUntil).toStrictEqual(new Date("2026-12-23T12:00:00Z"));
    expect(after.config.identity.trustedCas).toBe(before.config.identity.trustedCas);
    expect(after.config.identity.privateKey).not.toBe(before.config.identity.privateKey);
  });
});

const yamlRoute = {
  ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name: "all" } },
  spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: "http://x" }] },
};

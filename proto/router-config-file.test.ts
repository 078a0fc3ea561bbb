import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DocumentError } from "./document-error.ts";
import { fileBytesMax } from "./documents.ts";
import { parseDmzConfigFile, parseIntranetConfigFile, routeFilesMax } from "./router-config-file.ts";

const files = `identity:
  certificateChainFile: certificate.pem
  privateKeyFile: private-key.pem
  trustedCasFile: ca.pem
`;
const dmz = `tunnel: partners/partners
${files}admin: { address: 127.0.0.1, port: 9901 }
listeners: [{ name: http, protocol: HTTP, port: 8080 }]
tunnelEndpoint: { address: 0.0.0.0, port: 7443 }
health: { address: 0.0.0.0, port: 8085 }
`;
const intranet = `tunnel: partners/partners
${files}admin: { address: 127.0.0.1, port: 9902 }
dmz: [{ name: r1, address: r1.example.com, port: 7443 }]
routeFiles: [routes.yaml]
`;

describe("T10: a router's configuration file", () => {
  test("of R1 names files, and has every default filled in", () => {
    expect(parseDmzConfigFile(dmz, "r1.yaml")).toMatchObject({
      identity: {
        certificateChainFile: "certificate.pem",
        privateKeyFile: "private-key.pem",
        trustedCasFile: "ca.pem",
      },
      waiting: { callsMax: 1000, timeoutMs: 5_000 },
    });
  });

  test("of R2 names files of routes", () => {
    const { routeFiles, routes } = parseIntranetConfigFile(intranet, "r2.yaml");
    expect({ routeFiles, routes }).toStrictEqual({ routeFiles: ["routes.yaml"], routes: undefined });
  });

  test("may hold PEM text beside names of files", () => {
    const mixed = dmz.replace("trustedCasFile: ca.pem", "trustedCas: |\n    -----BEGIN CERTIFICATE-----");
    expect(parseDmzConfigFile(mixed, "r1.yaml").identity).toStrictEqual({
      certificateChainFile: "certificate.pem",
      privateKeyFile: "private-key.pem",
      trustedCas: "-----BEGIN CERTIFICATE-----\n",
    });
  });
});

describe("a configuration file is refused, with its line, when", () => {
  const refused: Record<string, [string, string]> = {
    "it is empty": ["# nothing\n", "r1.yaml: holds no configuration"],
    "it is not YAML": [
      "a: [",
      "r1.yaml:1:5: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    "it is too long": [
      "#".repeat(fileBytesMax + 1),
      `r1.yaml: is longer than ${fileBytesMax} bytes; no configuration is`,
    ],
    "it has two documents": [
      `${dmz}---\na: 1\n`,
      "r1.yaml:11: is a second document; a configuration is one, without ---",
    ],
    "it is a document": [
      "apiVersion: sallyport.dev/v1alpha1\nkind: ReverseTunnel\n",
      "r1.yaml:2: kind: \"ReverseTunnel\" is a document's kind, and this is a router's configuration: name documents in its routeFiles",
    ],
    "a key is misspelt": [`${dmz}wating: {}\n`, 'r1.yaml:10: wating: is not a known key; did you mean "waiting"?'],
    "a port is taken twice": [
      dmz.replace("8085", "8080"),
      "r1.yaml:9: health.port: 8080 is taken: listeners[0] listens at 0.0.0.0; choose another port or address",
    ],
    "a part of the identity is missing": [
      dmz.replace("  trustedCasFile: ca.pem\n", ""),
      "r1.yaml:2: identity: has no trustedCas; give trustedCasFile, or its PEM text as trustedCas",
    ],
    "a part of the identity is there twice": [
      dmz.replace("  trustedCasFile", "  privateKey: s3cr3t\n  trustedCasFile"),
      "r1.yaml:2: identity: has both privateKey and privateKeyFile; keep one",
    ],
    "a secret stands where a key belongs": [
      dmz.replace("  trustedCasFile", "  s3cr3t: 1\n  trustedCasFile"),
      "r1.yaml:2: identity: has a key that is not known; known here: certificateChain, certificateChainFile, privateKey, privateKeyFile, trustedCas, trustedCasFile",
    ],
  };
  test.each(Object.entries(refused))("%s", (_, [text, message]) => {
    expect(errorOf(() => parseDmzConfigFile(text, "r1.yaml"))).toBe(message);
  });

  test("R2 has no routes", () => {
    expect(errorOf(() => parseIntranetConfigFile(intranet.replace(/routeFiles.*\n/, ""), "r2.yaml"))).toBe(
      "r2.yaml:1: routeFiles: is missing; give the files of your TunnelRoute documents, or routes",
    );
  });

  test("R2 names too many files of routes", () => {
    const many = JSON.stringify(Array.from({ length: routeFilesMax + 1 }, (_, index) => `${index}.yaml`));
    expect(errorOf(() => parseIntranetConfigFile(intranet.replace("[routes.yaml]", many), "r2.yaml"))).toMatch(
      /^r2\.yaml:8: routeFiles: .*64/,
    );
  });
});

function errorOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DocumentError) return error.message;
    throw error;
  }
  throw new Error("the file was taken");
}

describe("whatever a configuration file holds", () => {
  const line = fc.constantFrom(
    ...[
      "tunnel: a/b\n",
      "admin: {address: a, port: 0}\n",
      "identity:\n",
      "  privateKey: secret-key\n",
      "  certificateChain: c\n",
    ],
    ...[
      "  trustedCas: t\n",
      "limits: {callsPerLink: -1}\n",
      "listeners: [{name: x}]\n",
      "routeFiles: [a]\n",
      "dmz: []\n",
    ],
    ...[
      "---\n",
      "- ",
      "[",
      "{",
      "&a ",
      "*a\n",
      "? ",
      "kind: TunnelRoute\n",
      "\t",
      "\u0000",
      "\ud800",
      "__proto__: 1\n",
    ],
  );

  test("it is a configuration or a DocumentError that shows no secret", () => {
    const text = fc.array(line, { maxLength: 14 }).map((lines) => lines.join(""));
    fc.assert(
      fc.property(text, fc.constantFrom(parseDmzConfigFile, parseIntranetConfigFile), (each, parse) => {
        try {
          parse(each, "f.yaml");
        } catch (error) {
          expect(error).toBeInstanceOf(DocumentError);
          expect((error as Error).message).not.toContain("secret-key");
        }
      }),
      { numRuns: 500 },
    );
  });
});

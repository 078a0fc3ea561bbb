import { isDeepStrictEqual } from "node:util";
import { DocumentError } from "@sallyport/proto/document-error";
import { type Documents, parseDocuments } from "@sallyport/proto/documents";
import { parseDmzConfigFile, parseIntranetConfigFile } from "@sallyport/proto/router-config-file";
import { depthMax, readYaml, valuesMax } from "@sallyport/proto/yaml-text";
import { parseAllDocuments, stringify } from "yaml";
import { expectError, type Target } from "../target.ts";

const tunnel = `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: {name: t}
spec:
  dmz: {listeners: [{name: http, protocol: HTTP, port: 8080}]}
`;
const route = `apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: {name: calc}
spec:
  parentRefs: [{name: t}]
  matches:
    - soap: {action: {type: Prefix, value: "urn:"}}
      path: {type: PathPrefix, value: /calc}
  backendRefs: [{url: "http://localhost:8000", weight: 1}]
`;
const common = `tunnel: n/t
identity: {certificateChain: c, privateKey: k, trustedCas: t}
admin: {address: 127.0.0.1, port: 0}
`;

/** What is taken, written out, is taken again and the same; plain YAML reads as the library alone reads it. */
export const target: Target = {
  summary: "YAML documents and the routers' configuration files",
  seeds: [
    `${tunnel}---\n${route}`,
    route,
    `${common}listeners: [{name: http, protocol: HTTP, port: 0}]\ntunnelListener: {address: 127.0.0.1, port: 0}\n`,
    `${common}routeFiles: [routes.yaml]\ndmz: [{address: 127.0.0.1, port: 1}]\nlimits: {callsPerLink: 4}\n`,
    '{"a": [1, 0x1f, 1e3, null, true, "\\u00e9"], "b": &x {c: *x}}',
    `${"- ".repeat(depthMax)}deep`,
    "a: |\n  text\n  more\nb: >-\n  folded\n? c\n: - 1\n  - &d 2\n  - *d\n",
  ].map((text) => Buffer.from(text)),
  tokens: [
    "---\n",
    "...\n",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "__proto__",
    "? ",
    "|\n",
    "\n  ",
    "- ",
    "- - - - ",
    "{}",
    "[]",
    "~",
    "port: ",
    "name: ",
  ],
  inputBytesMax: 4096,
  bufferBytesMax: 4 * 1024 * 1024,
  run(input) {
    const text = input.toString("utf8");
    checkYaml(text);
    if (text.includes("kind")) {
      checkDocuments(text);
    } else {
      attempt(() => parseDmzConfigFile(text, "f.yaml"));
      attempt(() => parseIntranetConfigFile(text, "f.yaml"));
    }
  },
};

function checkDocuments(text: string): void {
  const documents = attempt(() => parseDocuments(text, "f.yaml"));
  if (documents === undefined) return;
  const written = [...documents.tunnels, ...documents.routes].map((document) => stringify(document)).join("---\n");
  const again: Documents = parseDocuments(written, "again.yaml");
  if (!isDeepStrictEqual(again, documents)) throw new Error(`reads otherwise when written again:\n${written}`);
}

function checkYaml(text: string): void {
  const ours = [...readYaml(text)];
  if (ours.some(({ faults }) => faults.length > 0)) return;
  for (const { value } of ours) checkBounds(value);
  const theirs = parseAllDocuments(text, {
    schema: "core",
    resolveKnownTags: false,
    uniqueKeys: false,
    logLevel: "silent",
  });
  const values = [...theirs].map((document) => document.toJS({ maxAliasCount: -1 })).filter((value) => value !== null);
  if (
    isDeepStrictEqual(
      ours.map(({ value }) => value),
      values,
    )
  )
    return;
  throw new Error(`is ${JSON.stringify(ours)}, for the library ${JSON.stringify(values)}`);
}

function checkBounds(value: unknown): void {
  let values = 0;
  const visit = (each: unknown, depth: number): void => {
    values++;
    // Of what is left out only the list around it is seen.
    if (each === null) return;
    if (depth > depthMax) throw new Error(`was taken, nested ${depth} deep`);
    if (typeof each !== "object" || each === null) return;
    for (const inner of Object.values(each)) visit(inner, depth + 1);
  };
  visit(value, 0);
  if (values > valuesMax) throw new Error(`was taken with ${values} values`);
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    expectError(error, DocumentError);
    return undefined;
  }
}

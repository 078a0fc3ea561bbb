import { describe, expect, test } from "vitest";
import { DocumentError } from "./document-error.ts";
import { parseDocuments } from "./documents.ts";

const backendForms = "give url (any address), or name and port (a Service)";
const kinds = "ReverseTunnel, TunnelRoute";
const syntax = "see https://github.com/google/re2/wiki/Syntax";

/** Sentence → document and the whole message, but for the "f.yaml:" that each line starts with. */
const refused: Record<string, [string, string[]]> = {
  "a file without a document": [
    "# nothing\n",
    [" holds no document; write a ReverseTunnel and its TunnelRoutes, or leave the file out"],
  ],
  "a document that is text": ["hello", ['1: document 1: "hello" is text, not a mapping']],
  "a document that is a list": ["---\n- kind: TunnelRoute", ["2: document 1: is a list, not a mapping"]],
  "a document without kind and apiVersion": [
    "metadata: {}",
    [
      "1: document 1: apiVersion: is missing; give sallyport.dev/v1alpha1",
      `1: document 1: kind: is missing; give one of ${kinds}`,
    ],
  ],
  "an unknown kind": [
    "apiVersion: sallyport.dev/v1alpha1\nkind: Ingress",
    [`2: document 1: kind: "Ingress" is none of ${kinds}`],
  ],
  "a misspelt kind": [
    "apiVersion: sallyport.dev/v1alpha1\nkind: TunnelRoutes",
    [`2: document 1: kind: "TunnelRoutes" is none of ${kinds}; did you mean "TunnelRoute"?`],
  ],
  "a kind of another group": [
    "apiVersion: v1\nkind: Service",
    [
      '1: document 1: apiVersion: "v1" is not known; known: sallyport.dev/v1alpha1',
      `2: document 1: kind: "Service" is none of ${kinds}`,
    ],
  ],
  "a kind that every object has": [
    "apiVersion: sallyport.dev/v1alpha1\nkind: constructor",
    [`2: document 1: kind: "constructor" is none of ${kinds}`],
  ],
  "an unknown version": [
    route().replace("v1alpha1", "v2"),
    ['1: TunnelRoute calc: apiVersion: "sallyport.dev/v2" is not known; known: sallyport.dev/v1alpha1'],
  ],
  "no name": [route({ metadata: "{ namespace: apps }" }), ["3: document 1: metadata.name: is missing; give text"]],
  "a name that is a number": [
    route({ metadata: "{ name: 5 }" }),
    ["3: document 1: metadata.name: 5 is a number, not text; put it in quotes"],
  ],
  "a name in capitals": [
    route({ metadata: "{ name: Calc }" }),
    [
      `3: TunnelRoute Calc: metadata.name: "Calc" is not a Kubernetes name: lower-case letters, digits, '-' and '.', a letter or digit at each end`,
    ],
  ],
  "a namespace with a dot": [
    route({ metadata: "{ name: calc, namespace: a.b }" }),
    [
      `3: TunnelRoute a.b/calc: metadata.namespace: "a.b" is not a Kubernetes label: lower-case letters, digits and '-', a letter or digit at each end`,
    ],
  ],
  "a creation time without a zone": [
    route({ metadata: "{ name: calc, creationTimestamp: 2026-11-23 }" }),
    [
      '3: TunnelRoute calc: metadata.creationTimestamp: "2026-11-23" is not a time in UTC such as "2026-11-23T12:00:00Z"',
    ],
  ],
  "no spec": [
    "apiVersion: sallyport.dev/v1alpha1\nkind: TunnelRoute\nmetadata: { name: calc }",
    ["1: TunnelRoute calc: spec: is missing; give a mapping"],
  ],
  "an empty spec": [route({ spec: "" }), ["4: TunnelRoute calc: spec: is empty; give a mapping"]],
  "a status that is none": [`${route()}status: fine\n`, ['7: TunnelRoute calc: status: "fine" is text, not a mapping']],
  "no parentRefs": [
    route({ spec: '  backendRefs: [{ url: "http://x" }]' }),
    ["4: TunnelRoute calc: spec.parentRefs: is missing; give a list"],
  ],
  "empty lists": [
    route({ spec: "  parentRefs: []\n  backendRefs: []" }),
    [
      "5: TunnelRoute calc: spec.parentRefs: is empty; give at least one entry",
      "6: TunnelRoute calc: spec.backendRefs: is empty; give at least one entry",
    ],
  ],
  "a key that lacks a letter": [
    route({ spec: '  parentRefs: [{ name: p }]\n  backendRef: [{ url: "http://x" }]' }),
    [
      "4: TunnelRoute calc: spec.backendRefs: is missing; give a list",
      '6: TunnelRoute calc: spec.backendRef: is not a known key; did you mean "backendRefs"?',
    ],
  ],
  "a hold, which this version lacks": [
    `${route()}  hold: { maxWait: 30s }\n`,
    ["7: TunnelRoute calc: spec.hold: is not a known key; known here: parentRefs, matches, backendRefs, limits, retry"],
  ],
  "limits that limit nothing": [
    `${route()}  limits: {}\n`,
    ["7: TunnelRoute calc: spec.limits: limits nothing; give maxCalls, callsPerSecond or both"],
  ],
  "limits of no call and of too many": [
    `${route()}  limits: { maxCalls: 0, callsPerSecond: 1000001 }\n`,
    [
      "7: TunnelRoute calc: spec.limits.maxCalls: 0 is less than 1, the least allowed",
      "7: TunnelRoute calc: spec.limits.callsPerSecond: 1000001 is more than 1000000, the most allowed",
    ],
  ],
  "a retry of an unknown kind": [
    `${route()}  retry: { onLinkLoss: Never }\n`,
    ['7: TunnelRoute calc: spec.retry.onLinkLoss: "Never" is none of Idempotent, Always'],
  ],
  "a backendRef that is text": [
    backend("http://x"),
    [`6: TunnelRoute calc: spec.backendRefs[0]: "http://x" is not a mapping; ${backendForms}`],
  ],
  "a backendRef that names nothing": [
    backend("{ weight: 1 }"),
    [`6: TunnelRoute calc: spec.backendRefs[0]: names no destination; ${backendForms}`],
  ],
  "a backendRef with both url and name": [
    backend("{ url: http://x, name: calc, port: 80 }"),
    [`6: TunnelRoute calc: spec.backendRefs[0]: has both url and name; ${backendForms}`],
  ],
  "a url of FTP": [
    backend("{ url: ftp://x }"),
    [
      '6: TunnelRoute calc: spec.backendRefs[0].url: "ftp://x" is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
    ],
  ],
  "a url without slashes": [
    backend("{ url: 'http:x' }"),
    [
      '6: TunnelRoute calc: spec.backendRefs[0].url: "http:x" is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
    ],
  ],
  "a url with a space": [
    backend("{ url: 'http://x ' }"),
    [
      '6: TunnelRoute calc: spec.backendRefs[0].url: "http://x " is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
    ],
  ],
  "a url with an impossible port": [
    backend("{ url: 'http://x:99999' }"),
    [
      '6: TunnelRoute calc: spec.backendRefs[0].url: "http://x:99999" is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
    ],
  ],
  "a url with port 0": [
    backend("{ url: 'http://x:0' }"),
    [
      '6: TunnelRoute calc: spec.backendRefs[0].url: "http://x:0" names port 0; give the port that the service listens on',
    ],
  ],
  "a url with a path": [
    backend("{ url: http://x/base }"),
    [
      `6: TunnelRoute calc: spec.backendRefs[0].url: "http://x/base" is more than scheme://host:port; leave the rest out: a caller's path is passed on as it came`,
    ],
  ],
  "a url with an empty query": [
    backend("{ url: 'http://x/?' }"),
    [
      `6: TunnelRoute calc: spec.backendRefs[0].url: "http://x/?" is more than scheme://host:port; leave the rest out: a caller's path is passed on as it came`,
    ],
  ],
  "a url with a password, which is not shown": [
    backend("{ url: 'http://joe:hush@x' }"),
    [
      `6: TunnelRoute calc: spec.backendRefs[0].url: "http://***@x" is more than scheme://host:port; leave the rest out: a caller's path is passed on as it came`,
    ],
  ],
  "a url with a Service's port": [
    backend("{ url: http://x, port: 80 }"),
    ["6: TunnelRoute calc: spec.backendRefs[0].port: is not a known key; known here: url, weight, proxyProtocol"],
  ],
  "a Service without port": [
    backend("{ name: calc }"),
    ["6: TunnelRoute calc: spec.backendRefs[0].port: is missing; give a number"],
  ],
  "a Service's port in quotes": [
    backend('{ name: calc, port: "80" }'),
    ['6: TunnelRoute calc: spec.backendRefs[0].port: "80" is text, not a number; leave out the quotes'],
  ],
  "a port and a weight out of range": [
    backend("{ name: calc, port: 65536, weight: -1 }"),
    [
      "6: TunnelRoute calc: spec.backendRefs[0].port: 65536 is more than 65535, the most allowed",
      "6: TunnelRoute calc: spec.backendRefs[0].weight: -1 is less than 0, the least allowed",
    ],
  ],
  "17 backendRefs": [
    route({ spec: `  parentRefs: [{ name: p }]\n  backendRefs: [${'{ url: "http://x" },'.repeat(17)}]` }),
    ["6: TunnelRoute calc: spec.backendRefs: has more than 16 entries"],
  ],
  "a match of the wrong kind": [
    match("path: /calc"),
    ['6: TunnelRoute calc: spec.matches[0].path: "/calc" is text, not a mapping'],
  ],
  "a path without its slash": [
    match("path: { value: calc }"),
    ['6: TunnelRoute calc: spec.matches[0].path.value: "calc" does not start with "/"'],
  ],
  "a path with a query": [
    match("path: { value: '/calc?wsdl' }"),
    [
      `6: TunnelRoute calc: spec.matches[0].path.value: "/calc?wsdl" is more than a path; match what follows '?' by queryParams`,
    ],
  ],
  "T9: a misspelt type of match": [
    match("soap: { action: { type: contains, value: ICalc } }"),
    [
      '6: TunnelRoute calc: spec.matches[0].soap.action.type: "contains" is none of Exact, Prefix, Contains, RegularExpression; did you mean "Contains"?',
    ],
  ],
  "T9: an empty SOAP action": [
    match("soap: { action: { value: '' } }"),
    ['6: TunnelRoute calc: spec.matches[0].soap.action.value: "" is empty'],
  ],
  "T9: a SOAP match of neither action nor header": [
    match("soap: {}"),
    ["6: TunnelRoute calc: spec.matches[0].soap: asks for nothing; give action, header or both"],
  ],
  "T9: a SOAP header without its value": [
    match("soap: { header: { name: ClientRouteName } }"),
    ["6: TunnelRoute calc: spec.matches[0].soap.header.value: is missing; give text"],
  ],
  "T9: a SOAP header's name with a prefix": [
    match("soap: { header: { name: 'r:ClientRouteName', value: test } }"),
    [
      `6: TunnelRoute calc: spec.matches[0].soap.header.name: "r:ClientRouteName" is not a name that an XML element can have; write it without a prefix, and its namespace by 'namespace'`,
    ],
  ],
  "T9: a bad regular expression of a SOAP header": [
    match("soap: { header: { name: ClientRouteName, type: RegularExpression, value: 'a**' } }"),
    [
      `6: TunnelRoute calc: spec.matches[0].soap.header.value: "a**" is not an RE2 regular expression: invalid nested repetition operator: \`**\`; ${syntax}`,
    ],
  ],
  "T9: a regular expression too long to be tried": [
    match(`path: { type: RegularExpression, value: '(${"abcdefghi".repeat(3)}){1000}' }`),
    [
      `6: TunnelRoute calc: spec.matches[0].path.value: "(abcdefghiabcdefghiabcdefghi){1000}" is a regular expression of over 1024 steps; shorten it or its repeats {n,m}`,
    ],
  ],
  "T9: a bad regular expression of a SOAP action": [
    match("soap: { action: { type: RegularExpression, value: '(' } }"),
    [
      `6: TunnelRoute calc: spec.matches[0].soap.action.value: "(" is not an RE2 regular expression: missing closing ): \`(\`; ${syntax}`,
    ],
  ],
  "T9: a bad regular expression of a path": [
    match("path: { type: RegularExpression, value: 'a**' }"),
    [
      `6: TunnelRoute calc: spec.matches[0].path.value: "a**" is not an RE2 regular expression: invalid nested repetition operator: \`**\`; ${syntax}`,
    ],
  ],
  "T9: bad regular expressions of a header and a query parameter": [
    match(
      "{ headers: [{ name: x, type: RegularExpression, value: '(?=x)' }], queryParams: [{ name: y, type: RegularExpression, value: '[z-a]' }] }",
    ),
    [
      `6: TunnelRoute calc: spec.matches[0].headers[0].value: "(?=x)" is not an RE2 regular expression: invalid or unsupported Perl syntax: \`(?=\`; ${syntax}`,
      `6: TunnelRoute calc: spec.matches[0].queryParams[0].value: "[z-a]" is not an RE2 regular expression: invalid character class range: \`z-a\`; ${syntax}`,
    ],
  ],
  "T9: a host with a port": [
    match("host: 'calc:80'"),
    [
      `6: TunnelRoute calc: spec.matches[0].host: "calc:80" is not a host name in lower-case letters, without a port, perhaps after '*.'`,
    ],
  ],
  "T9: a method in small letters": [
    match("method: get"),
    ['6: TunnelRoute calc: spec.matches[0].method: "get" is not an HTTP method in capital letters'],
  ],
  "T9: a header name with a colon": [
    match("headers: [{ name: 'x:', value: y }]"),
    [
      `6: TunnelRoute calc: spec.matches[0].headers[0].name: "x:" is not a name that an HTTP header can have: letters, digits and any of !#$%&'*+.^_\`|~-`,
    ],
  ],
  "T5: a protocol of a later version": [
    tunnel("{ name: wcf, protocol: HTTPS, port: 8443 }"),
    [
      '7: ReverseTunnel tunnels/p: spec.dmz.listeners[0].protocol: "HTTPS" is not served by this version; HTTP, TCP, TLS, NetTCP are',
    ],
  ],
  "T5: a protocol in small letters": [
    tunnel("{ name: web, protocol: http, port: 80 }"),
    [
      '7: ReverseTunnel tunnels/p: spec.dmz.listeners[0].protocol: "http" is none of HTTP, TCP, TLS, NetTCP; did you mean "HTTP"?',
    ],
  ],
  "T5: an unheard-of protocol": [
    tunnel("{ name: web, protocol: Gopher, port: 70 }"),
    ['7: ReverseTunnel tunnels/p: spec.dmz.listeners[0].protocol: "Gopher" is none of HTTP, TCP, TLS, NetTCP'],
  ],
  "T5: no protocol": [
    tunnel("{ name: web, port: 80 }"),
    ["7: ReverseTunnel tunnels/p: spec.dmz.listeners[0].protocol: is missing; give one of HTTP, TCP, TLS, NetTCP"],
  ],
  "two listeners of one name and port": [
    tunnel("{ name: web, protocol: HTTP, port: 80 }\n      - { name: web, protocol: HTTP, port: 80 }"),
    [
      '8: ReverseTunnel tunnels/p: spec.dmz.listeners[1].name: "web" is the name of entry 0 already; give each its own',
      "8: ReverseTunnel tunnels/p: spec.dmz.listeners[1].port: 80 is the port of entry 0 already; give each its own",
    ],
  ],
  "T8: a pool whose least is over its most": [
    tunnel("{ name: web, protocol: HTTP, port: 80 }\n  pool: { min: 20 }"),
    ["8: ReverseTunnel tunnels/p: spec.pool.min: 20 is more than max, 16; lower min or raise max"],
  ],
  "T4: 17 pairs": [
    tunnel("{ name: web, protocol: HTTP, port: 80 }\n  pairs: 17"),
    ["8: ReverseTunnel tunnels/p: spec.pairs: 17 is more than 16, the most allowed"],
  ],
  "what a later version serves in a cluster": [
    tunnel(
      "{ name: web, protocol: HTTP, port: 80 }\n    clusterRef: { secretName: x }\n    tunnelEndpoint: { type: LoadBalancer }",
    ),
    [
      "8: ReverseTunnel tunnels/p: spec.dmz.clusterRef: is not a known key; known here: namespace, listeners, service, tunnelEndpoint, quotas, waiting, template",
      '9: ReverseTunnel tunnels/p: spec.dmz.tunnelEndpoint.type: "LoadBalancer" is not served by this version; ClusterIP is',
    ],
  ],
  "text that is no YAML": [
    `${route()}---\nkind: [TunnelRoute\n`,
    ["9:1: document 2: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]"],
  ],
  "a key given twice": [
    `${route()}  matches: []\n  matches: []\n`,
    ["8:3: document 1: spec.matches: is given twice, first in line 7; keep one"],
  ],
  "an alias without an anchor": [
    backend("*calc"),
    ["6:18: document 1: spec.backendRefs[0]: alias *calc comes after no anchor &calc; write the value out"],
  ],
  "a name of two documents of one kind": [
    `${route()}---\n${route()}---\n${route({ metadata: "{ name: calc, namespace: apps }" })}`,
    [
      '10: TunnelRoute calc: metadata.name: "calc" is the name of the one at f.yaml:1 already; rename one or leave it out',
    ],
  ],
};

describe("is refused with cause and mend:", () => {
  test.each(Object.entries(refused))("%s", (_, [text, lines]) => {
    expect(messageOf(text)).toBe(lines.map((line) => `f.yaml:${line}`).join("\n"));
  });
});

/** Lines 1 to 3 are apiVersion, kind and metadata. */
function route({
  metadata = "{ name: calc }",
  spec = '  parentRefs: [{ name: p }]\n  backendRefs: [{ url: "http://x" }]',
} = {}): string {
  return `apiVersion: sallyport.dev/v1alpha1\nkind: TunnelRoute\nmetadata: ${metadata}\nspec:\n${spec}\n`;
}

function backend(ref: string): string {
  return route({ spec: `  parentRefs: [{ name: p }]\n  backendRefs: [ ${ref} ]` });
}

function match(rules: string): string {
  return route({
    spec: `  parentRefs: [{ name: p }]\n  matches: [ ${rules.startsWith("{") ? rules : `{ ${rules} }`} ]\n  backendRefs: [{ url: "http://x" }]`,
  });
}

function tunnel(listener: string): string {
  const head = "apiVersion: sallyport.dev/v1alpha1\nkind: ReverseTunnel\nmetadata: { name: p, namespace: tunnels }\n";
  return `${head}spec:\n  dmz:\n    listeners:\n      - ${listener}\n`;
}

function messageOf(text: string): string {
  try {
    parseDocuments(text, "f.yaml");
    return "taken";
  } catch (error) {
    expect(error).toBeInstanceOf(DocumentError);
    return (error as DocumentError).message;
  }
}

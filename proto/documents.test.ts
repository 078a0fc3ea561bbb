import { describe, expect, test } from "vitest";
import { DocumentError, formatProblem, problemAt } from "./document-error.ts";
import { type Documents, linkDocuments, originOf, parseDocumentFiles, parseDocuments } from "./documents.ts";

const sample = `# One tunnel, two routes.
apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: partners, namespace: tunnels }
spec:
  dmz: { listeners: [{ name: http, protocol: HTTP, port: 8080 }] }
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata:
  name: calc
  namespace: apps
  labels: { team: sums }
spec:
  parentRefs: [{ name: partners, namespace: tunnels, sectionName: http }]
  matches:
    - soap: { action: { type: Contains, value: /ICalc/ }, header: { name: A, namespace: "urn:a", value: test } }
      headers: [{ name: X-Tenant, value: a }]
    - path: { value: /calc }
  backendRefs: [{ url: "http://127.0.0.1:9000" }, { name: calc, port: 80, weight: 3 }]
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: rest, namespace: tunnels }
spec:
  parentRefs: [{ name: partners }]
  backendRefs: [{ url: "https://rest.example.com/" }]
`;

const sampleDocuments: Documents = {
  tunnels: [
    {
      apiVersion: "sallyport.dev/v1alpha1",
      kind: "ReverseTunnel",
      metadata: { name: "partners", namespace: "tunnels" },
      spec: {
        pairs: 2,
        dmz: {
          listeners: [{ name: "http", protocol: "HTTP", port: 8080, allowedRoutes: { namespaces: { from: "Same" } } }],
          service: { type: "ClusterIP" },
          tunnelEndpoint: { type: "ClusterIP" },
          quotas: { callsMax: 10_000, callsPerClientMax: 0, callsPerSecondPerClient: 0 },
          waiting: { callsMax: 1_000, timeout: "5s" },
          template: { spread: "Preferred" },
        },
        intranet: { template: { spread: "Preferred" } },
        pool: { min: 2, max: 16 },
        identity: { certificate: { duration: "2160h" } },
        drain: { notice: "5s", timeout: "25s" },
        logLevel: "info",
      },
    },
  ],
  routes: [
    {
      apiVersion: "sallyport.dev/v1alpha1",
      kind: "TunnelRoute",
      metadata: { name: "calc", namespace: "apps", labels: { team: "sums" } },
      spec: {
        parentRefs: [{ name: "partners", namespace: "tunnels", sectionName: "http" }],
        matches: [
          {
            soap: {
              action: { type: "Contains", value: "/ICalc/" },
              header: { name: "A", namespace: "urn:a", type: "Exact", value: "test" },
            },
            headers: [{ name: "X-Tenant", type: "Exact", value: "a" }],
          },
          { path: { type: "PathPrefix", value: "/calc" } },
        ],
        backendRefs: [
          { url: "http://127.0.0.1:9000", weight: 1 },
          { name: "calc", port: 80, weight: 3 },
        ],
      },
    },
    {
      apiVersion: "sallyport.dev/v1alpha1",
      kind: "TunnelRoute",
      metadata: { name: "rest", namespace: "tunnels" },
      spec: {
        parentRefs: [{ name: "partners" }],
        matches: [],
        backendRefs: [{ url: "https://rest.example.com/", weight: 1 }],
      },
    },
  ],
};

describe("documents that are taken", () => {
  test("have every default filled in", () => expect(parseDocuments(sample, "f.yaml")).toEqual(sampleDocuments));
  test("may be JSON", () => {
    const [first] = sampleDocuments.routes;
    expect(parseDocuments(JSON.stringify(first, null, "\t"), "f.json")).toEqual({ tunnels: [], routes: [first] });
  });
  test("may come in several files, in any order, and refer to each other", () => {
    const [tunnel, ...routes] = sample.split("---\n");
    const files = [...routes, tunnel!].map((text, index) => ({ text, source: `${index}.yaml` }));
    expect(parseDocumentFiles(files)).toEqual(sampleDocuments);
  });
  test("may share values by anchors", () => {
    const text = sample.replace("matches:", "matches: &m").replace("  backendRefs", "# x\n  backendRefs");
    expect(parseDocuments(text, "f.yaml")).toEqual(sampleDocuments);
  });
  test("know where they came from", () => {
    const { routes } = parseDocuments(sample, "f.yaml");
    const { source, line, document, lineOf } = originOf(routes[0]!);
    expect({ source, line, document }).toEqual({ source: "f.yaml", line: 8, document: "TunnelRoute apps/calc" });
    expect(lineOf(["spec", "matches", 1, "path", "value"])).toBe(19);
    expect(formatProblem(problemAt(originOf(routes[1]!), ["spec", "backendRefs", 0], "is odd"))).toBe(
      "f.yaml:27: TunnelRoute tunnels/rest: spec.backendRefs[0]: is odd",
    );
  });
  test("may come out of a cluster, with a status", () => {
    const [tunnel, ...routes] = sample.split("---\n");
    const text = [`${tunnel}status: { status: Ready, links: 4, later: {} }\n`, ...routes].join("---\n");
    expect(parseDocuments(text, "f.yaml").tunnels[0]!.spec).toEqual(sampleDocuments.tunnels[0]!.spec);
  });
  test("made by hand come from nowhere", () => {
    const problem = problemAt(originOf(sampleDocuments.routes[0]!), ["spec"], "is odd");
    expect(formatProblem(problem)).toBe("TunnelRoute apps/calc: spec: is odd");
  });
  test("may name what every object has", () => {
    const text = sample.replace("team: sums", "__proto__: { a: 1 }, constructor: x");
    const { labels } = parseDocuments(text, "f.yaml").routes[0]!.metadata;
    expect(Object.keys(labels as object)).toEqual(["__proto__", "constructor"]);
    expect(({} as { a?: number }).a).toBe(undefined);
  });
});

describe("what parentRefs name", () => {
  const links: Record<string, [(text: string) => string, string]> = {
    "must be a tunnel of the documents": [
      (text) => text.replace("name: partners, namespace: tunnels, sec", "name: customers, namespace: tunnels, sec"),
      "f.yaml:15: TunnelRoute apps/calc: spec.parentRefs[0].name: there is no ReverseTunnel tunnels/customers; the documents have tunnels/partners",
    ],
    "may be misspelt": [
      (text) => text.replace("name: partners, namespace: tunnels, sec", "name: partner, namespace: tunnels, sec"),
      'f.yaml:15: TunnelRoute apps/calc: spec.parentRefs[0].name: there is no ReverseTunnel tunnels/partner; did you mean "tunnels/partners"?',
    ],
    "lies in the route's own namespace unless said otherwise": [
      (text) => text.replace("partners, namespace: tunnels, sec", "partners, sec"),
      "f.yaml:15: TunnelRoute apps/calc: spec.parentRefs[0].name: there is no ReverseTunnel apps/partners; for tunnels/partners add namespace: tunnels",
    ],
    "must have the listener": [
      (text) => text.replace("sectionName: http", "sectionName: wcf"),
      'f.yaml:15: TunnelRoute apps/calc: spec.parentRefs[0].sectionName: "wcf" is no listener of ReverseTunnel tunnels/partners; it has http',
    ],
    "may have a listener of nearly that name": [
      (text) => text.replace("sectionName: http", "sectionName: htpp"),
      'f.yaml:15: TunnelRoute apps/calc: spec.parentRefs[0].sectionName: "htpp" is no listener of ReverseTunnel tunnels/partners; did you mean "http"?',
    ],
  };
  test.each(Object.entries(links))("%s", (_, [change, message]) => expect(messageOf(change(sample))).toBe(message));

  test("is not asked in files of routes alone, unless one asks", () => {
    const documents = parseDocuments(sample.split("---\n").slice(1).join("---\n"), "f.yaml");
    expect(linkDocuments(documents).map(formatProblem)).toEqual([
      "f.yaml:8: TunnelRoute apps/calc: spec.parentRefs[0].name: there is no ReverseTunnel tunnels/partners; the documents have none",
      "f.yaml:19: TunnelRoute tunnels/rest: spec.parentRefs[0].name: there is no ReverseTunnel tunnels/partners; the documents have none",
    ]);
  });
  test("is not asked while a tunnel cannot be read: what cannot be read is the only problem", () => {
    const other = sample.split("---\n")[0]!.replace("name: partners", "name: others");
    expect(messageOf(`${other}---\n${sample.replace("listeners:", "listener:")}`).split("\n")).toEqual([
      "f.yaml:13: ReverseTunnel tunnels/partners: spec.dmz.listeners: is missing; give a list",
      'f.yaml:13: ReverseTunnel tunnels/partners: spec.dmz.listener: is not a known key; did you mean "listeners"?',
    ]);
    expect(messageOf(`${other}---\n${sample.replace("pool", "x").replace("dmz:", "dmz: [")}`)).toMatch(
      /^f.yaml:\d+:\d+: document 2: is not YAML: [^\n]*$/,
    );
  });
  test("shows no more than ten tunnels", () => {
    const [tunnel, route] = sample.split("---\n");
    const tunnels = Array.from({ length: 12 }, (_, index) => tunnel!.replace("name: partners", `name: t${index}`));
    expect(messageOf([...tunnels, route].join("---\n"))).toMatch(
      /there is no ReverseTunnel tunnels\/partners; the documents have tunnels\/t0, (tunnels\/t\d, ){9}2 more$/,
    );
  });
});

describe("problems", () => {
  test("of all files come at once, in the order of files and lines", () => {
    const route = sample.split("---\n")[2]!;
    const files = [
      { source: "b.yaml", text: `${sample.replace("pairs", "x").replace("8080", "0").replace("https://", "")}` },
      { source: "a.yaml", text: `${route}---\n${route.replace("name: rest", "name: more").replace("https", "ftp")}` },
    ];
    expect(messageOf(files)).toBe(
      [
        "b.yaml:6: ReverseTunnel tunnels/partners: spec.dmz.listeners[0].port: 0 is less than 1, the least allowed",
        'b.yaml:27: TunnelRoute tunnels/rest: spec.backendRefs[0].url: "rest.example.com/" is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
        'a.yaml:3: TunnelRoute tunnels/rest: metadata.name: "rest" is the name of the one at b.yaml:22 already; rename one or leave it out',
        'a.yaml:13: TunnelRoute tunnels/more: spec.backendRefs[0].url: "ftp://rest.example.com/" is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
      ].join("\n"),
    );
  });
  test("are data too", () => {
    expect(problemsOf("\n- a")).toEqual({
      total: 1,
      problems: [
        { source: "f.yaml", line: 2, column: 0, document: "document 1", path: "", message: "is a list, not a mapping" },
      ],
    });
  });
  test("beyond 50 are counted", () => {
    const text = Array.from({ length: 60 }, () => "- a\n").join("---\n");
    const { total, problems } = problemsOf(text);
    expect([total, problems.length]).toEqual([60, 50]);
    expect(messageOf(text).split("\n").slice(-2)).toEqual([
      "f.yaml:99: document 50: is a list, not a mapping",
      "… and 10 more",
    ]);
  });
});

describe("limits", () => {
  test("a file over 1 MiB is refused unread, by bytes", () => {
    const problem = "f.yaml: is longer than 1048576 bytes; split it into several files";
    expect(messageOf(`${sample}#${" ".repeat(1024 * 1024)}`)).toBe(problem);
    expect(messageOf(`${sample}#${"é".repeat(512 * 1024)}`)).toBe(problem);
    expect(parseDocuments(`${sample}#${" ".repeat(1000 * 1024)}`, "f.yaml")).toEqual(sampleDocuments);
  });
  test("more than 2,500 documents of all files are refused at the first too many", () => {
    const route = sample.split("---\n")[2]!.replace("name: partners", "name: p");
    const routes = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => route.replace("rest,", `r${from + index},`)).join("---\n");
    const files = [
      { source: "a.yaml", text: routes(0, 2000) },
      { source: "b.yaml", text: routes(2000, 500) },
    ];
    expect(parseDocumentFiles(files).routes).toHaveLength(2500);
    expect(messageOf([...files, { source: "c.yaml", text: `\n${routes(2500, 9)}` }])).toBe(
      "c.yaml:2: one document more than 2500, the most of all files together; leave some out",
    );
  });
});

function messageOf(input: string | { source: string; text: string }[]): string {
  return errorOf(input).message;
}

function problemsOf(input: string) {
  const { problems, problemsTotal: total } = errorOf(input);
  return { total, problems };
}

function errorOf(input: string | { source: string; text: string }[]): DocumentError {
  const files = typeof input === "string" ? [{ source: "f.yaml", text: input }] : input;
  try {
    parseDocumentFiles(files);
  } catch (error) {
    if (error instanceof DocumentError) return error;
    throw error;
  }
  throw new Error("the documents were taken");
}

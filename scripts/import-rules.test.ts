import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/**
 * docs/architecture.md, "Layers": who may import whom is written in biome.json and in each package's manifest. Every
 * line below becomes a file of its own in a scratch folder; biome reads them all at once with the repository's rules.
 */
const repository = fileURLToPath(new URL("..", import.meta.url));

type Case = [file: string, imports: string];

const forbidden: Record<string, Case[]> = {
  "proto imports nothing of ours": [
    ["proto/x.ts", "@sallyport/tunnel/call"],
    ["proto/x.ts", "@sallyport/proto/frame"],
    ["proto/x.ts", "../tunnel/call.ts"],
    ["proto/deep/x.ts", "../../tunnel/call.ts"],
    ["proto/x.ts", "./../cli/main.ts"],
    ["proto/x.test.ts", "../fuzz/fuzzer.ts"],
    ["proto/x.test.ts", "@sallyport/tunnel/call"],
  ],
  "tunnel imports proto only, by its name": [
    ["tunnel/x.ts", "@sallyport/router-dmz/relay"],
    ["tunnel/x.ts", "@sallyport/router-intranet/relay"],
    ["tunnel/x.ts", "@sallyport/operator/desired"],
    ["tunnel/x.ts", "@sallyport/cli/main"],
    ["tunnel/x.ts", "../router-dmz/relay.ts"],
    ["tunnel/x.ts", "../proto/frame.ts"],
    ["tunnel/grpc-x.ts", "@sallyport/router-dmz/relay"],
    ["tunnel/grpc-x.ts", "../cli/main.ts"],
  ],
  "the routers do not know each other": [
    ["router-dmz/x.ts", "@sallyport/router-intranet/relay"],
    ["router-dmz/x.test.ts", "@sallyport/router-intranet/relay"],
    ["router-dmz/x.ts", "../router-intranet/relay.ts"],
    ["router-dmz/key/x.ts", "../../router-intranet/relay.ts"],
    ["router-dmz/key/x.ts", "@sallyport/router-intranet/relay"],
    ["router-intranet/x.ts", "@sallyport/router-dmz/relay"],
    ["router-intranet/x.ts", "../router-dmz/relay.ts"],
    ["router-intranet/dial/x.ts", "@sallyport/router-dmz/relay"],
    ["router-intranet/dial/x.ts", "../../router-dmz/relay.ts"],
  ],
  "a router knows neither operator, CLI nor examples": [
    ["router-dmz/x.ts", "@sallyport/operator/desired"],
    ["router-dmz/x.ts", "@sallyport/cli/main"],
    ["router-intranet/x.ts", "@sallyport/example-calculator/server"],
    ["router-intranet/match/x.ts", "@sallyport/cli/main"],
    ["router-intranet/match/x.ts", "../../examples/calculator/server.ts"],
  ],
  "the stages of R1 do not know each other": [
    ["router-dmz/listen/x.ts", "../key/http.ts"],
    ["router-dmz/listen/x.ts", "../pool/pool.ts"],
    ["router-dmz/listen/x.ts", "../reply/fault.ts"],
    ["router-dmz/key/x.ts", "../listen/http.ts"],
    ["router-dmz/key/x.ts", "../pool/pool.ts"],
    ["router-dmz/key/x.ts", "../reply/fault.ts"],
    ["router-dmz/pool/x.ts", "../listen/http.ts"],
    ["router-dmz/pool/x.ts", "../key/http.ts"],
    ["router-dmz/pool/x.ts", "../reply/fault.ts"],
    ["router-dmz/reply/x.ts", "../listen/http.ts"],
    ["router-dmz/reply/x.ts", "../key/http.ts"],
    ["router-dmz/reply/x.ts", "../pool/pool.ts"],
    ["router-dmz/reply/x.ts", "./../pool/pool.ts"],
    ["router-dmz/reply/deep/x.ts", "../../pool/pool.ts"],
    ["router-dmz/reply/x.ts", "../../router-dmz/pool/pool.ts"],
    ["router-dmz/reply/x.ts", "@sallyport/router-dmz/pool/pool"],
    ["router-dmz/reply/x.test.ts", "../pool/pool.ts"],
  ],
  "the stages of R2 do not know each other": [
    ["router-intranet/uplink/x.ts", "../match/match.ts"],
    ["router-intranet/uplink/x.ts", "../hold/hold.ts"],
    ["router-intranet/uplink/x.ts", "../dial/undici.ts"],
    ["router-intranet/match/x.ts", "../uplink/uplink.ts"],
    ["router-intranet/match/x.ts", "../hold/hold.ts"],
    ["router-intranet/match/x.ts", "../dial/undici.ts"],
    ["router-intranet/hold/x.ts", "../uplink/uplink.ts"],
    ["router-intranet/hold/x.ts", "../match/match.ts"],
    ["router-intranet/hold/x.ts", "../dial/undici.ts"],
    ["router-intranet/dial/x.ts", "../uplink/uplink.ts"],
    ["router-intranet/dial/x.ts", "../match/match.ts"],
    ["router-intranet/dial/x.ts", "../hold/hold.ts"],
    ["router-intranet/report/x.ts", "../uplink/uplink.ts"],
    ["router-intranet/report/x.ts", "../match/match.ts"],
    ["router-intranet/uplink/x.ts", "../report/operator-port.ts"],
  ],
  "a stage does not reach back to what composes it": [
    ["router-dmz/listen/x.ts", "../relay.ts"],
    ["router-dmz/pool/x.ts", "../main.ts"],
    ["router-dmz/pool/deep/x.ts", "../../main.ts"],
    ["router-intranet/match/x.ts", "../relay.ts"],
    ["router-intranet/uplink/x.ts", "./../main.ts"],
  ],
  "operator imports proto only": [
    ["operator/x.ts", "@sallyport/tunnel/call"],
    ["operator/x.ts", "@sallyport/router-dmz/relay"],
    ["operator/kube/x.ts", "@sallyport/router-intranet/relay"],
    ["operator/kube/x.ts", "../../cli/main.ts"],
    ["operator/report/grpc-x.ts", "@sallyport/tunnel/grpc-client"],
    ["operator/reconcile/x.ts", "../../router-dmz/relay.ts"],
    ["operator/x.test.ts", "@sallyport/tunnel/call"],
  ],
  "cli names packages, never paths into them": [
    ["cli/x.ts", "../tunnel/call.ts"],
    ["cli/deep/x.ts", "../../router-dmz/relay.ts"],
  ],
  "examples import nothing of ours": [
    ["examples/calculator/x.ts", "@sallyport/proto/frame"],
    ["examples/calculator/x.ts", "../../proto/frame.ts"],
    ["examples/calculator/x.ts", "../../cli/main.ts"],
  ],
  "gRPC is touched by grpc-*.ts of tunnel/ and operator/report/ only": [
    ["proto/x.ts", "@grpc/grpc-js"],
    ["tunnel/x.ts", "@grpc/grpc-js"],
    ["tunnel/x.ts", "@grpc/grpc-js/build/src/server.js"],
    ["tunnel/deep/grpc-x.ts", "@grpc/grpc-js"],
    ["router-dmz/main.ts", "@grpc/grpc-js"],
    ["router-dmz/listen/x.ts", "@grpc/grpc-js"],
    ["router-intranet/main.ts", "@grpc/grpc-js"],
    ["router-intranet/dial/x.ts", "@grpc/grpc-js"],
    ["operator/x.ts", "@grpc/grpc-js"],
    ["operator/kube/x.ts", "@grpc/grpc-js"],
    ["operator/grpc-x.ts", "@grpc/grpc-js"],
    ["operator/report/x.ts", "@grpc/grpc-js"],
    ["cli/x.ts", "@grpc/grpc-js"],
    ["examples/calculator/x.ts", "@grpc/grpc-js"],
    ["e2e/x.ts", "@grpc/grpc-js"],
    ["bench/x.ts", "@grpc/grpc-js"],
    ["fuzz/x.ts", "@grpc/grpc-js"],
  ],
  "Kubernetes is touched by operator/kube/ only": [
    ["proto/x.ts", "@kubernetes/client-node"],
    ["tunnel/x.ts", "@kubernetes/client-node"],
    ["tunnel/grpc-x.ts", "@kubernetes/client-node"],
    ["router-dmz/x.ts", "@kubernetes/client-node"],
    ["router-dmz/pool/x.ts", "@kubernetes/client-node"],
    ["router-intranet/hold/x.ts", "@kubernetes/client-node"],
    ["operator/x.ts", "@kubernetes/client-node"],
    ["operator/report/grpc-x.ts", "@kubernetes/client-node"],
    ["cli/x.ts", "@kubernetes/client-node"],
    ["examples/calculator/x.ts", "@kubernetes/client-node"],
    ["e2e/x.ts", "@kubernetes/client-node"],
  ],
};

/** Packages that the manifest beside the file does not name. */
const undeclared: Record<string, Case[]> = {
  "a package imports what its manifest names": [
    ["proto/x.ts", "undici"],
    ["tunnel/x.ts", "zod"],
    ["router-dmz/x.ts", "undici"],
    ["router-dmz/x.ts", "vitest"],
    ["router-intranet/x.ts", "commander"],
    ["cli/x.ts", "undici"],
    ["examples/calculator/x.ts", "zod"],
  ],
};

const allowed: Case[] = [
  ["proto/x.ts", "./frame.ts"],
  ["proto/x.ts", "zod"],
  ["proto/x.test.ts", "vitest"],
  ["proto/x.test.ts", "fast-check"],
  ["tunnel/x.ts", "@sallyport/proto/frame"],
  ["tunnel/grpc-x.ts", "@grpc/grpc-js"],
  ["tunnel/grpc-x.test.ts", "@grpc/grpc-js"],
  ["router-dmz/x.ts", "@sallyport/tunnel/call"],
  ["router-dmz/relay.ts", "./listen/http.ts"],
  ["router-dmz/relay.ts", "./reply/fault.ts"],
  ["router-dmz/main.ts", "./pool/pool.ts"],
  ["router-dmz/listen/x.ts", "./http.ts"],
  ["router-dmz/listen/deep/x.ts", "../http.ts"],
  ["router-dmz/pool/x.ts", "./main.ts"],
  ["router-dmz/pool/x.ts", "@sallyport/tunnel/call"],
  ["router-dmz/pool/x.ts", "@sallyport/proto/frame"],
  ["router-intranet/relay.ts", "./match/match.ts"],
  ["router-intranet/dial/x.ts", "undici"],
  ["operator/x.ts", "@sallyport/proto/resource"],
  ["operator/main.ts", "./kube/api.ts"],
  ["operator/report/grpc-x.ts", "@grpc/grpc-js"],
  ["operator/kube/x.ts", "@kubernetes/client-node"],
  ["cli/x.ts", "@sallyport/router-dmz/relay"],
  ["cli/x.ts", "@sallyport/router-intranet/relay"],
  ["cli/x.ts", "@sallyport/example-calculator/server"],
  ["e2e/x.ts", "../cli/main.ts"],
  ["bench/x.ts", "../tunnel/link.ts"],
  ["fuzz/targets/x.ts", "@sallyport/router-dmz/key/http"],
  ["fuzz/targets/x.ts", "@sallyport/router-intranet/match/envelope"],
  ["docs/x.test.ts", "../proto/documents.ts"],
];

let scratch = "";
/** "file imports module" → the rule that refused it. */
let refused: ReadonlyMap<string, string>;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "sallyport-import-rules-"));
  for (const file of ["biome.json", ".gitignore", ...manifests()]) {
    cpSync(join(repository, file), join(scratch, file), { recursive: true });
  }
  refused = lint([...Object.values(forbidden).flat(), ...Object.values(undeclared).flat(), ...allowed]);
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(Object.entries(forbidden))("%s", (_rule, cases) => {
  it.each(cases)("%s may not import %s", (file, imports) => {
    expect(refused.get(sentence([file, imports]))).toBe("lint/style/noRestrictedImports");
  });
});

describe.each(Object.entries(undeclared))("%s", (_rule, cases) => {
  it.each(cases)("%s may not import %s", (file, imports) => {
    expect(refused.get(sentence([file, imports]))).toBe("lint/correctness/noUndeclaredDependencies");
  });
});

describe("what is allowed stays allowed", () => {
  it.each(allowed)("%s may import %s", (file, imports) => {
    expect(refused.get(sentence([file, imports]))).toBeUndefined();
  });
});

describe.each([
  ["a type", 'export type { X } from "../listen/http.ts";\n'],
  ["everything, to export it again", 'export * from "../listen/http.ts";\n'],
  ["it later, by import()", 'export const later = import("../listen/http.ts");\n'],
])("importing only %s", (_what, source) => {
  it("is an import", () => {
    mkdirSync(join(scratch, "router-dmz/key"), { recursive: true });
    writeFileSync(join(scratch, "router-dmz/key/form.ts"), source);
    expect(biome(["router-dmz/key/form.ts"]).map((found) => found.category)).toStrictEqual([
      "lint/style/noRestrictedImports",
    ]);
  });
});

function manifests(): string[] {
  return globSync(["package.json", "*/package.json", "examples/*/package.json"], { cwd: repository });
}

function sentence([file, imports]: Case): string {
  return `${file} imports ${imports}`;
}

/** Each case in a file of its own, so that a finding's path tells the case. */
function lint(cases: readonly Case[]): ReadonlyMap<string, string> {
  const byPath = new Map<string, Case>();
  for (const [index, [file, imports]] of cases.entries()) {
    const path = file.replace(/(\.test)?\.ts$/, `-${index}$&`);
    byPath.set(path, [file, imports]);
    mkdirSync(dirname(join(scratch, path)), { recursive: true });
    writeFileSync(join(scratch, path), `import "${imports}";\n`);
  }
  const found = biome(["."]).map(({ path, category }) => [sentence(byPath.get(path) as Case), category] as const);
  return new Map(found);
}

function biome(paths: readonly string[]): { path: string; category: string }[] {
  const run = spawnSync(
    join(repository, "node_modules/.bin/biome"),
    ["lint", "--reporter=json", "--max-diagnostics=none", ...paths],
    { cwd: scratch, encoding: "utf8" },
  );
  const report = JSON.parse(run.stdout) as {
    diagnostics: { category: string; location: { path: string } }[];
  };
  // Both rules may refuse one import: the one that names the layer comes last and stays in a map.
  return report.diagnostics
    .filter(({ category }) => /noRestrictedImports|noUndeclaredDependencies/.test(category))
    .map(({ category, location }) => ({ category, path: location.path }))
    .sort((a, b) => a.category.localeCompare(b.category));
}

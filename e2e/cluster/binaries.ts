import { createHash } from "node:crypto";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached } from "./cache.ts";
import { goCommand } from "./go.ts";
import { run } from "./program.ts";

/** The versions that hyper/go.mod pins; programs of Kubernetes tell it to each other and to Helm. */
export const versions = { kubernetes: "v1.34.4", helm: "v3.19.5" } as const;

const source = fileURLToPath(new URL("hyper", import.meta.url));
const sourceFiles = ["go.mod", "go.sum", "main.go", "pause/main.go"];
/** What hyper is called for each of the programs in it. */
const linkNames = [
  ...[
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "kubectl",
  ],
] as const;
const builds = [
  { output: "hyper", package: ".", variables: kubernetesVariables() },
  { output: "pause", package: "./pause", variables: {} },
  { output: "helm", package: "helm.sh/helm/v3/cmd/helm", variables: helmVariables() },
];
/** A cold build was seen to take 12 minutes on two cores. */
const buildLimitMs = 35 * 60_000;

export type ProgramName = (typeof linkNames)[number] | "hyper" | "pause" | "helm";

/**
 * The folder with the programs of a cluster, built from the Go module in hyper/ when the cache has not got them for this
 * very source (10 to 15 minutes, 210 MB). Throws when they cannot be built.
 */
export function binariesFolder(): Promise<string> {
  return cached("kubernetes", binariesKey(), build);
}

/** The path of one of the programs of a cluster. */
export async function binary(name: ProgramName): Promise<string> {
  return join(await binariesFolder(), name);
}

/** What the binaries are made of, as a hash. */
export function binariesKey(): string {
  const hash = createHash("sha256");
  for (const file of sourceFiles) hash.update(readFileSync(join(source, file))).update("\0");
  return hash
    .update(JSON.stringify([builds, linkNames]))
    .digest("hex")
    .slice(0, 16);
}

async function build(folder: string): Promise<void> {
  const go = await goCommand();
  for (const { output, package: name, variables } of builds) {
    const started = performance.now();
    say(`building ${output} …`);
    const flags = Object.entries(variables).map(([variable, value]) => `-X ${variable}=${value}`);
    const args = ["build", "-trimpath", "-buildvcs=false", "-ldflags", ["-s -w", ...flags].join(" ")];
    const env = { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" };
    // Other things on the machine go on meanwhile.
    await run("nice", ["-n", "10", go, ...args, "-o", join(folder, output), name], {
      ...{ cwd: source, env, limitMs: buildLimitMs, loud: true },
    });
    say(`${output} is built, in ${Math.round((performance.now() - started) / 1000)} s`);
  }
  for (const name of linkNames) symlinkSync("hyper", join(folder, name));
}

/** Without them the servers call themselves v0.0.0-master, which Helm refuses. */
function kubernetesVariables(): Record<string, string> {
  const [major, minor] = versions.kubernetes.slice(1).split(".") as [string, string];
  const values = { gitVersion: versions.kubernetes, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const packages = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];
  return Object.fromEntries(
    packages.flatMap((name) => Object.entries(values).map(([key, value]) => [`${name}.${key}`, value])),
  );
}

function helmVariables(): Record<string, string> {
  const [major, minor] = versions.kubernetes.slice(1).split(".") as [string, string];
  return {
    "helm.sh/helm/v3/internal/version.version": versions.helm,
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": major,
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": minor,
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": major,
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": minor,
  };
}

function say(text: string): void {
  process.stderr.write(`e2e/cluster: ${text}\n`);
}

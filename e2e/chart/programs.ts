import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached } from "../cluster/cache.ts";
import { goCommand } from "../cluster/go.ts";
import { run } from "../cluster/program.ts";
import { writeSchemas } from "./schemas.ts";

/** What Helm takes for the version of Kubernetes when it renders without a cluster; the schemas are of the same. */
export const kubernetesVersion = "v1.34.4";
const helmVersion = "v3.19.5";

const source = fileURLToPath(new URL("programs", import.meta.url));
const sourceFiles = ["go.mod", "go.sum", "podsecurity/main.go", "kube-score/go.mod", "kube-score/go.sum"];
/** By folder of the Go module that pins them. */
const packages = {
  ".": ["./podsecurity", "github.com/yannh/kubeconform/cmd/kubeconform", "helm.sh/helm/v3/cmd/helm"],
  "kube-score": ["github.com/zegl/kube-score/cmd/kube-score"],
};
/** Cold on two busy cores it was seen to take five. */
const buildLimitMs = 20 * 60_000;

export type Program = "helm" | "kubeconform" | "kube-score" | "podsecurity";

/** The path of one of them, built when the cache has not got it for this very source. Throws when it cannot be built. */
export async function program(name: Program): Promise<string> {
  return join(await folder(), name);
}

/** The folder of JSON schemas for kubeconform. */
export async function schemasFolder(): Promise<string> {
  return join(await folder(), "schemas");
}

function folder(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of sourceFiles) hash.update(readFileSync(join(source, file))).update("\0");
  hash.update(readFileSync(new URL("schemas.ts", import.meta.url))).update(flags());
  return cached("chart", hash.digest("hex").slice(0, 16), build);
}

async function build(to: string): Promise<void> {
  process.stderr.write("e2e/chart: building helm, kubeconform, kube-score and podsecurity …\n");
  const go = await goCommand();
  const env = { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" };
  const args = ["-n", "10", go, "build", "-trimpath", "-buildvcs=false", "-ldflags", flags(), "-o", `${to}/`];
  for (const [module, names] of Object.entries(packages)) {
    await run("nice", [...args, ...names], { cwd: join(source, module), env, limitMs: buildLimitMs });
  }
  await writeSchemas(go, kubernetesVersion, join(to, "schemas"));
}

/** Without them Helm calls itself and its Kubernetes by older versions. */
function flags(): string {
  const [major, minor] = kubernetesVersion.slice(1).split(".");
  const values = {
    "helm.sh/helm/v3/internal/version.version": helmVersion,
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": major,
    "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": minor,
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": major,
    "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": minor,
  };
  return ["-s -w", ...Object.entries(values).map(([name, value]) => `-X ${name}=${value}`)].join(" ");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await folder();

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import type { BundleName } from "../../scripts/bundle.ts";
import { docker } from "../cluster/docker.ts";
import { programImages } from "./images.ts";

const run = promisify(execFile);
const names = ["operator", "r1", "r2"] as const satisfies readonly BundleName[];

interface Contents {
  readonly files: readonly string[];
  /** The files of /app, by name. */
  readonly app: Readonly<Record<string, string>>;
}

describe("what is in an image", () => {
  let contents: Readonly<Record<BundleName, Contents>>;

  beforeAll(async () => {
    const images = await programImages();
    const entries: [BundleName, Contents][] = [];
    for (const name of names) entries.push([name, await contentsOf(images[name])]);
    contents = Object.fromEntries(entries) as Record<BundleName, Contents>;
  }, 600_000);

  test.each(names)("%s has one program, its licences and its bill of materials in /app", (name) => {
    expect(Object.keys(contents[name].app)).toEqual(
      expect.arrayContaining(["LICENSE", "THIRD-PARTY-NOTICES.txt", "sbom.cdx.json"]),
    );
    const { bomFormat, components } = bill(name);
    expect(bomFormat).toBe("CycloneDX");
    expect(components.length).toBeGreaterThan(10);
    for (const { name: component, version, purl } of components)
      expect(purl).toBe(`pkg:npm/${component.replace("@", "%40")}@${version}`);
  });

  test("the DMZ's holds no client of Kubernetes, and the operator's does", () => {
    expect(packagesOf("operator").filter(isKubernetes)).not.toEqual([]);
    expect(packagesOf("r1").filter(isKubernetes)).toEqual([]);
    expect(packagesOf("r2").filter(isKubernetes)).toEqual([]);
    expect(programOf("operator")).toMatch(kubernetesMarks);
    expect(programOf("r1")).not.toMatch(kubernetesMarks);
  });

  test("the DMZ's holds nothing of R2 or the operator, whose own have what is looked for", () => {
    const marks = {
      r2: /router-intranet\/[a-z-]+/,
      operator: /\boperator\/(identity|reconcile|desired|kube|report|status)\//,
      r1: /router-dmz\/[a-z-]+/,
    };
    for (const name of names) {
      const found = names.filter((other) => marks[other].test(programOf(name)));
      expect(found).toEqual([name]);
    }
  });

  test.each(names)("%s has no package manager, no kubectl and no node_modules", (name) => {
    const strange = contents[name].files.filter((path) => /(^|\/)(kubectl|helm|npm|npx|node_modules)(\/|$)/.test(path));
    expect(strange).toEqual([]);
  });

  function bill(name: BundleName) {
    return JSON.parse(contents[name].app["sbom.cdx.json"] ?? "{}") as {
      readonly bomFormat: string;
      readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
    };
  }

  function packagesOf(name: BundleName): string[] {
    return bill(name).components.map((component) => component.name);
  }

  function programOf(name: BundleName): string {
    return Object.entries(contents[name].app)
      .filter(([file]) => /\.[cm]?js$/.test(file))
      .map(([, text]) => text)
      .join("\n");
  }
});

const kubernetesMarks = /KUBERNETES_SERVICE_HOST|serviceaccount\/token/;

function isKubernetes(name: string): boolean {
  return /kubernetes|k8s/i.test(name);
}

/** Of a container that is made of the image and never runs. */
async function contentsOf(image: string): Promise<Contents> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-e2e-contents-"));
  const container = (await docker(["container", "create", image])).trim();
  try {
    const archive = join(folder, "image.tar");
    await docker(["container", "export", `--output=${archive}`, container]);
    const { stdout } = await run("tar", ["--list", `--file=${archive}`], { maxBuffer: 64 * 1024 * 1024 });
    const files = stdout.trimEnd().split("\n");
    const app: Record<string, string> = {};
    await run("tar", ["--extract", `--file=${archive}`, `--directory=${folder}`, "app"]);
    for (const file of files.filter((path) => /^app\/[^/]+$/.test(path)))
      app[file.slice("app/".length)] = readFileSync(join(folder, file), "utf8");
    return { files, app };
  } finally {
    await docker(["container", "rm", container]);
    rmSync(folder, { recursive: true, force: true });
  }
}

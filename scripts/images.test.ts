import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");

interface Stage {
  readonly from: string;
  readonly name: string;
  readonly lines: readonly string[];
}

function stagesOf(dockerfile: string): Stage[] {
  const [, ...stages] = dockerfile.split(/^FROM /m);
  return stages.map((text) => {
    const [head = "", ...lines] = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const [from = "", name = ""] = head.split(" AS ");
    return { from, name, lines };
  });
}

describe.each([
  ["router-dmz/Dockerfile", "r1", ["r1", "--config", "/etc/sallyport/config/r1.yaml"]],
  ["router-intranet/Dockerfile", "r2", ["r2", "--config", "/etc/sallyport/config/r2.yaml"]],
  ["operator/Dockerfile", "operator", undefined],
])("%s", (path, name, command) => {
  const text = read(path);
  const stages = stagesOf(text);
  const [prebuilt, , image] = stages;

  it("makes an image from the repository, or from a bundle that is there", () => {
    expect(stages.map(({ from, name }) => [from.replace(/[{}]/g, ""), name])).toStrictEqual([
      ["$BASE_IMAGE", "prebuilt"],
      ["$BUILD_IMAGE", "build"],
      ["$BASE_IMAGE", "image"],
    ]);
    expect(text).toMatch(/^ARG BASE_IMAGE=gcr\.io\/distroless\/nodejs24-debian12:nonroot$/m);
  });

  it("makes the same image both ways, but for where its files come from", () => {
    const [ofBundle, ...rest] = prebuilt?.lines ?? [];
    const [ofBuild, ...same] = image?.lines ?? [];
    expect(same).toStrictEqual(rest);
    expect(ofBuild).toBe(`COPY --from=build /src/dist/${name}/ /app/`);
    expect(ofBundle).toMatch(new RegExp(`^COPY LICENSE dist/${name}/${name}\\.mj\\[s\\] .* /app/$`));
  });

  it("runs as a user without rights, needs no shell and gives signals to the program itself", () => {
    for (const stage of [prebuilt, image]) {
      expect(stage?.lines).toContain("USER 65532:65532");
      expect(stage?.lines).toContain(`ENTRYPOINT ["node", "/app/${name}.mjs"]`);
      expect(stage?.lines.filter((line) => /^(RUN|ADD|VOLUME|HEALTHCHECK)/.test(line))).toStrictEqual([]);
      const [given] = stage?.lines.filter((line) => line.startsWith("CMD ")) ?? [];
      expect(given && JSON.parse(given.slice("CMD ".length))).toStrictEqual(command);
    }
  });

  it("can be read by builders older than BuildKit", () => {
    expect(text).not.toMatch(/--(mount|link|parents|chmod)|^# ?syntax=|<</m);
  });
});

describe("npm run images", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sallyport-images-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  /** With a `docker` that notes what it was asked for. */
  function run(exitCode: number, args: readonly string[] = [], env: Record<string, string> = {}) {
    const notes = join(folder, "notes");
    writeFileSync(join(folder, "docker"), `#!/bin/sh\necho "$@" >> ${notes}\nexit ${exitCode}\n`);
    chmodSync(join(folder, "docker"), 0o755);
    const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts/images.ts"), ...args], {
      encoding: "utf8",
      env: { ...process.env, ...env, PATH: `${folder}${delimiter}${process.env.PATH}` },
    });
    return { status, stderr, asked: readFileSync(notes, "utf8").trim().split("\n") };
  }

  it("says so when no engine answers", () => {
    expect(run(1)).toStrictEqual({
      ...{ status: 1, asked: ["version --format {{.Server.Version}}"] },
      stderr: "images: no Docker engine answers; start one, or set DOCKER_HOST\n",
    });
  });

  it("bundles and builds", () => {
    const env = { IMAGE_TAG: "7", IMAGE_REPOSITORY: "example.com/team/", BASE_IMAGE: "node:24" };
    const { status, asked } = run(0, ["r1"], env);
    expect([status, asked.slice(1)]).toStrictEqual([
      0,
      [
        "build -f router-dmz/Dockerfile --target prebuilt --build-arg BASE_IMAGE=node:24 " +
          "-t example.com/team/sallyport-r1:7 .",
      ],
    ]);
    expect(read("dist/r1/r1.mjs").length).toBeGreaterThan(100_000);
  });
});

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const scripts = fileURLToPath(new URL(".", import.meta.url));

export const platform = `${process.platform}-${process.arch}`;

export const lockfile = {
  packages: {
    "": { name: "sallyport" },
    proto: { name: "@sallyport/proto" },
    "node_modules/@sallyport/proto": { resolved: "proto", link: true },
    "node_modules/yaml": { version: "2.9.1", integrity: "sha512-yaml" },
    "node_modules/native-here": {
      version: "1.0.0",
      integrity: "sha512-here",
      optional: true,
      os: [process.platform],
      cpu: process.arch,
    },
    "node_modules/native-elsewhere": { version: "1.0.0", integrity: "sha512-else", optional: true, os: ["aix"] },
  },
};

/** Stands in for npm-cli.js: notes how it was called and makes node_modules as npm would. */
const fakeNpm = `
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
appendFileSync("npm-calls.jsonl", JSON.stringify({ args: process.argv.slice(2), omit: process.env.npm_config_omit, nodeEnv: process.env.NODE_ENV }) + "\\n");
rmSync("node_modules", { recursive: true, force: true });
console.log("npm warn of something");
if (process.env.FAKE_NPM_SAYS) {
  console.error(process.env.FAKE_NPM_SAYS);
  process.exit(1);
}
mkdirSync("node_modules/.bin", { recursive: true });
if (process.env.FAKE_NPM_HANGS) {
  console.log("hangs");
  writeFileSync("npm-hangs", "");
  process.on("SIGTERM", () => { writeFileSync("npm-stopped", ""); process.exit(143); });
  setInterval(() => {}, 1000);
}
if (process.env.FAKE_NPM_PACKAGE) {
  mkdirSync(process.env.FAKE_NPM_PACKAGE + "/bin", { recursive: true });
  writeFileSync(process.env.FAKE_NPM_PACKAGE + "/bin/node", "#!/bin/sh\\nexit 0\\n", { mode: 0o755 });
}
if (process.env.FAKE_NPM_NODE) writeFileSync("node_modules/.bin/node", process.env.FAKE_NPM_NODE, { mode: 0o755 });
`;

export const works = "#!/bin/sh\nexit 0\n";
export const broken = "#!/bin/sh\necho 'no libstdc++' >&2\nexit 127\n";

export type Environment = Record<string, string | undefined>;

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A repository with nothing but the installation in it, and a stand-in for npm. */
export class Sandbox {
  readonly path = mkdtempSync(join(tmpdir(), "sallyport-install-"));
  readonly #running = new Set<ChildProcess>();

  constructor() {
    for (const file of readdirSync(scripts).filter((name) => /^install.*\.mjs$/.test(name))) {
      cpSync(join(scripts, file), this.in(`scripts/${file}`), { recursive: true });
    }
    writeFileSync(this.in("package-lock.json"), JSON.stringify(lockfile));
    writeFileSync(this.in("package.json"), '{ "type": "module" }');
    mkdirSync(this.in("bin"));
    writeFileSync(this.in("bin/npm-cli.js"), fakeNpm);
  }

  in(path: string): string {
    return join(this.path, path);
  }

  /** Runs the installation to its end. */
  install(extra: Environment = {}): Run {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/install.mjs"], {
      cwd: this.path,
      env: this.#environment(extra),
      encoding: "utf8",
      timeout: 15_000,
    });
    return { status, stdout, stderr };
  }

  /** Runs it beside the test. */
  start(extra: Environment = {}): ChildProcess {
    const child = spawn(process.execPath, ["scripts/install.mjs"], {
      cwd: this.path,
      env: this.#environment(extra),
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#running.add(child);
    return child;
  }

  /** How npm was called, call by call. */
  npmCalls(): unknown[] {
    const log = this.in("npm-calls.jsonl");
    if (!existsSync(log)) return [];
    const lines = readFileSync(log, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line));
  }

  stamp(): string {
    return readFileSync(this.in("node_modules/.sallyport-install"), "utf8");
  }

  /** Of package-lock.json, as the stamp has it. */
  hash(): string {
    return createHash("sha256")
      .update(readFileSync(this.in("package-lock.json")))
      .digest("hex");
  }

  remove(): void {
    for (const child of this.#running) child.kill("SIGKILL");
    rmSync(this.path, { recursive: true, force: true });
  }

  #environment(extra: Environment): NodeJS.ProcessEnv {
    const own = { ...process.env, NODE_ENV: undefined, npm_node_execpath: process.execPath };
    return { ...own, npm_execpath: this.in("bin/npm-cli.js"), ...extra };
  }
}

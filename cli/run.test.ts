import { DocumentError } from "@sallyport/proto/document-error";
import { ConfigError } from "@sallyport/proto/router-config";
import { describe, expect, it } from "vitest";
import { CliError } from "./cli-error.ts";
import type { DevOptions } from "./dev-options.ts";
import { run } from "./run.ts";

/** What the program writes and answers, and what `dev` was asked for. */
async function sallyport(args: readonly string[], dev: (options: DevOptions) => Promise<number> = async () => 0) {
  const result = { exitCode: -1, out: "", err: "", asked: [] as DevOptions[] };
  const output = {
    out: (text: string) => {
      result.out += text;
    },
    err: (text: string) => {
      result.err += text;
    },
  };
  result.exitCode = await run(args, "1.2.3", output, async (options) => {
    result.asked.push(options);
    return dev(options);
  });
  return result;
}

describe("sallyport", () => {
  it("shows its version", async () => {
    expect(await sallyport(["--version"])).toStrictEqual({ exitCode: 0, out: "1.2.3\n", err: "", asked: [] });
  });

  it.each([["--help"], ["dev", "--help"]])("helps with examples and exit codes: %s %s", async (...args) => {
    const { exitCode, out, err } = await sallyport(args.filter((arg) => arg !== undefined));
    expect({ exitCode, err }).toStrictEqual({ exitCode: 0, err: "" });
    expect(out).toContain("sallyport dev -f tunnel.yaml");
    expect(out).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}130 /);
  });

  it("without a command helps, but as an error", async () => {
    const { exitCode, out, err } = await sallyport([]);
    expect({ exitCode, out }).toStrictEqual({ exitCode: 2, out: "" });
    expect(err).toMatch(/^Usage: sallyport/);
  });
});

describe("sallyport dev", () => {
  const defaults: DevOptions = { files: [], pairs: undefined, address: "127.0.0.1", healthPort: 8085, verbose: false };

  it("has defaults for everything", async () => {
    expect((await sallyport(["dev"])).asked).toStrictEqual([defaults]);
  });

  it("takes every option", async () => {
    const args = ["-f", "a.yaml", "--file", "-", "--pairs", "3", "--address", "::1", "--health-port", "0", "--verbose"];
    expect((await sallyport(["dev", ...args])).asked).toStrictEqual([
      { files: ["a.yaml", "-"], pairs: 3, address: "::1", healthPort: 0, verbose: true },
    ]);
    expect((await sallyport(["dev", "--address", "localhost"])).asked).toStrictEqual([defaults]);
  });

  const wrong: Record<string, [string[], string]> = {
    "an unknown option": [["dev", "--pair", "3"], "sallyport: unknown option '--pair'\n(Did you mean --pairs?)"],
    "an unknown command": [["def"], "sallyport: unknown command 'def'\n(Did you mean dev?)"],
    "an argument too many": [
      ["dev", "my.yaml"],
      "sallyport: too many arguments for 'dev'. Expected 0 arguments but got 1: my.yaml.",
    ],
    "an option without its value": [["dev", "-f"], "sallyport: option '-f, --file <file>' argument missing"],
    "no pairs": [
      ["dev", "--pairs", "0"],
      "sallyport: option '--pairs <n>' argument '0' is invalid. Give a number from 1 to 16.",
    ],
    "too many pairs": [
      ["dev", "--pairs", "17"],
      "sallyport: option '--pairs <n>' argument '17' is invalid. Give a number from 1 to 16.",
    ],
    "no number": [
      ["dev", "--health-port", "8e3"],
      "sallyport: option '--health-port <port>' argument '8e3' is invalid. Give a number from 0 to 65535.",
    ],
    "a port that cannot be": [
      ["dev", "--health-port", "65536"],
      "sallyport: option '--health-port <port>' argument '65536' is invalid. Give a number from 0 to 65535.",
    ],
    "no address": [
      ["dev", "--address", "example.com"],
      "sallyport: option '--address <address>' argument 'example.com' is invalid. Give an IP address: 127.0.0.1 for this machine only, 0.0.0.0 for the network.",
    ],
  };
  it.each(Object.entries(wrong))("refuses %s with exit code 2", async (_name, [args, message]) => {
    expect(await sallyport(args)).toStrictEqual({
      exitCode: 2,
      out: "",
      err: `${message}\nIts --help lists what there is.\n`,
      asked: [],
    });
  });

  it("answers the run's exit code", async () => {
    expect((await sallyport(["dev"], async () => 130)).exitCode).toBe(130);
  });

  const problem = {
    ...{ source: "my.yaml", line: 3, column: 0, document: "TunnelRoute r", path: "spec" },
    message: "is missing",
  };
  const failures: Record<string, [Error, number, string]> = {
    "a run-time failure": [new CliError(1, "R1 0 could not start: x"), 1, "sallyport: R1 0 could not start: x\n"],
    "several problems of use, a line each": [
      new CliError(2, "a: no\nb: no"),
      2,
      "sallyport: a: no\nsallyport: b: no\n",
    ],
    "wrong documents, with their place first": [
      new DocumentError([problem, { ...problem, line: 4 }]),
      2,
      "my.yaml:3: TunnelRoute r: spec: is missing\nmy.yaml:4: TunnelRoute r: spec: is missing\n",
    ],
    "a wrong configuration": [
      new ConfigError([{ path: ["pool"], message: "is missing" }]),
      2,
      "sallyport: pool: is missing\n",
    ],
    "a fault of its own": [
      new TypeError("x is undefined"),
      1,
      "sallyport: x is undefined (a fault of sallyport; --verbose shows where)\n",
    ],
  };
  it.each(Object.entries(failures))("says in plain lines: %s", async (_name, [error, exitCode, err]) => {
    const fail = () => Promise.reject(error);
    expect(await sallyport(["dev"], fail)).toMatchObject({ exitCode, out: "", err });
  });

  it("shows where an error came from only when asked", async () => {
    const { exitCode, err } = await sallyport(["dev", "--verbose"], () => Promise.reject(new CliError(1, "no")));
    expect(exitCode).toBe(1);
    expect(err).toMatch(/^sallyport: CliError: no\nsallyport: +at .*run\.test\.ts/);
  });
});

import { DocumentError } from "@sallyport/proto/document-error";
import { ConfigError } from "@sallyport/proto/router-config";
import { describe, expect, it } from "vitest";
import { CliError } from "./cli-error.ts";
import type { DevOptions } from "./dev-options.ts";
import type { Actions } from "./program.ts";
import { run } from "./run.ts";

/** What the program writes and answers, and what its commands were asked for. */
async function sallyport(args: readonly string[], act: () => Promise<number> = async () => 0) {
  const result = { exitCode: -1, out: "", err: "", asked: [] as unknown[] };
  const output = {
    out: (text: string) => {
      result.out += text;
    },
    err: (text: string) => {
      result.err += text;
    },
  };
  const command = (options: unknown) => {
    result.asked.push(options);
    return act();
  };
  const actions: Actions = { dev: command, router: command, identity: command, check: command, schema: command };
  result.exitCode = await run(args, "1.2.3", output, actions);
  return result;
}

describe("sallyport", () => {
  it("shows its version", async () => {
    expect(await sallyport(["--version"])).toStrictEqual({ exitCode: 0, out: "1.2.3\n", err: "", asked: [] });
  });

  it.each(["", "dev", "r1", "r2", "identity", "check", "schema"])(
    "helps with examples and exit codes: %s --help",
    async (command) => {
      const { exitCode, out, err } = await sallyport([command, "--help"].filter((arg) => arg !== ""));
      expect({ exitCode, err }).toStrictEqual({ exitCode: 0, err: "" });
      expect(out).toMatch(new RegExp(`^Examples:\n {2}sallyport ${command}`, "m"));
      expect(out).toMatch(/^Exit codes:\n {2}0 /m);
    },
  );

  it("without a command helps, but as an error", async () => {
    const { exitCode, out, err } = await sallyport([]);
    expect({ exitCode, out }).toStrictEqual({ exitCode: 2, out: "" });
    expect(err).toMatch(/^Usage: sallyport/);
  });
});

describe("sallyport dev --to", () => {
  it("asks for one tunnel to a service", async () => {
    const { asked } = await sallyport(["dev", "--to", "http://localhost:3000", "--listen", "8081"]);
    expect(asked).toMatchObject([{ files: [], to: { url: "http://localhost:3000", port: 8081 } }]);
    expect((await sallyport(["dev", "--to", "http://x"])).asked).toMatchObject([
      { to: { url: "http://x", port: 8080 } },
    ]);
  });

  const wrong: Record<string, [string[], string]> = {
    "with documents": [
      ["--to", "http://x", "-f", "a.yaml"],
      "option '--to <url>' cannot be used with option '-f, --file <file>'",
    ],
    "a port without it": [
      ["--listen", "1"],
      "option '--listen <port>' needs '--to <url>'; documents name their own ports",
    ],
    "any free port": [
      ["--to", "http://x", "--listen", "0"],
      "option '--listen <port>' argument '0' is invalid. Give a number from 1 to 65535.",
    ],
  };
  it.each(Object.entries(wrong))("is refused %s", async (_name, [args, message]) => {
    const { exitCode, err, asked } = await sallyport(["dev", ...args]);
    expect({ exitCode, err, asked }).toStrictEqual({
      ...{ exitCode: 2, err: `sallyport: ${message}\nIts --help lists what there is.\n`, asked: [] },
    });
  });
});

describe("the other commands", () => {
  const nothing = { action: undefined, headers: [], soapHeaders: [], path: undefined, host: undefined };
  const call = { ...nothing, via: undefined, method: undefined, listener: undefined, message: undefined };
  const checked = { files: ["a.yaml"], tunnel: undefined, json: false, verbose: false };
  const identity = { out: "ids", trustDomain: undefined, days: 365, renew: false, force: false, verbose: false };
  const asked: Record<string, [string[], unknown]> = {
    "r1 runs an R1": [["r1", "--config", "r1.yaml"], { side: "dmz", config: "r1.yaml", verbose: false }],
    "r2 runs an R2": [["r2", "--config", "r2.yaml"], { side: "intranet", config: "r2.yaml", verbose: false }],
    "identity makes certificates": [["identity", "--out", "ids", "--tunnel", "a/b"], { ...identity, tunnel: "a/b" }],
    "identity takes every option": [
      ["identity", "--out", "ids", "--tunnel", "a/b", "--days", "9", "--trust-domain", "x.y", "--force"],
      { ...identity, tunnel: "a/b", days: 9, trustDomain: "x.y", force: true },
    ],
    "identity renews without a tunnel": [
      ["identity", "--out", "ids", "--renew"],
      { ...identity, tunnel: undefined, renew: true },
    ],
    "check without a call checks the documents": [["check", "-f", "a.yaml"], { ...checked, call: undefined }],
    "check takes every option of a call": [
      [
        ...["check", "-f", "a.yaml", "--action", "urn:a", "--header", "A=b=c", "--header", "D: e", "--path", "/p?q"],
        ...["--soap-header", "N=v", "--soap-header", "{urn:n}M=w", "--host", "h", "--method", "PUT", "--listener", "l"],
        ...["--via", "net.tcp://h/p", "--tunnel", "t", "--json"],
      ],
      {
        ...{ ...checked, tunnel: "t", json: true },
        call: {
          ...{ ...call, action: "urn:a", path: "/p?q", via: "net.tcp://h/p", host: "h", method: "PUT", listener: "l" },
          headers: [
            { name: "A", value: "b=c" },
            { name: "D", value: "e" },
          ],
          soapHeaders: [
            { name: "N", value: "v" },
            { name: "{urn:n}M", value: "w" },
          ],
        },
      },
    ],
    "check takes a message": [
      ["check", "-f", "a.yaml", "--message", "m.xml"],
      { ...checked, call: { ...call, message: "m.xml" } },
    ],
    "schema prints all": [["schema"], undefined],
    "schema prints one": [["schema", "TunnelRoute"], "TunnelRoute"],
  };
  it.each(Object.entries(asked))("%s", async (_name, [args, options]) => {
    expect(await sallyport(args)).toStrictEqual({ exitCode: 0, out: "", err: "", asked: [options] });
  });

  const wrong: Record<string, [string[], string]> = {
    "r1 without a configuration": [["r1"], "required option '--config <file>' not specified"],
    "identity without a folder": [["identity", "--tunnel", "a/b"], "required option '--out <dir>' not specified"],
    "identity without a tunnel": [
      ["identity", "--out", "x"],
      "required option '--tunnel <namespace/name>' not specified",
    ],
    "a tunnel without a namespace": [
      ["identity", "--out", "x", "--tunnel", "b"],
      "option '--tunnel <namespace/name>' argument 'b' is invalid. Give namespace/name, such as default/partners.",
    ],
    "to renew and to begin anew": [
      ["identity", "--out", "x", "--renew", "--force"],
      "--renew keeps the CA and --force makes a new one; give one of both",
    ],
    "check without documents": [["check", "--path", "/"], "required option '-f, --file <file>' not specified"],
    "a header without a value": [
      ["check", "-f", "a", "--header", "X"],
      "option '--header <name=value>' argument 'X' is invalid. Give NAME=VALUE, such as X-Tenant=blue.",
    ],
    "a path that is a URL": [
      ["check", "-f", "a", "--path", "http://x/"],
      "option '--path <path>' argument 'http://x/' is invalid. Give what follows the host in a URL: it starts with '/'.",
    ],
    "a via of another scheme": [
      ["check", "-f", "a", "--via", "http://x/"],
      "option '--via <uri>' argument 'http://x/' is invalid. Give the URI that the client connects to; it starts with net.tcp://.",
    ],
    "a message and what would be in it": [
      ["check", "-f", "a", "--message", "m", "--soap-header", "a=b"],
      "option '--message <file>' cannot be used with option '--soap-header <name=value>'",
    ],
  };
  it.each(Object.entries(wrong))("refuse %s", async (_name, [args, message]) => {
    const { exitCode, err, asked } = await sallyport(args);
    expect({ exitCode, err, asked }).toStrictEqual({
      ...{ exitCode: 2, err: `sallyport: ${message}\nIts --help lists what there is.\n`, asked: [] },
    });
  });
});

describe("sallyport dev", () => {
  const defaults: DevOptions = {
    ...{ files: [], to: undefined, pairs: undefined, address: "127.0.0.1", healthPort: 8085, verbose: false },
    otlp: undefined,
  };

  it("has defaults for everything", async () => {
    expect((await sallyport(["dev"])).asked).toStrictEqual([defaults]);
  });

  it("takes every option", async () => {
    const args = ["-f", "a.yaml", "--file", "-", "--pairs", "3", "--address", "::1", "--health-port", "0", "--verbose"];
    const otlp = "http://localhost:4318";
    expect((await sallyport(["dev", ...args, "--otlp", otlp])).asked).toStrictEqual([
      { files: ["a.yaml", "-"], to: undefined, pairs: 3, address: "::1", healthPort: 0, verbose: true, otlp },
    ]);
    expect((await sallyport(["dev", "--address", "localhost"])).asked).toStrictEqual([defaults]);
  });

  const wrong: Record<string, [string[], string]> = {
    "an unknown option": [["dev", "--pair", "3"], "sallyport: unknown option '--pair'\n(Did you mean --pairs?)"],
    "an unknown command": [["def"], "sallyport: unknown command 'def'\n(Did you mean dev?)"],
    "an argument too many": [
      ["dev", "my.yaml"],
      "sallyport: 'my.yaml' is no option; a document is given with -f my.yaml, by npm: npm start -- -f my.yaml",
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
    "no collector": [
      ["dev", "--otlp", "localhost:4318"],
      "sallyport: option '--otlp <url>' argument 'localhost:4318' is invalid. Give a collector's OTLP/HTTP address, such as http://localhost:4318.",
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

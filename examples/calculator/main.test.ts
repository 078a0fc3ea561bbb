import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { type Calculator, startCalculator } from "./server.ts";
import { call, envelope11, log, post11 } from "./test-client.ts";

const program = fileURLToPath(new URL("main.ts", import.meta.url));
let child: ChildProcess | undefined;
afterEach(() => {
  if (child?.exitCode === null) child.kill("SIGKILL");
});

function run(...args: string[]): ChildProcess {
  child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  return child;
}

async function output(of: ChildProcess): Promise<[number | null, string, string]> {
  const [out, err] = await Promise.all([
    of.stdout!.setEncoding("utf8").toArray(),
    of.stderr!.setEncoding("utf8").toArray(),
  ]);
  if (of.exitCode === null) await once(of, "exit");
  return [of.exitCode, out.join(""), err.join("")];
}

async function forked(): Promise<number> {
  child = fork(program, ["--port", "0"], { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] });
  const [message] = await once(child, "message");
  expect(message).toEqual({ t: "listening", port: expect.any(Number) });
  return message.port;
}

describe("the program", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "T10: prints its address and each Log, and ends cleanly on %s",
    async (signal) => {
      const alone = run("--port", "0");
      const lines = createInterface({ input: alone.stdout! })[Symbol.asyncIterator]();
      const address = String((await lines.next()).value);
      expect(address).toMatch(/^calculator: http:\/\/127\.0\.0\.1:\d+\/calculator$/);
      await post11(Number(address.match(/:(\d+)\//)?.[1]), envelope11(log("two\nlines")));
      expect((await lines.next()).value).toBe('calculator: log "two\\nlines"');
      alone.kill(signal);
      expect(await once(alone, "exit")).toEqual([0, null]);
    },
  );

  test("forked, it tells its parent the port and ends when the parent lets go", async () => {
    const port = await forked();
    expect((await call(port, { path: "/calculator/add?a=2&b=3" })).body).toBe('{"result":5}\n');
    const exited = once(child!, "exit");
    child!.disconnect();
    expect(await exited).toEqual([0, null]);
  });

  test("forked, it ends on SIGTERM though the channel is open", async () => {
    await forked();
    child!.kill("SIGTERM");
    expect(await once(child!, "exit")).toEqual([0, null]);
  });

  const wrong: Record<string, [string[], string]> = {
    "a port that is no number": [["--port", "http"], 'calculator: --port is a number from 0 to 65535, not "http"'],
    "a port too high": [["--port", "65536"], 'calculator: --port is a number from 0 to 65535, not "65536"'],
    "an unknown option": [["--prot", "9000"], "calculator: Unknown option '--prot'"],
  };
  for (const [name, [args, message]] of Object.entries(wrong)) {
    test(`${name} ends it with 2, the reason and the usage`, async () => {
      const [code, out, err] = await output(run(...args));
      expect([code, out, err.slice(0, message.length)]).toEqual([2, "", message]);
      expect(err).toContain("usage: node main.ts [--port 9000]");
    });
  }

  test("a port that is taken ends it with 1 and the reason", async () => {
    const other: Calculator = await startCalculator();
    const result = await output(run("--port", String(other.port)));
    await other.close();
    const reason = `calculator: port ${other.port} of 127.0.0.1 is taken by another program; end that one or choose another port\n`;
    expect(result).toEqual([1, "", reason]);
  });
});

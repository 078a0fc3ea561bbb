import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Child, portOf } from "./child.ts";
import { soapRequest, soapResponse } from "./soap-message.ts";

const signal = new AbortController().signal;
const children: Child[] = [];
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-bench-test-"));
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
  rmSync(folder, { recursive: true });
});

async function startServer(module: string, env: Record<string, string> = {}): Promise<string> {
  const child = Child.module(new URL(module, import.meta.url), { name: module, logFile: join(folder, "log"), env });
  children.push(child);
  return `http://127.0.0.1:${await child.message(portOf, signal)}`;
}

/** What a server answers to each kind of call that is measured. */
async function answers(url: string): Promise<unknown[]> {
  const call = await fetch(`${url}/orders`, { method: "POST", body: soapRequest });
  const down = await fetch(`${url}/bulk/3000001`);
  const up = await fetch(`${url}/upload`, { method: "PUT", body: Buffer.alloc(3_000_001) });
  return [
    ...[call.status, call.headers.get("content-type"), await call.text()],
    ...[(await down.arrayBuffer()).byteLength, await up.text()],
  ];
}

const expected = [200, "text/xml; charset=utf-8", soapResponse, 3_000_001, "3000001"];

describe("the servers of the benchmark", () => {
  it("the destination answers calls, sends bulk and counts what it takes", async () => {
    expect(await answers(await startServer("./destination.ts"))).toStrictEqual(expected);
  });

  it("the one-hop proxy changes nothing of that", async () => {
    const origin = await startServer("./destination.ts");
    expect(await answers(await startServer("./one-hop.ts", { ORIGIN: origin }))).toStrictEqual(expected);
  });

  it("the messages are about 400 bytes each way", () => {
    for (const { length } of [soapRequest, soapResponse]) expect(Math.abs(length - 400)).toBeLessThan(40);
  });
});

describe("a process of the scene", () => {
  const shell = (script: string): Child => {
    const child = Child.program("/bin/sh", ["-c", script], { name: "a shell", logFile: join(folder, "log") });
    children.push(child);
    return child;
  };

  it("that ends before it said what was waited for is told of with its last words", async () => {
    await expect(shell("echo no room >&2; exit 3").message(portOf, signal)).rejects.toThrow("a shell ended: no room");
  });

  it("that cannot be started is told of", async () => {
    const child = Child.program(join(folder, "nothing"), [], { name: "nothing", logFile: join(folder, "log") });
    await expect(child.message(portOf, signal)).rejects.toThrow("nothing ended: without a word");
    await child.stop();
  });

  it("is gone once it was stopped", async () => {
    const child = shell("exec sleep 60");
    expect(child.isEnded).toBe(false);
    await child.stop();
    expect(child.isEnded).toBe(true);
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readCorpus, writeInput } from "./corpus.ts";
import { runJob, type Verdict } from "./run.ts";
import type { Job } from "./worker.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-fuzz-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the fuzzer", () => {
  it("finds a bug behind four bytes, as coverage leads it there byte by byte", async () => {
    const { text } = await run("planted");
    expect(text).toContain("Error: the planted bug");
    const [input] = crashes();
    expect(input?.subarray(0, 4)).toStrictEqual(Buffer.from([0x53, 0x61, 0x6c, 0xf9]));
    expect(text).toContain(`--target planted --input ${join(folder, "crashes", "planted-")}`);
  });

  it("does not find it without coverage, in as many executions", async () => {
    expect(await run("planted", { guided: false })).toMatchObject({ passed: true });
  });

  it("makes the same inputs from the same seed, and others from another", async () => {
    const [inputs, sameInputs, otherInputs] = [await inputsOf(2), await inputsOf(2), await inputsOf(4)];
    expect(inputs.length).toBeGreaterThan(1);
    expect(inputs).toStrictEqual(sameInputs);
    expect(inputs).not.toStrictEqual(otherInputs);
  });

  it("makes what it found as small as it can", async () => {
    writeInput(join(folder, "corpus"), Buffer.from(`Sal\u00f9${"x".repeat(50)}`, "latin1"));
    await run("planted");
    expect(crashes()).toStrictEqual([Buffer.from([0x53, 0x61, 0x6c, 0xf9])]);
  });

  it("ends an input that does not end by itself, and keeps it", async () => {
    const verdict = await run("endless", { hangMs: 500 });
    expect(verdict.passed).toBe(false);
    expect(verdict.text).toContain("endless FAILED an input did not end in 500 ms");
    expect(crashes()).toStrictEqual([Buffer.from("loop")]);
  });

  it("fails when memory grows with the number of inputs", async () => {
    const { text } = await run("keeping", { executionsMax: 400_000 });
    expect(text).toMatch(/memory has grown by \d+ bytes over \d+ inputs: something is kept/);
  });

  it("fails when a length that the input declares is allocated", async () => {
    const { text } = await run("trusting");
    expect(text).toMatch(/took \d+ bytes for \d+/);
  });

  it("keeps what reaches something of its own, the smallest that does, and what a person named", async () => {
    const [reaching, larger, needless, named] = [
      "Sal!",
      "Salt!",
      "reaches what every input reaches",
      "so does this one",
    ];
    for (const input of [reaching, larger, needless]) writeInput(join(folder, "corpus"), Buffer.from(input));
    writeFileSync(join(folder, "corpus", "issue-7"), named);
    await run("planted", { executionsMax: 1, keep: true });
    const kept = readCorpus(join(folder, "corpus")).map(String);
    expect(kept.toSorted()).toStrictEqual(["input", named, reaching].toSorted());
  });

  it("fails when its process dies", async () => {
    const { passed, text } = await runJob({ ...jobOf("planted"), url: "file:///nowhere.ts" }, () => undefined);
    expect({ passed, text }).toStrictEqual({
      passed: false,
      text: expect.stringContaining("planted FAILED: its process ended with exit code 1"),
    });
  });
});

/** What a seed makes of the corpus in so many executions. */
async function inputsOf(seed: number): Promise<readonly Buffer[]> {
  rmSync(join(folder, "corpus"), { recursive: true, force: true });
  await run("planted", { seed, executionsMax: 15_000, keep: true });
  return readCorpus(join(folder, "corpus"));
}

function run(name: string, job: Partial<Job> = {}): Promise<Verdict> {
  return runJob({ ...jobOf(name), ...job }, () => undefined);
}

function jobOf(name: string): Job {
  return {
    name,
    url: new URL(`testing/${name}.ts`, import.meta.url).href,
    corpus: join(folder, "corpus"),
    crashes: join(folder, "crashes"),
    seed: 7,
    seconds: 600,
    executionsMax: 200_000,
    guided: true,
    keep: false,
    hangMs: 60_000,
  };
}

function crashes(): Buffer[] {
  const crashFolder = join(folder, "crashes");
  return readdirSync(crashFolder).map((name) => readFileSync(join(crashFolder, name)));
}

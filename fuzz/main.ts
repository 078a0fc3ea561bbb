import { randomInt } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { help, type Options, parseOptions } from "./options.ts";
import { runJob, type Verdict } from "./run.ts";
import type { Target } from "./target.ts";
import type { Job } from "./worker.ts";

/** `npm run fuzz`: see `--help`. */

const targetsFolder = new URL("targets/", import.meta.url);
/** Far over what an input may take, so that a busy machine is no hang. */
const hangMs = 20_000;

const names = readdirSync(targetsFolder)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length))
  .sort();

process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2), names, randomInt(2 ** 32));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nnpm run fuzz -- --help tells the options.\n`);
    return 2;
  }
  if (options.help) return await printHelp();
  if (options.input !== undefined) return await runInput(options.targets[0]!, options.input);
  return await runAll(options);
}

async function printHelp(): Promise<number> {
  const summaries = await Promise.all(names.map(async (name) => [name, (await load(name)).summary] as const));
  process.stdout.write(help(new Map(summaries)));
  return 0;
}

async function runInput(name: string, file: string): Promise<number> {
  const { run } = await load(name);
  try {
    run(readFileSync(file));
  } catch (error) {
    say(`${name} FAILED: ${error instanceof Error ? error.stack : String(error)}`);
    return 1;
  }
  say(`${name} passed`);
  return 0;
}

async function runAll(options: Options): Promise<number> {
  say(`seed ${options.seed}, ${options.seconds} s for each of ${options.targets.join(", ")}`);
  const verdicts: Verdict[] = [];
  const waiting = options.targets.map((name) => jobOf(name, options));
  const lane = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const verdict = await runJob(job, say);
      say(verdict.text);
      verdicts.push(verdict);
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, lane));
  const passed = verdicts.filter((verdict) => verdict.passed).length;
  writeReport(passed, verdicts.length - passed);
  say(`${passed} passed, ${verdicts.length - passed} failed, 0 skipped`);
  return passed === verdicts.length ? 0 : 1;
}

function jobOf(name: string, { seed, seconds, executionsMax, keep }: Options): Job {
  const folder = (path: string) => relative(process.cwd(), fileURLToPath(new URL(path, import.meta.url)));
  const places = {
    url: new URL(`${name}.ts`, targetsFolder).href,
    corpus: folder(`corpus/${name}`),
    crashes: folder("crashes"),
  };
  return { name, ...places, seed, seconds, executionsMax, keep, guided: true, hangMs };
}

/** In the form of vitest's JSON report, which is what CI counts. */
function writeReport(numPassedTests: number, numFailedTests: number): void {
  const file = process.env.CI_REPORT;
  if (file === undefined) return;
  const others = { numPendingTests: 0, numTodoTests: 0, testResults: [] };
  writeFileSync(file, JSON.stringify({ numPassedTests, numFailedTests, ...others }));
}

async function load(name: string): Promise<Target> {
  return ((await import(new URL(`${name}.ts`, targetsFolder).href)) as { readonly target: Target }).target;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

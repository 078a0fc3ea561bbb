import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { help, type Options, parseOptions } from "./options.ts";
import { plot } from "./plot.ts";
import { profileTable } from "./profile.ts";
import { report } from "./report.ts";
import type { Results } from "./results.ts";
import { runBench } from "./run.ts";
import { Scene } from "./scene.ts";
import { ensureTools } from "./tools.ts";
import { callOver } from "./wrk.ts";

/** The program `npm run bench`. Arguments, signals, files and exit code are here. */

const exitCodes = { holds: 0, fails: 1, unmeasured: 2 } as const;
const results = fileURLToPath(new URL("results/", import.meta.url));
const [boundMs, quickBoundMs, profileSeconds] = [240_000, 100_000, 15];

/** Above this share of the machine for others the figures say little. */
const quietShare = 0.1;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }
  try {
    const options = parseOptions(args);
    if (options.help) process.stdout.write(help);
    return options.help ? exitCodes.holds : await measure(options, stop);
  } catch (error) {
    const reason = stop.signal.aborted ? (stop.signal.reason as unknown) : error;
    say(`bench: ${reason instanceof Error ? reason.message : String(reason)}`);
    return exitCodes.unmeasured;
  }
}

async function measure(options: Options, stop: AbortController): Promise<number> {
  await ensureTools(say, stop.signal);
  const allowedMs = options.quick ? quickBoundMs : boundMs;
  const tooLong = `not done within ${allowedMs / 1_000} s; the machine is too busy to measure on`;
  const timer = setTimeout(() => stop.abort(new Error(tooLong)), allowedMs);
  const scene = new Scene(stop.signal);
  try {
    if (options.profile) return await profile(scene);
    const found = await runBench(options, scene, say);
    publish(found, options);
    return found.gates.every(({ holds }) => holds) ? exitCodes.holds : exitCodes.fails;
  } finally {
    clearTimeout(timer);
    await scene.end();
  }
}

function publish(found: Results, options: Options): void {
  mkdirSync(results, { recursive: true });
  const base = `${results}${found.date.replace(/:/g, "-").slice(0, 19)}`;
  writeFileSync(`${base}.json`, `${JSON.stringify(found, null, 2)}\n`);
  const drawing = plot(found);
  for (const file of [`${base}.svg`, ...(options.svg === undefined ? [] : [options.svg])]) writeFileSync(file, drawing);
  process.stdout.write(options.json ? `${JSON.stringify(found, null, 2)}\n` : `\n${report(found)}`);
  if (found.machine.othersShare > quietShare) say("\nothers kept the machine busy: run it again on a quiet one");
  say(`\nwritten: ${base}.json, ${base}.svg`);
}

async function profile(scene: Scene): Promise<number> {
  mkdirSync(results, { recursive: true });
  await scene.startDestination();
  const tunnel = await scene.startTunnel({ profiles: results });
  say(`profiling R1 and R2 under small calls for ${profileSeconds} s …`);
  const { callsPerSecond } = await callOver(tunnel.url, { connections: 64, seconds: profileSeconds }, scene.signal);
  await scene.stop(tunnel);
  say(
    `${Math.round(callsPerSecond)} calls/s while profiled; the profiles are ${results}r1.cpuprofile and r2.cpuprofile`,
  );
  for (const { name } of tunnel.processes) {
    process.stdout.write(`\n${profileTable(name, `${results}${name}.cpuprofile`)}\n`);
  }
  return exitCodes.holds;
}

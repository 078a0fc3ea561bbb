import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MachineWatch } from "./machine.ts";
import { growth, growthMax, operatorReport } from "./operator-report.ts";
import { measureOperator, type OperatorReadings } from "./operator-run.ts";

/** The program `npm run bench:operator`. Arguments, signals, files and exit code are here. */

const help = `Usage: npm run bench:operator -- [options]

Measures the operator on a Kubernetes API without nodes: what 20 tunnels with 200 routes and 200 tunnels with 2,000 routes
cost, and what one more change costs then. Needs the programs that \`node e2e/cluster/build.ts\` makes.

  --quick   only the small set
  --help    this

Exit codes: 0 measured, 1 one more change grows dear with the number of objects, 2 it could not be measured.
`;

const [small, full] = [
  { tunnels: 20, routes: 200 },
  { tunnels: 200, routes: 2_000 },
];
const boundMs = 900_000;
const results = fileURLToPath(new URL("results/", import.meta.url));
const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }
  const tooLong = new Error(`not done within ${boundMs / 1_000} s; the machine is too busy to measure on`);
  const timer = setTimeout(() => stop.abort(tooLong), boundMs);
  try {
    const options = { quick: { type: "boolean", default: false }, help: { type: "boolean", default: false } } as const;
    const { values } = parseArgs({ args: [...args], options });
    if (values.help) process.stdout.write(help);
    return values.help ? 0 : await measure(values.quick ? [small] : [small, full], stop.signal);
  } catch (error) {
    const reason = stop.signal.aborted ? (stop.signal.reason as unknown) : error;
    say(`bench: ${reason instanceof Error ? reason.message : String(reason)}`);
    return 2;
  } finally {
    clearTimeout(timer);
  }
}

async function measure(sizes: readonly (typeof small)[], signal: AbortSignal): Promise<number> {
  const watch = new MachineWatch();
  const readings: OperatorReadings[] = [];
  for (const size of sizes) readings.push(await measureOperator(size, signal, say));
  const ratio = growth(readings);
  const date = new Date().toISOString();
  const found = { date, machine: watch.describe([]), readings };
  mkdirSync(results, { recursive: true });
  const file = `${results}operator-${date.replace(/:/g, "-").slice(0, 19)}.json`;
  writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
  process.stdout.write(`\n${operatorReport(readings)}\n`);
  if (readings.length > 1) say(`\none more change, large over small: ${ratio.toFixed(2)} (at most ${growthMax})`);
  say(`written: ${file}`);
  return ratio <= growthMax ? 0 : 1;
}

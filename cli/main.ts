import { readFileSync } from "node:fs";
import { spawnModule } from "./child.ts";
import { exitCodes } from "./cli-error.ts";
import { clock } from "./clock.ts";
import { runDev } from "./dev.ts";
import type { DevOptions } from "./dev-options.ts";
import type { DevHost } from "./dev-run.ts";
import { type EndingSignal, endingSignals, Interrupts } from "./interrupts.ts";
import { errorText, run } from "./run.ts";

/** The program `sallyport`. Everything of the process itself is here: arguments, signals, standard streams, exit code. */

const interrupts = new Interrupts(clock);

process.on("uncaughtException", (error) => {
  // The routers end by themselves when this process is gone.
  process.stderr.write(errorText(error, process.argv.includes("--verbose")));
  process.exit(exitCodes.failed);
});

for (const stream of [process.stdout, process.stderr]) {
  // Whoever read along is gone (`| head`, a closed terminal): the run ends as by a hang-up.
  stream.on("error", () => interrupts.receive("SIGHUP"));
}

process.exit(await run(process.argv.slice(2), version(), output(), dev));

function dev(options: DevOptions): Promise<number> {
  for (const signal of Object.keys(endingSignals) as EndingSignal[]) {
    process.on(signal, () => interrupts.receive(signal));
  }
  return runDev(options, host(), process.stdin, interrupts);
}

function host(): DevHost {
  return {
    dmz: spawnModule(moduleOf("@sallyport/router-dmz/main")),
    intranet: spawnModule(moduleOf("@sallyport/router-intranet/main")),
    sample: {
      spawn: spawnModule(moduleOf("@sallyport/example-calculator/main")),
      documents: new URL("tunnel.yaml", moduleOf("@sallyport/example-calculator/main")),
    },
    clock,
    say: (line) => process.stdout.write(`${line}\n`),
  };
}

function moduleOf(name: string): URL {
  return new URL(import.meta.resolve(name));
}

function output() {
  return {
    out: (text: string) => process.stdout.write(text),
    err: (text: string) => process.stderr.write(text),
  };
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
  const isNamed = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isNamed ? String(manifest.version) : "unknown";
}

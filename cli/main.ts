import { readFileSync } from "node:fs";
import type { StartRouter } from "@sallyport/tunnel/process";
import type { ProgramOutput } from "./base-program.ts";
import { spawnModule } from "./child.ts";
import { exitCodes } from "./cli-error.ts";
import { clock } from "./clock.ts";
import type { DevHost } from "./dev-run.ts";
import { errorText } from "./error-text.ts";
import { type EndingSignal, endingSignals, Interrupts } from "./interrupts.ts";
import type { Actions } from "./program.ts";
import type { RouterOptions } from "./router-run.ts";
import { run } from "./run.ts";

/**
 * The program `sallyport`. Everything of the process itself is here: arguments, signals, standard streams, exit code. A
 * command's modules are loaded when it is asked for: no R1 holds R2's code, or that which makes certificates.
 */

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

process.exit(await run(process.argv.slice(2), version(), output(), actions(output().out)));

function actions(out: (text: string) => void): Actions {
  return {
    dev: async (options) => {
      listenTo(Object.keys(endingSignals) as EndingSignal[]);
      const { runDev } = await import("./dev.ts");
      return runDev(options, devHost(), process.stdin, interrupts);
    },
    router: async (options) => {
      // SIGHUP has another meaning to a service.
      listenTo(["SIGINT", "SIGTERM"]);
      const { runRouter } = await import("./router-run.ts");
      const { routerHost } = await import("./router-host.ts");
      return runRouter(options, routerHost(options.side, await startOf(options.side)), interrupts);
    },
    identity: async (options) => {
      const { makeIdentities } = await import("./identity-files.ts");
      for (const line of await makeIdentities(options, new Date())) out(`${line}\n`);
      return exitCodes.fine;
    },
    check: async (options) => {
      const { check } = await import("./check.ts");
      return check(options, process.stdin, out);
    },
    schema: async (kind) => {
      const { printSchema } = await import("./schema.ts");
      return printSchema(kind, out);
    },
  };
}

function listenTo(signals: readonly EndingSignal[]): void {
  for (const signal of signals) process.on(signal, () => interrupts.receive(signal));
}

function devHost(): DevHost {
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

async function startOf(side: RouterOptions["side"]): Promise<StartRouter> {
  if (side === "dmz") return (await import("@sallyport/router-dmz/router")).startDmzRouter;
  return (await import("@sallyport/router-intranet/router")).startIntranetRouter;
}

function moduleOf(name: string): URL {
  return new URL(import.meta.resolve(name));
}

function output(): ProgramOutput {
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  };
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
  const isNamed = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isNamed ? String(manifest.version) : "unknown";
}

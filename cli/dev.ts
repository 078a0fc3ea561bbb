import type { Readable } from "node:stream";
import { parseDocumentFiles } from "@sallyport/proto/documents";
import { exitCodes } from "./cli-error.ts";
import type { DevOptions } from "./dev-options.ts";
import { createDevRun, type DevHost } from "./dev-run.ts";
import { readDocumentFiles } from "./document-files.ts";
import { endingSignals, type Interrupts } from "./interrupts.ts";
import { drainMs } from "./router-start.ts";
import { type Sample, sampleDocuments } from "./sample.ts";
import { planTunnels, type TunnelPlan } from "./tunnel-plan.ts";

/** A process is killed when its own drain time and this have passed. */
const drainSlackMs = 2_000;

/**
 * Runs the documents' tunnels (or the sample's) until it is interrupted. Answers the exit code. Throws DocumentError and
 * CliError. Nothing that it started runs on after it is done, whichever way.
 */
export async function runDev(
  options: DevOptions,
  host: DevHost,
  stdin: Readable,
  interrupts: Interrupts,
): Promise<number> {
  const run = await createDevRun(await readPlans(options, host.sample, stdin), options, host);
  interrupts.whenKilled(() => void run.kill());
  const started = run.start();
  try {
    await Promise.race([started.then(() => interrupts.drainAsked), interrupts.drainAsked]);
  } catch (error) {
    await run.drain(drainSlackMs);
    throw error;
  }
  host.say(`stopping: calls in flight may finish, for ${drainMs / 1000} s at most; Ctrl-C again ends all at once`);
  await run.drain(drainMs + drainSlackMs);
  host.say("stopped");
  return interrupts.killedBy === undefined ? exitCodes.fine : endingSignals[interrupts.killedBy];
}

async function readPlans(
  { files, pairs, healthPort }: DevOptions,
  sample: Sample,
  stdin: Readable,
): Promise<TunnelPlan[]> {
  const documents =
    files.length === 0 ? await sampleDocuments(sample) : parseDocumentFiles(await readDocumentFiles(files, stdin));
  return planTunnels(documents, { pairs, healthPort });
}

import type { Readable } from "node:stream";
import { exitCodes } from "./cli-error.ts";
import { planReader, type ReadPlans } from "./dev-documents.ts";
import type { DevOptions } from "./dev-options.ts";
import { createDevRun, type DevHost, type DevRun } from "./dev-run.ts";
import { errorText } from "./error-text.ts";
import { FileReader } from "./file-reader.ts";
import { FileWatch } from "./file-watch.ts";
import { endingSignals, type Interrupts } from "./interrupts.ts";
import { Reloader } from "./reloader.ts";
import { drainMs } from "./router-start.ts";

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
  const readPlans = await planReader(options, host.sample, stdin);
  const reader = new FileReader();
  const run = await createDevRun(await readPlans(reader), options, host);
  interrupts.whenKilled(() => void run.kill());
  const started = run.start();
  try {
    await Promise.race([started, interrupts.drainAsked]);
  } catch (error) {
    await run.drain(drainSlackMs);
    throw error;
  }
  const stopWatching = watch(run, readPlans, reader.seen, host);
  await interrupts.drainAsked;
  stopWatching();
  host.say(`stopping: calls in flight may finish, for ${drainMs / 1000} s at most; Ctrl-C again ends all at once`);
  await run.drain(drainMs + drainSlackMs);
  host.say("stopped");
  return interrupts.killedBy === undefined ? exitCodes.fine : endingSignals[interrupts.killedBy];
}

/** Reads the documents again when a file of theirs has changed. Answers what ends that. */
function watch(run: DevRun, readPlans: ReadPlans, known: ReadonlyMap<string, string>, host: DevHost): () => void {
  if (known.size === 0) return () => {};
  const reloader = new Reloader(async () => {
    const reader = new FileReader();
    try {
      run.reload(await readPlans(reader));
    } catch (error) {
      for (const line of errorText(error, false).trimEnd().split("\n")) host.say(line);
      host.say("not reloaded: the documents cannot be used; the old routes stay");
    }
    files.expect(reader.seen);
  });
  const files = new FileWatch(host.clock, () => reloader.request());
  files.expect(known);
  return () => files.stop();
}

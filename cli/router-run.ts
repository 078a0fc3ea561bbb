import type { Clock } from "@sallyport/tunnel/clock";
import type { Side } from "@sallyport/tunnel/identity";
import type { Loaded } from "@sallyport/tunnel/live-config";
import type { RunningRouter, StartRouter } from "@sallyport/tunnel/process";
import { CliError, exitCodes } from "./cli-error.ts";
import { FileReader } from "./file-reader.ts";
import { FileWatch } from "./file-watch.ts";
import { endingSignals, type Interrupts } from "./interrupts.ts";
import { Reloader } from "./reloader.ts";
import { RouteShards } from "./route-shards.ts";
import { type RouterConfig, readRouterConfig } from "./router-config.ts";

/** What `sallyport r1` (`dmz`) and `sallyport r2` (`intranet`) are asked for. */
export interface RouterOptions {
  readonly side: Side;
  /** The configuration file. */
  readonly config: string;
  readonly verbose: boolean;
}

export interface RouterHost {
  readonly start: StartRouter;
  readonly clock: Clock;
  now(): Date;
  /** A log of its own, beside the router's. */
  log(level: string): RouterLog;
  /** What to do at SIGHUP. */
  onHangUp(act: () => void): void;
}

export interface RouterLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * Runs one router in this process until it is told to stop, and takes new configurations while it runs. Answers the exit
 * code. Throws CliError and DocumentError when it cannot start.
 */
export async function runRouter(options: RouterOptions, host: RouterHost, interrupts: Interrupts): Promise<number> {
  const reader = new FileReader();
  const shards = new RouteShards();
  const first = await readRouterConfig(options.side, options.config, reader, host.now(), shards);
  const log = host.log(first.config.log.level);
  say(first, options, log);
  const router = await start(first, options, host);
  const stopWatching = watch(router, { reader, shards }, options, host, log);
  const killed = new Promise<void>((resolve) => interrupts.whenKilled(resolve));
  await interrupts.drainAsked;
  stopWatching();
  await Promise.race([router.drain(), killed]);
  return interrupts.killedBy === undefined ? exitCodes.fine : endingSignals[interrupts.killedBy];
}

function say({ certificateUntil, warnings }: RouterConfig, { config, side }: RouterOptions, log: RouterLog): void {
  log.info({ pid: process.pid, side, config, certificateUntil: certificateUntil.toISOString() }, "starting");
  for (const problem of warnings) log.warn({ problem }, "configuration");
}

async function start({ config }: RouterConfig, { side }: RouterOptions, host: RouterHost): Promise<RunningRouter> {
  try {
    return await host.start(config, () => {});
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CliError(exitCodes.failed, `${side === "dmz" ? "R1" : "R2"} could not start: ${message}`);
  }
}

/** Reads everything again at SIGHUP and when a file has changed. Answers what ends that. */
function watch(
  router: RunningRouter,
  { reader: first, shards }: { readonly reader: FileReader; readonly shards: RouteShards },
  options: RouterOptions,
  host: RouterHost,
  log: RouterLog,
): () => void {
  let good = first.seen;
  let isStopped = false;
  const reloader = new Reloader(async () => {
    const reader = new FileReader();
    const loaded = await load(options, { reader, shards }, host.now(), log);
    if (isStopped) return;
    if (loaded.t === "read") good = reader.seen;
    // What cannot be read names perhaps not all of its files: those of the last good one are watched too.
    files.expect(new Map([...good, ...reader.seen]));
    router.reload(loaded);
  });
  const files = new FileWatch(host.clock, () => reloader.request());
  files.expect(good);
  host.onHangUp(() => reloader.request());
  return () => {
    isStopped = true;
    files.stop();
    host.onHangUp(() => {});
  };
}

async function load(
  { side, config: name }: RouterOptions,
  { reader, shards }: { readonly reader: FileReader; readonly shards: RouteShards },
  now: Date,
  log: RouterLog,
): Promise<Loaded> {
  try {
    const { config, warnings } = await readRouterConfig(side, name, reader, now, shards);
    for (const problem of warnings) log.warn({ problem }, "configuration");
    return { t: "read", config };
  } catch (error) {
    return { t: "unreadable", message: error instanceof Error ? error.message : String(error) };
  }
}

import type { Loaded, Reloaded } from "./live-config.ts";

/**
 * A router as a process of its own, under a parent that talks to it over Node's IPC channel: so keys reach it in memory,
 * never by arguments, environment or disk.
 */

/** Parent → router. */
export type Order =
  | { readonly t: "start"; readonly config: unknown }
  /** A configuration to go on with. Answered by `reloaded` once the router has started. */
  | { readonly t: "reload"; readonly config: unknown }
  | { readonly t: "drain" };

/** Router → parent. */
export type Report =
  /** Ports by purpose: listener names, "health", "admin", "tunnel". */
  | { readonly t: "listening"; readonly ports: Readonly<Record<string, number>> }
  /** The management connection (R1: to any R2; R2: to every R1) is active, or no longer. */
  | { readonly t: "ready"; readonly ready: boolean }
  | { readonly t: "reloaded"; readonly outcome: Reloaded }
  /** It cannot start; the process ends. */
  | { readonly t: "failed"; readonly message: string };

export interface RunningRouter {
  readonly ports: Readonly<Record<string, number>>;
  /** Finishes calls within its drain time, then resolves. */
  drain(): Promise<void>;
  /** Takes what can change while it runs; calls in flight are not touched. Throws nothing. */
  reload(loaded: Loaded): Reloaded;
}

export type StartRouter = (config: unknown, onReady: (ready: boolean) => void) => Promise<RunningRouter>;

/** Exit codes: 0 drained, 1 failed. */
export function runRouter(start: StartRouter): void {
  let running: RunningRouter | undefined;
  /** It came before the router had started. */
  let later: { readonly config: unknown } | undefined;
  let ending = false;
  const report = (message: Report): void => {
    if (process.connected) process.send?.(message);
  };
  const end = (): void => {
    if (ending) return;
    ending = true;
    const drained = running?.drain() ?? Promise.resolve();
    drained.then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  const begin = async (config: unknown): Promise<void> => {
    try {
      running = await start(config, (ready) => report({ t: "ready", ready }));
      report({ t: "listening", ports: running.ports });
      if (later) reload(later.config);
    } catch (error) {
      report({ t: "failed", message: error instanceof Error ? error.message : String(error) });
      process.exitCode = 1;
      process.disconnect?.();
    }
  };
  const reload = (config: unknown): void => {
    if (running) report({ t: "reloaded", outcome: running.reload({ t: "read", config }) });
    else later = { config };
  };
  process.on("message", (order: Order) => {
    switch (order.t) {
      case "start":
        return void begin(order.config);
      case "reload":
        return reload(order.config);
      case "drain":
        return end();
    }
  });
  // Ctrl-C reaches every process of a terminal; the parent says when to drain.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", end);
  process.on("disconnect", end);
}

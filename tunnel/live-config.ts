import { isDeepStrictEqual } from "node:util";
import { Counter, type Registry } from "prom-client";
import { liveGauge } from "./link-metrics.ts";
import type { Log } from "./log.ts";

/** A configuration read anew while the router runs, or why there is none. */
export type Loaded =
  | { readonly t: "read"; readonly config: unknown }
  | { readonly t: "unreadable"; readonly message: string };

/** What became of it. Paths are those of the configuration's keys: "waiting.callsMax". */
export type Reloaded =
  | { readonly t: "unchanged" }
  | {
      readonly t: "applied";
      /** In force from now on. */
      readonly changed: readonly string[];
      /** Differ from what the router runs with, and come into force when it is started again. */
      readonly needsRestart: readonly string[];
    }
  /** Nothing of it is in force; the old configuration is. */
  | { readonly t: "refused"; readonly message: string };

export interface LiveConfigOptions<Config extends object> {
  readonly initial: Config;
  /** Throws what is wrong with it, without any secret in the message. */
  readonly parse: (config: unknown) => Config;
  /** What can change while the router runs: "routes", "waiting.callsMax"; a key stands for all beneath it. */
  readonly live: readonly string[];
  /** Makes the changed paths' values effective. What it throws refuses the configuration. */
  readonly apply: (config: Config, changed: readonly string[]) => void;
  readonly log: Log;
  readonly metrics: Registry;
  /** For people only. */
  readonly now?: () => Date;
}

export interface LiveConfigStatus {
  /** The one read last is in force. */
  readonly valid: boolean;
  /** Why it is not; empty otherwise. */
  readonly error: string;
  readonly needsRestart: readonly string[];
  /** Empty: never. */
  readonly lastReload: string;
  readonly reloads: Readonly<Record<Reloaded["t"], number>>;
}

/** The configuration in force, and what became of those that came later. One that cannot be used changes nothing. */
export class LiveConfig<Config extends object> {
  readonly #options: LiveConfigOptions<Config>;
  readonly #live: ReadonlySet<string>;
  readonly #reloads: Record<Reloaded["t"], number> = { applied: 0, unchanged: 0, refused: 0 };
  #current: Config;
  #needsRestart: readonly string[] = [];
  #error = "";
  #lastReload = "";

  constructor(options: LiveConfigOptions<Config>) {
    this.#options = options;
    this.#current = options.initial;
    this.#live = new Set(options.live);
    this.#measure(options.metrics);
  }

  get current(): Config {
    return this.#current;
  }

  /** For the status page. */
  get status(): LiveConfigStatus {
    return {
      valid: this.#error === "",
      error: this.#error,
      needsRestart: this.#needsRestart,
      lastReload: this.#lastReload,
      reloads: this.#reloads,
    };
  }

  /** Throws nothing. */
  reload(loaded: Loaded): Reloaded {
    const outcome = this.#take(loaded);
    this.#reloads[outcome.t]++;
    this.#lastReload = (this.#options.now?.() ?? new Date()).toISOString();
    this.#error = outcome.t === "refused" ? outcome.message : "";
    this.#tell(outcome);
    return outcome;
  }

  #take(loaded: Loaded): Reloaded {
    if (loaded.t === "unreadable") return { t: "refused", message: loaded.message };
    try {
      const { config, changed, needsRestart } = merge(this.#current, this.#options.parse(loaded.config), this.#live);
      if (changed.length === 0 && isDeepStrictEqual(needsRestart, this.#needsRestart)) return { t: "unchanged" };
      this.#options.apply(config, changed);
      this.#current = config;
      this.#needsRestart = needsRestart;
      return { t: "applied", changed, needsRestart };
    } catch (error) {
      return { t: "refused", message: error instanceof Error ? error.message : String(error) };
    }
  }

  #tell(outcome: Reloaded): void {
    const { log } = this.#options;
    if (outcome.t === "refused")
      log.error({ problem: outcome.message }, "new configuration refused; the old one stays");
    if (outcome.t === "unchanged") log.info("configuration read again; nothing has changed");
    if (outcome.t !== "applied") return;
    const { changed, needsRestart } = outcome;
    if (needsRestart.length === 0) log.info({ changed }, "configuration reloaded");
    else log.warn({ changed, needsRestart }, "configuration reloaded; restart the router for what needs it");
  }

  #measure(metrics: Registry): void {
    const reloads = this.#reloads;
    new Counter({
      name: "sallyport_config_reloads_total",
      help: "Times that the configuration was read again, by what became of it.",
      labelNames: ["outcome"],
      registers: [metrics],
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(reloads)) this.inc({ outcome }, count);
      },
    });
    liveGauge(metrics, "sallyport_config_valid", "0: the configuration read last was refused.", () =>
      this.#error === "" ? 1 : 0,
    );
    liveGauge(
      metrics,
      "sallyport_config_restart_fields",
      "Changed fields that wait for a restart.",
      () => this.#needsRestart.length,
    );
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** `running` with the live fields of `wanted`; what else differs is left as it is and named. */
function merge<Config extends object>(running: Config, wanted: Config, live: ReadonlySet<string>) {
  const config = { ...running } as Record<string, unknown>;
  const changed: string[] = [];
  const needsRestart: string[] = [];
  for (const { path, key, subkey, value } of differences(running as Fields, wanted as Fields)) {
    if (!live.has(path) && !live.has(key)) needsRestart.push(path);
    else {
      changed.push(path);
      config[key] = subkey === undefined ? value : { ...(config[key] as Fields), [subkey]: value };
    }
  }
  // It has the keys of `running`, each with a value of `running` or of `wanted`.
  return { config: config as Config, changed, needsRestart };
}

interface Difference {
  readonly path: string;
  readonly key: string;
  /** Undefined: the key's whole value differs, as of a list. */
  readonly subkey: string | undefined;
  readonly value: unknown;
}

function differences(running: Fields, wanted: Fields): Difference[] {
  return keysOf(running, wanted).flatMap((key): Difference[] => {
    const [before, after] = [running[key], wanted[key]];
    if (isDeepStrictEqual(before, after)) return [];
    if (!isFields(before) || !isFields(after)) return [{ path: key, key, subkey: undefined, value: after }];
    return keysOf(before, after)
      .filter((subkey) => !isDeepStrictEqual(before[subkey], after[subkey]))
      .map((subkey) => ({ path: `${key}.${subkey}`, key, subkey, value: after[subkey] }));
  });
}

function keysOf(a: Fields, b: Fields): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

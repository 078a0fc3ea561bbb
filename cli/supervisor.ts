import type { Clock } from "@sallyport/tunnel/clock";
import type { Child, Spawn } from "./child.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { logLine } from "./log-line.ts";
import { type Ports, readReport } from "./report.ts";
import { type Ending, idle, next, type SupervisorEffect, type SupervisorEvent } from "./supervisor-state.ts";

/** What is kept running. */
export interface Supervised {
  /** "R1 0"; stands before each line about it. */
  readonly name: string;
  readonly spawn: Spawn;
  /** `ports`: those it reported when it listened before, to be the same again; {} at the first start. */
  args(ports: Ports): readonly string[];
  /** Sent to the process as soon as it runs. */
  order?(ports: Ports): object;
  /** Sent when it is to go on with something else; `ports`: those of its last `order`. */
  reload?(ports: Ports): object;
  /** Asks it to finish what it has and to end. */
  drain(child: Child): void;
}

export interface SupervisorEvents {
  /** A line for people. */
  say(line: string): void;
  /** The process reported whether its management connection is active. */
  onReady(ready: boolean): void;
  /** There is no process, for now or for good. */
  onDown(): void;
}

/** Keeps one process running: starts it again when it dies. `supervisor-state.ts` says when. */
export class Supervisor {
  readonly #what: Supervised;
  readonly #events: SupervisorEvents;
  readonly #clock: Clock;
  readonly #leastLogLevel: number;
  readonly #firstUp = Promise.withResolvers<Ports>();
  readonly #ended = Promise.withResolvers<void>();
  #state = idle;
  #child: Child | undefined;
  #ports: Ports = {};
  /** What the process that runs was started with. */
  #orderedPorts: Ports = {};
  #dropTimer = (): void => {};

  constructor(what: Supervised, events: SupervisorEvents, clock: Clock, leastLogLevel: number) {
    this.#what = what;
    this.#events = events;
    this.#clock = clock;
    this.#leastLogLevel = leastLogLevel;
    // Who drains a process that is not up yet may not wait for it.
    this.#firstUp.promise.catch(() => {});
  }

  get name(): string {
    return this.#what.name;
  }

  /** The ports of the last report, {} before the first. */
  get ports(): Ports {
    return this.#ports;
  }

  /** The ports of the first report. Rejects with CliError when the first start fails or is broken off. */
  start(): Promise<Ports> {
    this.#happened({ t: "start" });
    return this.#firstUp.promise;
  }

  /** Hands news to the process; one that is started later gets them with its order. */
  reload(): void {
    const news = this.#what.reload?.(this.#orderedPorts);
    if (news !== undefined) this.#child?.send(news);
  }

  /** Resolves once the process has ended: by itself, or killed after `limitMs`. It is not started again. */
  drain(limitMs: number): Promise<void> {
    this.#happened({ t: "drain", limitMs });
    return this.#ended.promise;
  }

  /** Ends the process at once. Resolves when it is gone. */
  kill(): Promise<void> {
    this.#happened({ t: "kill" });
    return this.#ended.promise;
  }

  #happened(event: SupervisorEvent): void {
    const { state, effects } = next(this.#state, event, this.#clock.now());
    if (state !== this.#state) this.#dropTimer();
    this.#state = state;
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: SupervisorEffect): void {
    switch (effect.t) {
      case "spawn":
        return this.#spawn();
      case "drain":
        return this.#child === undefined ? undefined : this.#what.drain(this.#child);
      case "kill":
        return this.#child?.kill("SIGKILL");
      case "timer":
        this.#dropTimer = this.#clock.after(effect.ms, () => this.#happened({ t: "timer" }));
        return;
      case "up":
        return this.#firstUp.resolve(this.#ports);
      case "restarting":
        return this.#events.say(`${this.#title()} ${effect.reason}; restarting in ${effect.inMs} ms`);
      case "overdue":
        return this.#events.say(`${this.#title()} did not end within ${effect.limitMs / 1000} s and is killed`);
      case "gaveUp":
        return this.#firstUp.reject(new CliError(exitCodes.failed, `${this.name} ${effect.reason}`));
      case "ended":
        this.#firstUp.reject(new CliError(exitCodes.failed, `${this.name} was stopped`));
        return this.#ended.resolve();
    }
  }

  #title(): string {
    const pid = this.#child?.pid;
    return pid === undefined ? this.name : `${this.name} (pid ${pid})`;
  }

  #spawn(): void {
    const child = this.#what.spawn(this.#what.args(this.#ports), {
      onMessage: (message) => this.#read(message),
      onLine: (stream, line) => this.#show(stream, line),
      onEnd: (ending) => this.#gone(ending),
    });
    this.#child = child;
    if (child.pid === undefined) return;
    this.#events.say(`${this.name} pid ${child.pid}`);
    this.#orderedPorts = this.#ports;
    const order = this.#what.order?.(this.#ports);
    if (order !== undefined) child.send(order);
  }

  #read(message: unknown): void {
    const report = readReport(message);
    switch (report?.t) {
      case "listening":
        this.#ports = report.ports;
        return this.#happened(report);
      case "failed":
        return this.#happened(report);
      case "ready":
        // What a process says while it drains is no news.
        if (this.#state.t === "up" || this.#state.t === "starting") this.#events.onReady(report.ready);
    }
  }

  #gone(ending: Ending): void {
    this.#events.onDown();
    this.#happened({ t: "exited", ending });
    this.#child = undefined;
  }

  #show(stream: "stdout" | "stderr", line: string): void {
    const shown = logLine(line, stream === "stderr" ? this.#leastLogLevel : 0);
    const prefix = `${this.name}: `;
    if (shown !== undefined) this.#events.say(shown.startsWith(prefix) ? shown : `${prefix}${shown}`);
  }
}

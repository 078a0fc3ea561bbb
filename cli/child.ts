import { type ChildProcess, fork } from "node:child_process";
import type { Readable } from "node:stream";
import { Lines } from "./lines.ts";
import type { Ending } from "./supervisor-state.ts";

/** A process as its supervisor sees it. Nothing here throws. */
export interface Child {
  /** Undefined when the system could not start it. */
  readonly pid: number | undefined;
  /** Lost when the process no longer listens. */
  send(message: object): void;
  kill(signal: NodeJS.Signals): void;
}

export interface ChildEvents {
  onMessage(message: unknown): void;
  onLine(stream: "stdout" | "stderr", line: string): void;
  /** The last of them: the process is gone and all it wrote was read. */
  onEnd(ending: Ending): void;
}

/** Starts a process; `onEnd` is always called, never before this returns. */
export type Spawn = (args: readonly string[], events: ChildEvents) => Child;

/** Runs a module as a process of its own that talks over Node's IPC channel. */
export function spawnModule(module: URL): Spawn {
  return (args, events) => {
    try {
      return watch(start(module, args), events);
    } catch (error) {
      // The process limit, for one, is thrown.
      queueMicrotask(() => events.onEnd(unborn(error)));
      return { pid: undefined, send() {}, kill() {} };
    }
  };
}

function start(module: URL, args: readonly string[]): ChildProcess {
  return fork(module, args, {
    // A group of its own, or Ctrl-C would reach the routers before they are told to drain.
    detached: true,
    // The command line's --inspect or --import is not theirs.
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
}

function watch(child: ChildProcess, events: ChildEvents): Child {
  // After `kill` or `send` failed there is nothing to do: the end of the process is told of by "close".
  child.on("error", (error) => {
    if (child.pid === undefined) end(unborn(error));
  });
  let isEnded = false;
  const end = (ending: Ending): void => {
    if (isEnded) return;
    isEnded = true;
    events.onEnd(ending);
  };
  child.on("message", (message: unknown) => events.onMessage(message));
  readLines(child.stdout, (line) => events.onLine("stdout", line));
  readLines(child.stderr, (line) => events.onLine("stderr", line));
  child.on("close", (code, signal) => end(signal === null ? { t: "code", code: code ?? 0 } : { t: "signal", signal }));
  return {
    pid: child.pid,
    send: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    kill: (signal) => {
      child.kill(signal);
    },
  };
}

function unborn(error: unknown): Ending {
  return { t: "unborn", message: error instanceof Error ? error.message : String(error) };
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  const lines = new Lines(onLine);
  stream?.on("data", (bytes: Buffer) => lines.write(bytes));
  stream?.on("end", () => lines.end());
}

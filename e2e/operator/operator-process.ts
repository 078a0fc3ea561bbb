import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { ControlPlane } from "../cluster/control-plane.ts";

export interface OperatorProcess {
  /** Resolves when the log has a line with all of these texts; also for one that came before. */
  logged(...texts: string[]): Promise<void>;
  /** Answers the exit code, or the signal that ended it. */
  stop(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** The operator as a process of its own, against a control plane. */
export function startOperator(plane: ControlPlane, ...flags: string[]): OperatorProcess {
  const images = ["--dmz-image=r1:test", "--intranet-image=r2:test"];
  const ports = ["--metrics-port=0", "--health-port=0"];
  const { PATH } = process.env;
  const child = spawn(process.execPath, ["operator/main.ts", ...images, ...ports, ...flags], {
    env: { PATH, KUBECONFIG: plane.kubeconfig },
    stdio: ["ignore", "ignore", "pipe"],
  });
  running.add(child);
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stderr!).on("line", (line) => {
    // A crash is no JSON.
    if (!line.startsWith("{")) process.stderr.write(`${line}\n`);
    lines.push(line);
    for (const look of waiting) look();
  });
  const ended = once(child, "exit").then(([code, signal]) => {
    running.delete(child);
    return (code ?? signal) as number | NodeJS.Signals | null;
  });
  return {
    logged: (...texts) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!lines.some((line) => texts.every((text) => line.includes(text)))) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    stop: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

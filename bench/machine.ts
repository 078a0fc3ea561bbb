import os from "node:os";
import { cpuMs, machineCpuMs, ownCpuMs } from "./process-usage.ts";
import type { Machine } from "./results.ts";

/** Watches how much of the machine others take while a run goes on. */
export class MachineWatch {
  readonly #beganMs = performance.now();
  readonly #allBefore = machineCpuMs();
  readonly #ownBefore = ownCpuMs();

  /** `running`: our processes that have not ended. */
  describe(running: readonly number[]): Machine {
    const cores = os.availableParallelism();
    const own = ownCpuMs() - this.#ownBefore + running.reduce((sum, pid) => sum + cpuMs(pid), 0);
    const others = machineCpuMs() - this.#allBefore - own;
    return {
      processor: os.cpus()[0]?.model.trim() ?? "unknown",
      cores,
      memoryGib: Math.round(os.totalmem() / 2 ** 30),
      kernel: os.release().split("-", 1)[0]!,
      node: process.versions.node,
      othersShare: Math.max(0, others / (performance.now() - this.#beganMs) / cores),
    };
  }
}

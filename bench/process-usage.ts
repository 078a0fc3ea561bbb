import { readFileSync, writeFileSync } from "node:fs";

/** What processes have used, from /proc. Linux only. */

/** USER_HZ is 100 on every Linux that Node runs on. */
const tickMs = 10;
const mebibyte = 1024 * 1024;

/** User and system time of the process since it began, in ms, a tick (10 ms) exact. */
export function cpuMs(pid: number): number {
  const [user = 0, system = 0] = statFields(readFileSync(`/proc/${pid}/stat`, "utf8")).slice(11, 13);
  return (user + system) * tickMs;
}

/** The same of this process with all its children that have ended and were waited for. */
export function ownCpuMs(): number {
  const fields = statFields(readFileSync("/proc/self/stat", "utf8")).slice(11, 15);
  return fields.reduce((sum, field) => sum + field, 0) * tickMs;
}

/** Time that all cores together have worked since the machine began, in ms, with what the host took ("steal"). */
export function machineCpuMs(): number {
  const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]!;
  const [user = 0, nice = 0, system = 0, _idle, _ioWait, interrupts = 0, softInterrupts = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + interrupts + softInterrupts + steal) * tickMs;
}

/** The most memory that the process has had at once, in MiB, since `forgetPeak` or its begin. */
export function peakRssMib(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} tells no VmHWM; it has ended`);
  return (Number(kibibytes) * 1024) / mebibyte;
}

export function forgetPeak(pid: number): void {
  // proc(5): 5 resets the peak.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** The numbers of /proc/<pid>/stat from the third field on; a name with spaces or brackets does no harm. */
export function statFields(stat: string): number[] {
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
}

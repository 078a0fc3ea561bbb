import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Job, WorkerReport } from "./worker.ts";

export interface Verdict {
  readonly passed: boolean;
  /** For people. */
  readonly text: string;
}

/** Fuzzes one target in a process of its own. `say` gets lines for people. */
export async function runJob(job: Job, say: (line: string) => void): Promise<Verdict> {
  const child = spawn(process.execPath, [...nodeOptions, workerFile, JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  let verdict: Verdict | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const report = JSON.parse(line) as WorkerReport;
    if (report.t === "progress") say(`${job.name}: ${progressText(report)}`);
    else verdict = verdictOf(report, job);
  }
  const exit = await exited;
  return verdict ?? died(job, exit);
}

const workerFile = fileURLToPath(new URL("worker.ts", import.meta.url));
/** A parser that takes that much for a few KiB is broken; the collector is for the look at memory. */
const nodeOptions = ["--expose-gc", "--max-old-space-size=1024", "--disable-warning=ExperimentalWarning"];

function verdictOf(report: Exclude<WorkerReport, { t: "progress" }>, job: Job): Verdict {
  switch (report.t) {
    case "passed": {
      const kept = job.keep ? `, ${report.kept} kept` : "";
      return { passed: true, text: `${job.name} passed: ${progressText(report)}${kept}` };
    }
    case "failed":
      return failed(job, `after ${report.executions} inputs: ${report.stack}`, report.file);
    case "hang":
      return failed(job, `an input did not end in ${report.hangMs} ms`, report.file);
  }
}

function progressText({ executions, features, corpus }: Extract<WorkerReport, { t: "passed" | "progress" }>): string {
  return `${executions} executions, ${features} places reached, ${corpus} inputs in the corpus`;
}

function failed(job: Job, what: string, file: string): Verdict {
  const again = `npm run fuzz -- --target ${job.name} --input ${file}`;
  return { passed: false, text: `${job.name} FAILED ${what}\nAgain: ${again}` };
}

function died(job: Job, exit: string): Verdict {
  const again = `npm run fuzz -- --target ${job.name} --seed ${job.seed}`;
  return {
    passed: false,
    text: `${job.name} FAILED: its process ended with ${exit}, out of memory perhaps\nAgain: ${again}`,
  };
}

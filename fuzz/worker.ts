import { readCorpus, writeCorpus, writeInput } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { defaultLimits, Fuzzer, minimise, type Outcome, type Progress } from "./fuzzer.ts";
import type { Target } from "./target.ts";
import { type HangReport, Watchdog } from "./watchdog.ts";

/** One target in a process of its own: `node fuzz/worker.ts JSON`. Says what happens in lines of JSON. */
export interface Job {
  /** Of the module that exports `target`. */
  readonly url: string;
  readonly name: string;
  readonly corpus: string;
  readonly crashes: string;
  readonly seed: number;
  readonly seconds: number;
  readonly executionsMax: number;
  readonly guided: boolean;
  /** Write to the corpus what reached something new, without what reaches nothing of its own. */
  readonly keep: boolean;
  readonly hangMs: number;
}

export type WorkerReport =
  | ({ readonly t: "progress"; readonly places: number } & Progress)
  | ({ readonly t: "passed"; readonly kept: number } & Progress)
  | ({ readonly t: "failed"; readonly file: string; readonly stack: string } & Progress)
  | HangReport;

/** Code of other people that decides much of what these parsers do. */
const packagesUnderTest = ["saxes"];
const progressEveryMs = 3_000;
/** What one target's corpus may take, so that all of them stay under 1 MB in the repository. */
const keptBytesMax = 64 * 1024;

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const coverage = new Coverage();
coverage.instrumentModules(packagesUnderTest);
const { target } = (await import(job.url)) as { readonly target: Target };
const watchdog = new Watchdog({ ...job, inputBytesMax: target.inputBytesMax, prefix: `${job.name}-` });
const { outcome, corpus } = fuzz();
await watchdog.stop();
say(reportOf(outcome, corpus));

function fuzz(): { readonly outcome: Outcome; readonly corpus: readonly Buffer[] } {
  const endMs = performance.now() + job.seconds * 1000;
  let saidMs = performance.now();
  const fuzzer = new Fuzzer(target, coverage, {
    ...job,
    limits: defaultLimits,
    isOver: () => performance.now() >= endMs,
    onInput: (input) => watchdog.begin(input),
    onProgress: (progress) => {
      if (performance.now() - saidMs < progressEveryMs) return;
      saidMs = performance.now();
      say({ t: "progress", places: coverage.places, ...progress });
    },
  });
  const outcome = fuzzer.run([...target.seeds, ...readCorpus(job.corpus)]);
  return { outcome, corpus: fuzzer.corpus };
}

function reportOf(outcome: Outcome, corpus: readonly Buffer[]): WorkerReport {
  const { progress } = outcome;
  if (outcome.t === "passed") return { t: "passed", kept: job.keep ? keep(corpus) : 0, ...progress };
  const file = writeInput(job.crashes, outcome.input, `${job.name}-`);
  return { t: "failed", file, stack: outcome.error.stack ?? String(outcome.error), ...progress };
}

/** How many. */
function keep(corpus: readonly Buffer[]): number {
  coverage.forget();
  const kept = minimise(corpus, keptBytesMax, target, coverage);
  writeCorpus(job.corpus, kept);
  return kept.length;
}

function say(report: WorkerReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { writeInput } from "./corpus.ts";

/**
 * Ends the process when one input takes longer than `hangMs`, after it has written the input to the folder of crashes and
 * said so. A thread of its own: the one that fuzzes cannot interrupt itself.
 */
export class Watchdog {
  readonly #state: Int32Array;
  readonly #input: Buffer;
  readonly #worker: Worker;

  constructor(options: WatchdogOptions) {
    const shared = new SharedArrayBuffer(headerBytes + options.inputBytesMax);
    this.#state = new Int32Array(shared, 0, 2);
    this.#input = Buffer.from(shared, headerBytes);
    this.#worker = new Worker(fileURLToPath(import.meta.url), { workerData: { ...options, shared } });
  }

  /** The next input begins, and the one before it has ended. */
  begin(input: Buffer): void {
    input.copy(this.#input);
    Atomics.store(this.#state, lengthAt, Math.min(input.length, this.#input.length));
    Atomics.add(this.#state, countAt, 1);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

export interface WatchdogOptions {
  readonly inputBytesMax: number;
  readonly hangMs: number;
  readonly crashes: string;
  readonly prefix: string;
}

/** What the process that watches is told in a line of its own. */
export interface HangReport {
  readonly t: "hang";
  readonly file: string;
  readonly hangMs: number;
}

const headerBytes = 8;
const countAt = 0;
const lengthAt = 1;

function watch({ shared, hangMs, crashes, prefix }: WatchdogOptions & { readonly shared: SharedArrayBuffer }): void {
  const state = new Int32Array(shared, 0, 2);
  for (;;) {
    const count = Atomics.load(state, countAt);
    // Nobody notifies: it is a sleep that ends nothing early.
    if (Atomics.wait(state, countAt, count, hangMs) !== "timed-out" || count === 0) continue;
    if (Atomics.load(state, countAt) !== count) continue;
    const input = Buffer.from(Buffer.from(shared, headerBytes, Atomics.load(state, lengthAt)));
    const report: HangReport = { t: "hang", file: writeInput(crashes, input, prefix), hangMs };
    writeSync(1, `${JSON.stringify(report)}\n`);
    process.kill(process.pid, "SIGKILL");
    return;
  }
}

if (!isMainThread) watch(workerData);
